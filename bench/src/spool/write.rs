//! `spool write`: every way of making a block durable, and how long to gather one.

mod age;
mod ceiling;

use super::Plan;
use super::device::{Device, FILE_LEN};
use super::strategy::{Ground, Strategy};
use crate::disk::Requests;
use crate::report::{Report, Table, percentile};
use crate::usage::clock;
use std::io;
use std::time::Duration;

/// How much to write.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Commits of a round; fewer where the file would end.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=16_384))]
    commits: u32,
    /// Sizes of a batch in bytes.
    #[arg(long = "size", value_delimiter = ',', default_values_t = [4_096, 16_384, 65_536, 262_144, 1_048_576])]
    sizes: Vec<usize>,
    /// Milliseconds of a round of producers.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    age_ms: u64,
}

const COLUMNS: &[&str] =
    &["commits/s", "MB/s", "p50 ms", "p99 ms", "CPU us", "disk writes", "flushes"];

pub(super) fn measure(options: &Options, plan: &Plan) -> io::Result<Report> {
    let mut tables: Vec<_> = options
        .sizes
        .iter()
        .map(|size| Table::new(format!("{} KiB, pre-zeroed file", size / 1_024), COLUMNS))
        .collect();
    for _ in 0..plan.rounds {
        for (table, size) in tables.iter_mut().zip(&options.sizes) {
            for strategy in Strategy::ALL {
                let round = round(plan, Ground::Zeroed, strategy, *size, options.commits)?;
                table.add(strategy.name(), &round);
            }
        }
    }
    let winner = winner(&tables);
    tables.push(grounds(options, plan, winner)?);
    tables.push(age::measure(options, plan, winner)?);
    tables.push(ceiling::measure(plan)?);
    let mut report = Report { tables, ..Report::default() };
    for (at, size) in options.sizes.iter().enumerate() {
        let table = &report.tables[at];
        let ours = Strategy::DirectOpenDsync.name();
        let best = table.best("commits/s").unwrap_or(ours);
        let name = format!("{} KiB: O_DIRECT | O_DSYNC beside the best, {best}", size / 1_024);
        let ratios = table.ratios("commits/s", ours, best);
        report.figure(&name, ratios, None);
    }
    Ok(report)
}

/// The way that is best most often.
fn winner(tables: &[Table]) -> Strategy {
    let best = |strategy: &Strategy| {
        tables.iter().filter(|table| table.best("commits/s") == Some(strategy.name())).count()
    };
    let ours = Strategy::DirectOpenDsync;
    Strategy::ALL.into_iter().rev().max_by_key(best).unwrap_or(ours)
}

/// What the file was before, for the winner.
fn grounds(options: &Options, plan: &Plan, winner: Strategy) -> io::Result<Table> {
    let mut table = Table::new(format!("4 KiB, {}", winner.name()), COLUMNS);
    for _ in 0..plan.rounds {
        let all = [
            ("pre-zeroed", Ground::Zeroed),
            ("fallocated", Ground::Fallocated),
            ("growing", Ground::Growing),
        ];
        for (name, ground) in all {
            table.add(name, &round(plan, ground, winner, 4_096, options.commits)?);
        }
    }
    Ok(table)
}

/// Some commits of one kind.
fn round(
    plan: &Plan,
    ground: Ground,
    strategy: Strategy,
    size: usize,
    commits: u32,
) -> io::Result<[f64; 7]> {
    let commits = u64::from(commits).min(FILE_LEN / size as u64);
    let mut device = Device::new(&plan.folder, ground, strategy)?;
    let mut latencies = Vec::with_capacity(commits as usize);
    let (disk, cpu) = (Requests::so_far(&plan.folder), clock(libc::CLOCK_PROCESS_CPUTIME_ID));
    let start = clock(libc::CLOCK_MONOTONIC);
    let mut before = start;
    for _ in 0..commits {
        device.commit(size)?;
        let after = clock(libc::CLOCK_MONOTONIC);
        latencies.push(nanos(after.saturating_sub(before)));
        before = after;
    }
    let cpu = clock(libc::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(cpu);
    let requests = disk.zip(Requests::so_far(&plan.folder)).map(|(before, after)| after - before);
    latencies.sort_unstable();
    let rate = commits as f64 / before.saturating_sub(start).as_secs_f64();
    let each = |count: Option<u64>| count.map_or(f64::NAN, |count| count as f64 / commits as f64);
    Ok([
        rate,
        rate * size as f64 / 1e6,
        percentile(&latencies, 50) / 1e6,
        percentile(&latencies, 99) / 1e6,
        cpu.as_secs_f64() * 1e6 / commits as f64,
        each(requests.map(Requests::data_writes)),
        each(requests.map(|requests| requests.flushes)),
    ])
}

/// A time as a number that sorts.
pub(super) const fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}
