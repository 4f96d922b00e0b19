//! `sites spread`: one site, served by one shard and by two.
//!
//! What is compared is messages for each second of processor time of the shard that worked most: what one
//! shard and two would deliver a second, had each a processor of its own. On a machine with two
//! processors they have not, since generator and sink work beside them: these are in another
//! process, and not counted. A shard's time is that of its thread and of the kernel's workers
//! that its ring started; the rest of the process is told apart.

use super::world::{PATIENCE, World, sent};
use crate::report::{Goal, Report, Table};
use std::io;
use std::time::Duration;
use tests::scratch::Scratch;
use tests::{usage, wait};

/// How much mail.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages in all.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    messages: u64,
    /// Connections to the site.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=1_000))]
    connections: u16,
}

/// What two shards deliver of what one does.
const GAIN: f64 = 1.7;

const ONE: &str = "one shard";
const TWO: &str = "two shards";
const APART: &str = "two shards, the site on one of them";

const COLUMNS: &[&str] =
    &["messages/s of the busiest", "messages/s seen", "busiest us", "all shards us", "rest us"];

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    let mut table = Table::new(format!("{} messages to one site", options.messages), COLUMNS);
    for _ in 0..rounds {
        table.add(ONE, &round(options, 1, "")?);
        table.add(TWO, &round(options, 2, "")?);
        table.add(APART, &round(options, 2, "spread_backlog = 0\n")?);
    }
    let mut report = Report::default();
    let gain = |of| table.ratios("messages/s of the busiest", of, ONE);
    report.figure("two shards over one", gain(TWO), Goal::AtLeast(GAIN));
    report.figure("two shards over one, the site on one of them", gain(APART), None);
    report.tables.push(table);
    Ok(report)
}

fn round(options: &Options, shards: usize, more: &str) -> io::Result<[f64; 5]> {
    let scratch = Scratch::new("sites-spread")?;
    let world = World::start(1, None)?;
    let settings = format!("[delivery]\nconnections_per_site = {}\n{more}", options.connections);
    let engine = world.engine(shards, scratch.path(), &settings)?;
    let before = Work::so_far(engine.id(), shards)?;
    let start = wait::now();
    sent(world.mail(&engine, options.messages)?)?;
    world.wait_for(options.messages)?;
    let took = start.elapsed();
    usage::wait_until_idle(engine.id(), PATIENCE)?;
    let work = Work::so_far(engine.id(), shards)?.since(&before);
    let messages = options.messages as f64;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / messages;
    let busiest = work.shards.iter().copied().max().unwrap_or_default();
    let all: Duration = work.shards.iter().sum();
    Ok([
        messages / busiest.as_secs_f64(),
        messages / took.as_secs_f64(),
        each(busiest),
        each(all),
        each(work.rest),
    ])
}

/// Processor time of an engine.
struct Work {
    /// By shard.
    shards: Vec<Duration>,
    /// Of all its other threads.
    rest: Duration,
}

impl Work {
    fn so_far(process: u32, shards: usize) -> io::Result<Self> {
        let threads = usage::threads(process)?;
        let of = |shard: usize| {
            let name = format!("shard-{shard}");
            let own = threads.iter().find(|thread| thread.name == name);
            let Some(own) = own else { return Err(io::Error::other(format!("no thread {name}"))) };
            let worker = format!("iou-wrk-{}", own.id);
            let workers = threads.iter().filter(|thread| thread.name == worker);
            Ok(own.cpu + workers.map(|thread| thread.cpu).sum::<Duration>())
        };
        let shards = (0..shards).map(of).collect::<io::Result<Vec<_>>>()?;
        // The threads that have ended are counted there.
        let rest = usage::cpu(process).saturating_sub(shards.iter().sum());
        Ok(Self { shards, rest })
    }

    fn since(&self, before: &Self) -> Self {
        let pairs = self.shards.iter().zip(&before.shards);
        let shards = pairs.map(|(now, then)| now.saturating_sub(*then)).collect();
        Self { shards, rest: self.rest.saturating_sub(before.rest) }
    }
}
