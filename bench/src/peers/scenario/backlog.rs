//! Mail that waits: the next hop takes connections and says nothing, until it answers again.
//!
//! So nothing fails and no retry time decides. The sink is smtp-sink, suspended: a process
//! that is not run, as a provider that hangs.

use super::RETRY_LATE;
use crate::peers::figures::{Figures, Quantity};
use crate::peers::load::{Load, Sink};
use crate::peers::relay::{Relay, Running, Site};
use crate::peers::watch;
use std::io;
use std::path::Path;
use std::time::Duration;
use tests::scratch::Scratch;
use tests::smtp_sink::SmtpSink;
use tests::wait;

/// How fast a queue must drain at least, and how long before that is asked.
const DRAINED_PER_SECOND_MIN: u64 = 20;
const PATIENCE: Duration = Duration::from_mins(1);

/// Fills a queue and drains it.
pub(super) fn run(relay: Relay, load: Load) -> io::Result<Figures> {
    let scratch = Scratch::new("peers-backlog")?;
    let (sink, mut running) = hung(relay, load, scratch.path())?;
    watch::during(&mut running, scratch.path(), load.messages, |running| {
        let figures = fill(running, load)?;
        let start = wait::now();
        resume(&sink)?;
        running.flush()?;
        let last = sink.wait_for(load.messages, patience(load.messages))?;
        let drained = load.messages as f64 / (last - start).as_secs_f64();
        Ok(figures.with(Quantity::Drained, drained))
    })
}

/// Fills a queue, no more.
pub(super) fn accept(relay: Relay, load: Load) -> io::Result<Figures> {
    let scratch = Scratch::new("peers-accept")?;
    let (_sink, mut running) = hung(relay, load, scratch.path())?;
    watch::during(&mut running, scratch.path(), load.messages, |running| fill(running, load))
}

/// A relay in front of a sink that hangs.
pub(super) fn hung(relay: Relay, load: Load, folder: &Path) -> io::Result<(Sink, Running)> {
    let sink = SmtpSink::start(folder)?;
    sink.suspend()?;
    let sink = Sink::Smtp(sink);
    let hops = load.hops(&sink.addresses());
    let (folder, connections) = (folder.join("relay"), load.connections);
    let site = Site { folder, hops, connections, retry: RETRY_LATE, hung: true, tls: None };
    let running = Running::start(relay, site)?;
    Ok((sink, running))
}

/// How long a queue of so many messages may take to drain.
pub(super) const fn patience(messages: u64) -> Duration {
    Duration::from_secs(PATIENCE.as_secs() + messages / DRAINED_PER_SECOND_MIN)
}

pub(super) fn fill(running: &Running, load: Load) -> io::Result<Figures> {
    let start = wait::now();
    load.send(running.address())?;
    let rate = load.messages as f64 / start.elapsed().as_secs_f64();
    Ok(Figures::default().with(Quantity::Accepted, rate))
}

pub(super) fn resume(sink: &Sink) -> io::Result<()> {
    match sink {
        Sink::Smtp(sink) => sink.resume(),
        Sink::Ringload(_) => Err(io::Error::other("only smtp-sink can be suspended")),
    }
}
