//! `spool stuck`: the whole engine under steady load, one message in a hundred for a host that
//! nobody is at.
//!
//! All others are delivered as they come. What counts is how much slower they are than without
//! the stuck ones, and how much each log takes up beyond what lives in it, at any moment.

use super::Plan;
use super::load::LIVE_SHARE;
use crate::report::{Goal, Report, Table};
use loadgen::send::{self, Options as Sending};
use loadgen::sink::{self, Sink};
use loadgen::size::Mix;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::{port, usage, wait};

/// How much to send.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages of a round.
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    messages: u64,
    /// One message in so many is stuck.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..))]
    stuck: u32,
    /// Connections of the generator.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    sessions: u16,
    /// Bytes of a message.
    #[arg(long, default_value_t = 4_096)]
    size: u32,
}

const SEGMENT_BYTES: f64 = (64 << 20) as f64;
/// Messages before anything is measured.
const WARM_UP: u64 = 1_000;
/// Between two looks at the logs.
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_mins(10);

const COLUMNS: &[&str] = &["delivered/s", "CPU us", "copies", "live MiB", "excess"];
const NONE: &str = "none stuck";
const SOME: &str = "some stuck";

pub(super) fn measure(options: &Options, plan: &Plan) -> io::Result<Report> {
    let name = format!("{} messages, 1 in {} stuck", options.messages, options.stuck);
    let mut table = Table::new(name, COLUMNS);
    for _ in 0..plan.rounds {
        for (name, some) in [(NONE, false), (SOME, true)] {
            table.add(name, &round(options, plan, some)?);
        }
    }
    let mut report = Report::default();
    let pace = table.ratios("delivered/s", SOME, NONE);
    report.figure("delivered/s with some stuck over none", pace, Goal::AtLeast(0.9));
    let excess = table.rounds(SOME, "excess").to_vec();
    let name = format!("segments written beyond {LIVE_SHARE} of live bytes, at most");
    report.figure(&name, excess, Goal::AtMost(2.0));
    report.tables.push(table);
    Ok(report)
}

/// One engine from its start to its end.
fn round(options: &Options, plan: &Plan, some: bool) -> io::Result<[f64; 5]> {
    let folder = plan.folder.join("stuck");
    let sink = sink()?;
    let (alive, dead) = (sink.providers()[0].addresses[0], port::free()?);
    let settings = format!(
        "[[route]]\ndomain = \"alive.test\"\nto = [\"{alive}\"]\n\
         [[route]]\ndomain = \"dead.test\"\nto = [\"{dead}\"]\n\
         [delivery]\nconnections_per_site = 20\nmessages_per_connection = 100000\n"
    );
    let engine = Ringpost::start(&folder, &settings)?;
    deliver(&mail(options, engine.smtp(), WARM_UP, false)?, &sink)?;
    usage::wait_until_idle(engine.id(), PATIENCE)?;

    let (cpu, start) = (usage::cpu(engine.id()), wait::now());
    let done = AtomicBool::new(false);
    let excess = thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&engine, &done));
        let delivered = deliver(&mail(options, engine.smtp(), options.messages, some)?, &sink);
        done.store(true, Ordering::Relaxed);
        delivered.and(watch.join().expect("watching does not panic"))
    })?;
    let took = start.elapsed().as_secs_f64();
    usage::wait_until_idle(engine.id(), PATIENCE)?;
    let used = usage::cpu(engine.id()).saturating_sub(cpu).as_secs_f64();
    let messages = options.messages as f64;
    let figures = [
        messages / took,
        used * 1e6 / messages,
        engine.metric("ringpost_spool_copies_total")?,
        engine.metric("ringpost_spool_live_bytes")? / 1_048_576.0,
        excess,
    ];
    drop(engine);
    std::fs::remove_dir_all(&folder)?;
    Ok(figures)
}

fn sink() -> io::Result<Sink> {
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let providers = vec![sink::Provider { listen, ..sink::Provider::default() }];
    sink::start(sink::Options { providers, seed: 0, ledger: None, threads: 1 })
}

fn mail(options: &Options, to: SocketAddr, messages: u64, some: bool) -> io::Result<Sending> {
    let domains = if some {
        format!("alive.test={},dead.test=1", options.stuck - 1)
    } else {
        "alive.test".to_owned()
    };
    Ok(Sending {
        messages,
        sessions: options.sessions.into(),
        sizes: Mix::exactly(options.size),
        domains: domains.parse().map_err(io::Error::other)?,
        ..Sending::new(to)
    })
}

/// Sends all of it, and waits until the living have theirs.
fn deliver(mail: &Sending, sink: &Sink) -> io::Result<()> {
    let alive = mail.recipients_by_domain().get("alive.test").copied().unwrap_or_default();
    let wanted = sink.messages() + alive;
    let report = send::start(mail.clone())?.join()?;
    if report.messages != mail.messages {
        return Err(io::Error::other(format!("not all was accepted: {report:?}")));
    }
    wait::until("mail", PATIENCE, || (sink.messages() >= wanted).then_some(()))
}

/// By how many segments a log went beyond [`LIVE_SHARE`] of what lives in it, at the most.
fn watch(engine: &Ringpost, done: &AtomicBool) -> io::Result<f64> {
    let mut most = f64::MIN;
    while !done.load(Ordering::Relaxed) {
        let [live, dead] = engine
            .metrics_by_shard(["ringpost_spool_live_bytes", "ringpost_spool_reclaim_debt_bytes"])?;
        for (live, dead) in live.into_iter().zip(dead) {
            most = most.max((live + dead - LIVE_SHARE * live) / SEGMENT_BYTES);
        }
        thread::sleep(PAUSE);
    }
    Ok(most)
}
