//! What is synced before the 250 of a message that comes alone, and what after it.
//!
//! The next hop answers late, so that nothing of the delivery falls before the 250.

use super::RETRY_LATE;
use super::transfer::started;
use crate::peers::client::Client;
use crate::peers::figures::{Figures, Quantity};
use crate::peers::load::{Behaviour, Generator, Load, Sink};
use crate::peers::relay::{Relay, Running};
use crate::peers::syncs::Counter;
use std::io;
use std::time::Duration;
use tests::scratch::Scratch;

/// Messages looked at, behind one that is not: it warms the relay up.
const MESSAGES: u64 = 3;
/// How long a relay may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(relay: Relay, load: Load) -> io::Result<Figures> {
    let scratch = Scratch::new("peers-durability")?;
    // Only ringload's sink can be late.
    let load = Load { generator: Generator::Ringload, ..load };
    let late = Behaviour { late_ms: relay.late_ms(), ..Behaviour::default() };
    let sink = Sink::start(load, late, scratch.path())?;
    let mut running = started(relay, load, &sink, scratch.path(), RETRY_LATE)?;
    let mut client = Client::connect(running.address())?;
    client.hello()?;
    one(&mut client, &mut running, &sink, None)?;
    let Some(mut counter) = Counter::start(&running, scratch.path())? else {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "no strace: apt-get install strace",
        ));
    };
    let mut before = 0.0;
    let start = counter.so_far(&running)?;
    for _ in 0..MESSAGES {
        before += one(&mut client, &mut running, &sink, Some(&mut counter))?;
    }
    let all = counter.so_far(&running)? - start;
    let messages = MESSAGES as f64;
    Ok(Figures::default()
        .with(Quantity::SyncsBefore, before / messages)
        .with(Quantity::SyncsAfter, (all - before) / messages))
}

/// Sends a message and waits until all is done that it gives cause for. Says what was synced
/// from its first command to its 250, if it is counted.
fn one(
    client: &mut Client,
    running: &mut Running,
    sink: &Sink,
    mut counter: Option<&mut Counter>,
) -> io::Result<f64> {
    let expected = sink.received() + 1;
    let mut so_far =
        |running: &Running| counter.as_mut().map_or(Ok(0.0), |counter| counter.so_far(running));
    let start = so_far(running)?;
    client.offer("recipient@sink.test", 4_096)?;
    client.finish()?;
    let before = so_far(running)? - start;
    running.wait_for(sink, expected)?;
    running.processes().wait_until_idle(PATIENCE)?;
    Ok(before)
}
