//! `spool restart`: from a killed process to one that takes mail and knows all of its own.
//!
//! Two logs are filled as two shards would, with one recipient a message, and left without a
//! word. Then the real program is started on them, as often as there are rounds, and killed
//! again. Before each start the files are dropped from the page cache, as after a reboot.

use super::Plan;
use super::backlog::{Backlog, SHARDS};
use super::engine::Engine;
use crate::report::{Goal, Report, Table};
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tests::speaker::Speaker;
use tests::wait;

/// What lies there.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages queued.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(2..=50_000_000))]
    messages: u64,
    #[command(flatten)]
    backlog: Backlog,
    /// Seconds after which a start is given up.
    #[arg(long, default_value_t = 300)]
    patience: u64,
}

/// What a start should reach: it takes mail within a second, and knows a million messages
/// within five, ten million within forty.
const ACCEPT_SECS: f64 = 1.0;
const MILLION_SECS: f64 = 5.0;
const MILLION_MORE_SECS: f64 = 35.0 / 9.0;
/// What a page of numbers costs, of what it does with nothing queued: the same, as near as can be seen.
const PAGE: f64 = 1.2;
/// Bytes of memory for a recipient.
const RECIPIENT_BYTES: f64 = 160.0;

const COLUMNS: &[&str] = &[
    "accepts s",
    "knows all s",
    "CPU s",
    "messages/s",
    "RSS MiB",
    "peak MiB",
    "B each",
    "peak B each",
    "a page ms",
];

pub(super) fn measure(options: &Options, plan: &Plan) -> io::Result<Report> {
    let (empty, full) = (plan.folder.join("empty"), plan.folder.join("full"));
    let start = wait::now();
    options.backlog.write(options.messages, &full.join("spool"))?;
    eprintln!("{} messages written in {:.1?}", options.messages, start.elapsed());
    let mut table = Table::new(format!("{} messages queued", options.messages), COLUMNS);
    for _ in 0..plan.rounds {
        let nothing = round(options, &empty, 0)?;
        table.add("an empty spool", &numbers(&nothing, &nothing, 0));
        let round = round(options, &full, options.messages)?;
        table.add("a full one", &numbers(&round, &nothing, options.messages));
    }
    let of = |column| table.rounds("a full one", column).to_vec();
    let millions = (options.messages as f64 / 1e6).max(1.0);
    let mut report = Report::default();
    report.figure("seconds until mail is taken", of("accepts s"), Goal::AtMost(ACCEPT_SECS));
    let goal = Goal::AtMost(MILLION_SECS + MILLION_MORE_SECS * (millions - 1.0));
    report.figure("seconds until all are known", of("knows all s"), goal);
    report.figure("bytes a recipient", of("B each"), Goal::AtMost(RECIPIENT_BYTES));
    report.figure("bytes a recipient at the peak", of("peak B each"), None);
    let page = table.ratios("a page ms", "a full one", "an empty spool");
    report.figure("a page of numbers, to that of an empty spool", page, Goal::AtMost(PAGE));
    report.tables.push(table);
    Ok(report)
}

/// One start.
struct Started {
    accepts: Duration,
    knows_all: Duration,
    /// Processor time until then.
    cpu: Duration,
    memory: (f64, f64),
    /// How long a page of numbers takes.
    page: Duration,
}

fn round(options: &Options, folder: &Path, messages: u64) -> io::Result<Started> {
    let patience = Duration::from_secs(options.patience);
    drop_from_cache(&folder.join("spool"))?;
    let over = AtomicBool::new(false);
    // Built, if need be, before the clock runs.
    tests::program::built("ringpost")?;
    let start = wait::now();
    let mut engine = Engine::start(folder, SHARDS)?;
    let smtp = engine.smtp();
    let (knows_all, cpu, accepts) = thread::scope(|scope| {
        let speaker = scope.spawn(|| first_mail(smtp, start, patience, &over));
        let shards = f64::from(SHARDS);
        let all = engine.wait_for("all messages", patience, |standing| {
            standing.recovered >= shards && standing.queued >= messages as f64
        });
        let (knows_all, cpu) = (start.elapsed(), engine.cpu());
        over.store(all.is_err(), Ordering::Relaxed);
        let accepts = speaker.join().expect("speaking does not panic");
        all.map(|()| (knows_all, cpu, accepts))
    })?;
    engine.rest(patience)?;
    let (memory, page) = (engine.memory()?, engine.page()?);
    Ok(Started { accepts: accepts?, knows_all, cpu, memory, page })
}

/// When the first message is taken.
fn first_mail(
    smtp: SocketAddr,
    start: Instant,
    patience: Duration,
    over: &AtomicBool,
) -> io::Result<Duration> {
    let said = wait::until("a first 250", patience, || {
        if over.load(Ordering::Relaxed) {
            return Some(Err(io::Error::other("the engine has ended")));
        }
        let mut speaker = Speaker::connect(smtp).ok()?;
        speaker.say("EHLO client.test", "250").ok()?;
        let text = "Subject: first\r\n\r\nIs anybody there?\r\n";
        speaker.send("news@shop.test", "someone@d0.test", text).ok().map(Ok)
    })?;
    said.map(|_| start.elapsed())
}

fn numbers(started: &Started, nothing: &Started, messages: u64) -> [f64; 9] {
    let messages = messages as f64;
    let each = |of: fn(&Started) -> f64| (of(started) - of(nothing)) / messages;
    [
        started.accepts.as_secs_f64(),
        started.knows_all.as_secs_f64(),
        started.cpu.as_secs_f64(),
        messages / started.knows_all.as_secs_f64(),
        started.memory.0 / 1_048_576.0,
        started.memory.1 / 1_048_576.0,
        each(|started| started.memory.0),
        each(|started| started.memory.1),
        started.page.as_secs_f64() * 1e3,
    ]
}

/// Makes the next reader of a folder's files fetch them from the disk.
#[allow(unsafe_code, reason = "a call of the C library")]
fn drop_from_cache(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            drop_from_cache(&path)?;
            continue;
        }
        let file = File::open(&path)?;
        file.sync_all()?;
        // SAFETY: the call touches no memory of ours, and the file is open.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    }
    Ok(())
}
