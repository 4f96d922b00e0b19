//! `spool memory`: bytes of memory for a queued recipient.
//!
//! A running engine takes small messages by SMTP for hosts that nobody is at, and keeps no
//! text in memory. Its resident memory at rest is compared before and after, connections and
//! their buffers being there the first time already.

use super::Plan;
use super::engine::Engine;
use crate::report::{Goal, Report, Table};
use loadgen::send;
use loadgen::size::Mix;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tests::wait;

/// How much to queue.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages, of one recipient each.
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    messages: u64,
    /// Messages before the first look.
    #[arg(long, default_value_t = 5_000)]
    warm_up: u64,
    /// Bytes of a message.
    #[arg(long, default_value_t = 512)]
    size: u32,
    /// Domains of their recipients.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    domains: u32,
}

const SHARDS: u16 = 2;
const SESSIONS: usize = 50;
const PATIENCE: Duration = Duration::from_mins(10);
/// Bytes of memory for a recipient.
const RECIPIENT_BYTES: f64 = 160.0;

pub(super) fn measure(options: &Options, plan: &Plan) -> io::Result<Report> {
    let columns = &["B each", "accepted/s", "before MiB", "after MiB", "peak MiB"];
    let name = format!("{} messages of {} bytes", options.messages, options.size);
    let mut table = Table::new(name, columns);
    for _ in 0..plan.rounds {
        table.add("one recipient each", &round(options, plan)?);
    }
    let mut report = Report::default();
    let each = table.rounds("one recipient each", "B each").to_vec();
    report.figure("bytes a recipient", each, Goal::AtMost(RECIPIENT_BYTES));
    report.tables.push(table);
    Ok(report)
}

fn round(options: &Options, plan: &Plan) -> io::Result<[f64; 5]> {
    let folder = plan.folder.join("memory");
    let mut engine = Engine::start(&folder, SHARDS)?;
    engine
        .wait_for("a ready engine", PATIENCE, |standing| standing.recovered >= f64::from(SHARDS))?;
    queue(options, &mut engine, options.warm_up, options.warm_up)?;
    let (before, _) = engine.memory()?;
    let start = wait::now();
    queue(options, &mut engine, options.messages, options.warm_up + options.messages)?;
    let took = start.elapsed();
    let (after, most) = engine.memory()?;
    drop(engine);
    fs::remove_dir_all(&folder)?;
    let messages = options.messages as f64;
    Ok([
        (after - before) / messages,
        messages / took.as_secs_f64(),
        before / 1_048_576.0,
        after / 1_048_576.0,
        most / 1_048_576.0,
    ])
}

/// Sends so many, and waits until `all` are queued and the engine is at rest.
fn queue(options: &Options, engine: &mut Engine, messages: u64, all: u64) -> io::Result<()> {
    let report = send::start(load(options, engine.smtp(), messages)?)?.join()?;
    if report.messages != messages {
        return Err(io::Error::other(format!("not all were taken: {report:?}")));
    }
    engine.wait_for("all in the queue", PATIENCE, |standing| standing.queued >= all as f64)?;
    engine.rest(PATIENCE)
}

fn load(options: &Options, target: SocketAddr, messages: u64) -> io::Result<send::Options> {
    let mut domains = String::new();
    for number in 0..options.domains {
        let comma = if number == 0 { "" } else { "," };
        write!(domains, "{comma}d{number}.test").map_err(io::Error::other)?;
    }
    let domains = domains.parse().map_err(io::Error::other)?;
    let sizes = Mix::exactly(options.size);
    let sessions = SESSIONS.min(messages as usize);
    Ok(send::Options { messages, sizes, domains, sessions, ..send::Options::new(target) })
}
