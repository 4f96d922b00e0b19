//! `sites many`: as much mail for many sites as for one.
//!
//! The engine has the limits it ships with: ten connections to a site, a hundred messages on each, and one
//! message at a time to a host that nobody knows. From the first message offered to the last one
//! taken.

use super::world::{PATIENCE, World, sent};
use crate::report::{Goal, Report, Table};
use crate::usage::allow_many_files;
use std::io;
use tests::scratch::Scratch;
use tests::{usage, wait};

/// How many sites, and how much mail.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Sites.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(2..=10_000))]
    sites: u16,
    /// Messages in all.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    messages: u64,
}

const SHARDS: usize = 2;
/// What is left of one site's throughput with many.
const THROUGHPUT: f64 = 0.6;

const ONE: &str = "one site";
const MANY: &str = "many sites";

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    allow_many_files()?;
    let name = format!("{} messages, {} sites", options.messages, options.sites);
    let mut table = Table::new(name, &["messages/s", "CPU us", "connections", "accepted/s"]);
    for _ in 0..rounds {
        table.add(ONE, &round(options, 1)?);
        table.add(MANY, &round(options, options.sites)?);
    }
    let mut report = Report::default();
    let throughput = table.ratios("messages/s", MANY, ONE);
    report.figure("throughput with many sites", throughput, Goal::AtLeast(THROUGHPUT));
    report.figure("CPU a message with many sites", table.ratios("CPU us", MANY, ONE), None);
    report.tables.push(table);
    Ok(report)
}

fn round(options: &Options, sites: u16) -> io::Result<[f64; 4]> {
    let scratch = Scratch::new("sites-many")?;
    let world = World::start(sites, None)?;
    let engine = world.engine(SHARDS, scratch.path(), "")?;
    let before = usage::cpu(engine.id());
    let start = wait::now();
    sent(world.mail(&engine, options.messages)?)?;
    let accepted = start.elapsed();
    world.wait_for(options.messages)?;
    let took = start.elapsed();
    usage::wait_until_idle(engine.id(), PATIENCE)?;
    let used = usage::cpu(engine.id()).saturating_sub(before);
    let messages = options.messages as f64;
    Ok([
        messages / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / messages,
        engine.metric("ringpost_dials_total")?,
        messages / accepted.as_secs_f64(),
    ])
}
