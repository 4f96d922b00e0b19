//! Mail in and mail out, as fast as it goes.

use crate::peers::figures::{Figures, Quantity};
use crate::peers::load::{Behaviour, Load, RELAY, Sink};
use crate::peers::relay::{Relay, Running, Site};
use crate::peers::watch;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::scratch::Scratch;
use tests::wait;

/// Messages sent before anything is measured, at most as many as then are.
const WARM_UP_MAX: u64 = 200;
/// How long a relay may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) fn run(
    relay: Relay,
    load: Load,
    behaviour: Behaviour,
    retry: Duration,
) -> io::Result<Figures> {
    let scratch = Scratch::new("peers")?;
    let sink = Sink::start(load, behaviour, scratch.path())?;
    let mut running = started(relay, load, &sink, scratch.path(), retry)?;
    let warm_up = WARM_UP_MAX.min(load.messages);
    load.of(warm_up).send(running.address())?;
    running.wait_for(&sink, warm_up)?;
    running.processes().wait_until_idle(PATIENCE)?;
    let expected = sink.received() + load.messages;
    watch::during(&mut running, scratch.path(), load.messages, |running| {
        let messages = load.messages as f64;
        let start = wait::now();
        load.send(running.address())?;
        let accepted = start.elapsed();
        let delivered = running.wait_for(&sink, expected)? - start;
        Ok(Figures::default()
            .with(Quantity::Accepted, messages / accepted.as_secs_f64())
            .with(Quantity::Delivered, messages / delivered.as_secs_f64()))
    })
}

/// A relay in front of `sink`, which answers.
pub(in crate::peers) fn started(
    relay: Relay,
    load: Load,
    sink: &Sink,
    folder: &Path,
    retry: Duration,
) -> io::Result<Running> {
    let hops = load.hops(&sink.addresses());
    let tls = load.tls.then(|| chain(folder)).transpose()?;
    let folder = folder.join("relay");
    let connections = load.connections;
    Running::start(relay, Site { folder, hops, connections, retry, hung: false, tls })
}

/// A file with a new key and a certificate for it, which nobody has signed. Every relay reads it,
/// under whatever user it runs.
fn chain(folder: &Path) -> io::Result<PathBuf> {
    let made = rcgen::generate_simple_self_signed([RELAY.to_owned()]).map_err(io::Error::other)?;
    let path = folder.join("chain.pem");
    fs::write(&path, made.signing_key.serialize_pem() + &made.cert.pem())?;
    Ok(path)
}
