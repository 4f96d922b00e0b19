//! `spool reclaim`: steady load on a log, one message in a hundred of which is never settled.
//!
//! Segments are small, so that a log goes round many times in a few seconds. What counts is
//! how many of them are in use beyond what lives in them, at any moment, and whether carrying
//! the stuck ones forward slows the others.

use super::Plan;
use super::journal::{on_shard, open};
use super::load::{Crowd, LIVE_SHARE, Mail, Then};
use crate::report::{Goal, Report, Table, percentile};
use std::io;

/// How much to write and to leave.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages of a round.
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    messages: u64,
    /// One message in so many is stuck.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..))]
    stuck: u64,
    /// Producers.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    producers: u64,
    /// Bytes of a message.
    #[arg(long, default_value_t = 4_096)]
    size: usize,
    /// Bytes of a segment.
    #[arg(long, default_value_t = spool::SEGMENT_MIN as u64)]
    segment_bytes: u64,
}

/// A message is settled when so many younger ones are durable.
const BEHIND: usize = 1_000;

const COLUMNS: &[&str] = &[
    "messages/s",
    "p99 ms",
    "CPU us",
    "segments",
    "at the end",
    "live MiB",
    "copies",
    "written",
    "excess",
    "end excess",
];
const NONE: &str = "none stuck";
const SOME: &str = "some stuck";

pub(super) fn measure(options: &Options, plan: &Plan) -> io::Result<Report> {
    let mebibytes = options.segment_bytes as f64 / 1_048_576.0;
    let name = format!("1 in {} stuck, {mebibytes:.1} MiB", options.stuck);
    let mut table = Table::new(name, COLUMNS);
    for _ in 0..plan.rounds {
        for (name, stuck) in [(NONE, None), (SOME, Some(options.stuck))] {
            table.add(name, &round(options, plan, stuck)?);
        }
    }
    let mut report = Report::default();
    let pace = table.ratios("messages/s", SOME, NONE);
    report.figure("messages/s with some stuck over none", pace, Goal::AtLeast(0.9));
    for (name, row) in [("none stuck", NONE), ("some stuck", SOME)] {
        for (when, column) in [("at most", "excess"), ("at the end", "end excess")] {
            let excess = table.rounds(row, column).to_vec();
            let name = format!("segments beyond {LIVE_SHARE} of live bytes, {name}, {when}");
            report.figure(&name, excess, Goal::AtMost(2.0));
        }
    }
    report.tables.push(table);
    Ok(report)
}

/// One log from its making to its end.
fn round(options: &Options, plan: &Plan, stuck: Option<u64>) -> io::Result<[f64; 10]> {
    let folder = plan.folder.join("reclaim");
    let numbers = on_shard(async |kernel| {
        let log = open(&kernel, &folder, 0, options.segment_bytes).await?;
        let then = Then::Settled { behind: BEHIND, stuck };
        let place = (folder.as_path(), options.segment_bytes);
        let crowd = Crowd::new(&kernel, &log, place, Mail::new(options.size, 1), then);
        crowd.work(options.producers, options.messages / 10).await?;
        let before = log.state();
        let done = crowd.work(options.producers, options.messages).await?;
        let after = log.state();
        log.close().await;
        let messages = done.messages as f64;
        Ok([
            messages / done.took.as_secs_f64(),
            percentile(&done.latencies, 99) / 1e6,
            done.cpu.as_secs_f64() * 1e6 / messages,
            done.segments as f64,
            after.segments as f64,
            after.live as f64 * crowd.message_bytes() as f64 / 1_048_576.0,
            (after.copies - before.copies) as f64,
            (after.bytes - before.bytes) as f64 / messages / crowd.message_bytes() as f64,
            done.excess,
            crowd.excess(&after),
        ])
    });
    std::fs::remove_dir_all(&folder)?;
    numbers
}
