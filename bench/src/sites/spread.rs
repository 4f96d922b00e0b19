//! `sites spread`: one site, served by one shard and by two.
//!
//! The mail lies in the queue already when the engine starts, so that there is nothing to do but to
//! send it: while mail comes in, a shard that has a site alone is hardly busier than the others.
//!
//! Each shard has a tenth of a processor (a control group for its thread), so that neither sink nor
//! machine sets the pace: without that a sink in one thread does, long before two shards do. The
//! rate is that of what came after the shares were set. Beside it stands the processor time of
//! shards since the start of the process: of their threads and of the kernel's workers that their rings started.

use super::quota::Quota;
use super::world::{PATIENCE, World, sent};
use crate::report::{Goal, Report, Table};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;
use tests::scratch::Scratch;
use tests::{usage, wait};

/// How much mail.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages in all.
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    messages: u64,
    /// Hundredths of a processor that each shard gets; 0: no limit, and then it is the sink that has one.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    quota: u32,
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
    &["messages/s", "for a CPU s of the busiest", "busiest us", "all shards us", "rest us"];

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    let mut table = Table::new(format!("{} messages to one site", options.messages), COLUMNS);
    for _ in 0..rounds {
        table.add(ONE, &round(options, 1, "")?);
        table.add(TWO, &round(options, 2, "")?);
        table.add(APART, &round(options, 2, "spread_backlog = 0\n")?);
    }
    let mut report = Report::default();
    let gain = |of| table.ratios("messages/s", of, ONE);
    report.figure("two shards over one", gain(TWO), Goal::AtLeast(GAIN));
    report.figure("two shards over one, the site on one of them", gain(APART), None);
    report.tables.push(table);
    Ok(report)
}

fn round(options: &Options, shards: usize, more: &str) -> io::Result<[f64; 5]> {
    let scratch = Scratch::new("sites-spread")?;
    let world = World::start(1, None)?;
    // Never asked for the connections that wait there: it says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let to = silent.local_addr()?;
    let detour = format!("[[route]]\ndomain = \".many.test\"\nto = [\"{to}\"]\n");
    let connections = options.connections;
    let settings = format!("{detour}[delivery]\nconnections_per_site = {connections}\n{more}");
    let mut engine = world.engine(shards, scratch.path(), &settings)?;
    sent(world.mail(&engine, options.messages)?)?;
    engine.drain()?;
    engine.rewrite(|settings| settings.replace(&detour, ""))?;
    engine.restart()?;
    let quotas = quotas(engine.id(), shards, options.quota)?;
    let (begun, before) = (wait::now(), world.sink.messages());
    world.wait_for(options.messages)?;
    let took = begun.elapsed();
    let rate = (options.messages - before) as f64 / took.as_secs_f64();
    usage::wait_until_idle(engine.id(), PATIENCE)?;
    let work = Work::so_far(engine.id(), shards)?;
    let messages = options.messages as f64;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / messages;
    let busiest = work.shards.iter().copied().max().unwrap_or_default();
    let all: Duration = work.shards.iter().sum();
    // The groups can be removed when their threads have ended.
    drop(engine);
    drop(quotas);
    Ok([rate, messages / busiest.as_secs_f64(), each(busiest), each(all), each(work.rest)])
}

/// So much of a processor for each shard; no limits, if that is nothing.
fn quotas(process: u32, shards: usize, percent: u32) -> io::Result<Vec<Quota>> {
    let is_shard = |name: &str| (0..shards).any(|shard| name == format!("shard-{shard}"));
    let threads = usage::threads(process)?.into_iter().filter(|thread| is_shard(&thread.name));
    threads.filter(|_| percent > 0).map(|thread| Quota::of(thread.id, percent)).collect()
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
}
