//! `spool append`: durable messages through a log, beside the bare disk.
//!
//! The bare disk writes the commits that the log has just written: as many, of the same
//! lengths, in the same order, into a file of the same kind. So it says what no log could do
//! better with these batches. A single producer stands beside one write of what its commits
//! held.

use super::Plan;
use super::device::Device;
use super::journal::{on_shard, open};
use super::load::{Crowd, Done, Mail, Then};
use super::strategy::{Ground, Strategy};
use super::write::nanos;
use crate::disk::Requests;
use crate::report::{Goal, Report, Table, over, percentile};
use crate::usage::clock;
use kernel::ALIGNMENT;
use std::io;
use std::rc::Rc;

/// How much to append.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages of a round of many producers.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    messages: u64,
    /// Messages of a round of one producer, and of a sync each.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    alone: u64,
    /// Producers.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    producers: u64,
    /// Bytes of a message.
    #[arg(long, default_value_t = 4_096)]
    size: usize,
    /// Bytes of a segment.
    #[arg(long, default_value_t = 64 << 20)]
    segment_bytes: u64,
}

/// A log is warm when it has written so many segments, and its files are recycled ones.
const LAP: u64 = 6;
/// A message is settled when so many younger ones are durable.
const BEHIND: usize = 1_000;

const COLUMNS: &[&str] =
    &["messages/s", "p50 ms", "p99 ms", "CPU us", "a commit", "KiB", "disk writes", "flushes"];
const MANY: &str = "log, many producers";
const BARE: &str = "bare disk, the same commits";
const LONE: &str = "log, one producer";
const ONE: &str = "bare disk, a sync a message";

pub(super) fn measure(options: &Options, plan: &Plan) -> io::Result<Report> {
    let name = format!("{} producers of {} bytes", options.producers, options.size);
    let mut table = Table::new(name, COLUMNS);
    on_shard(async |kernel| {
        let log = open(&kernel, &plan.folder, 0, options.segment_bytes).await?;
        let place = (plan.folder.as_path(), options.segment_bytes);
        let then = Then::Settled { behind: BEHIND, stuck: None };
        let crowd = Crowd::new(&kernel, &log, place, Mail::new(options.size, 1), then);
        while log.state().bytes < LAP * options.segment_bytes {
            crowd.work(options.producers, options.messages).await?;
        }
        for _ in 0..plan.rounds {
            round(options, plan, &crowd, &mut table).await?;
        }
        log.close().await;
        Ok(())
    })?;
    Ok(judge(table))
}

/// Everything once, in turn.
async fn round(
    options: &Options,
    plan: &Plan,
    crowd: &Rc<Crowd>,
    table: &mut Table,
) -> io::Result<()> {
    let many = crowd.work(options.producers, options.messages).await?;
    table.add(MANY, &numbers(&many));
    table.add(BARE, &numbers(&bare(plan, &many.shape)?));
    let lone = crowd.work(1, options.alone).await?;
    table.add(LONE, &numbers(&lone));
    let bytes: u64 = lone.shape.iter().map(|commit| commit.1).sum();
    let each = (bytes / lone.shape.len() as u64).next_multiple_of(ALIGNMENT as u64);
    let singly = vec![(1, each); options.alone as usize];
    table.add(ONE, &numbers(&bare(plan, &singly)?));
    Ok(())
}

/// The same commits without a log.
fn bare(plan: &Plan, shape: &[(u32, u64)]) -> io::Result<Done> {
    let mut device = Device::new(&plan.folder, Ground::Zeroed, Strategy::DirectOpenDsync)?;
    let disk = Requests::so_far(&plan.folder);
    let cpu = clock(libc::CLOCK_PROCESS_CPUTIME_ID);
    let start = clock(libc::CLOCK_MONOTONIC);
    let (mut before, mut latencies) = (start, Vec::new());
    for (messages, bytes) in shape {
        device.commit(*bytes as usize)?;
        let after = clock(libc::CLOCK_MONOTONIC);
        latencies.extend((0..*messages).map(|_| nanos(after.saturating_sub(before))));
        before = after;
    }
    latencies.sort_unstable();
    let after = Requests::so_far(&plan.folder);
    Ok(Done {
        messages: shape.iter().map(|commit| u64::from(commit.0)).sum(),
        took: before.saturating_sub(start),
        cpu: clock(libc::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(cpu),
        latencies,
        shape: shape.to_vec(),
        commits: shape.len() as u64,
        requests: disk.zip(after).map(|(before, after)| after - before),
        segments: 1,
        excess: 0.0,
    })
}

fn numbers(done: &Done) -> [f64; 8] {
    let (messages, commits) = (done.messages as f64, done.commits as f64);
    let bytes: u64 = done.shape.iter().map(|commit| commit.1).sum();
    let requests = |count: fn(Requests) -> u64| {
        done.requests.map_or(f64::NAN, |requests| count(requests) as f64 / commits)
    };
    [
        messages / done.took.as_secs_f64(),
        percentile(&done.latencies, 50) / 1e6,
        percentile(&done.latencies, 99) / 1e6,
        done.cpu.as_secs_f64() * 1e6 / messages,
        messages / commits,
        bytes as f64 / 1_024.0 / done.shape.len() as f64,
        requests(Requests::data_writes),
        requests(|requests| requests.flushes),
    ]
}

fn judge(table: Table) -> Report {
    let mut report = Report::default();
    let share = table.ratios("messages/s", MANY, BARE);
    report.figure("messages/s over the bare disk's with these commits", share, Goal::AtLeast(0.6));
    let gain = table.ratios("messages/s", MANY, ONE);
    report.figure("messages/s over a sync for each message", gain, Goal::AtLeast(10.0));
    let lone = table.ratios("p99 ms", LONE, ONE);
    report.figure("p99 of one producer over one write and sync", lone, Goal::AtMost(1.3));
    let lone = table.ratios("p50 ms", LONE, ONE);
    report.figure("p50 of one producer over one write and sync", lone, None);
    for (name, column) in [("disk writes", "disk writes"), ("flushes", "flushes")] {
        let each = table.rounds(MANY, column).to_vec();
        report.figure(&format!("{name} a commit, segments recycled"), each, Goal::AtMost(1.1));
        let beside = over(table.rounds(MANY, column), table.rounds(BARE, column));
        report.figure(&format!("{name} a commit over the bare disk's"), beside, None);
    }
    report.tables.push(table);
    report
}
