//! Connections that are greeted, say EHLO, and then nothing.

use super::{CONNECTIONS, RETRY_LATE};
use crate::peers::client::Client;
use crate::peers::figures::{Figures, Quantity};
use crate::peers::relay::{Hop, Relay, Running, Site};
use std::io;
use std::time::Duration;
use tests::port;
use tests::scratch::Scratch;

/// How long a relay may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(2);

/// Opens up to `wanted`, fewer where the relay stops greeting.
pub(super) fn run(relay: Relay, wanted: u64) -> io::Result<Figures> {
    let scratch = Scratch::new("peers-idle")?;
    let hops = vec![Hop { domain: "sink.test".into(), address: port::free()? }];
    let folder = scratch.path().join("relay");
    let (connections, retry) = (CONNECTIONS, RETRY_LATE);
    let site = Site { folder, hops, connections, retry, hung: false, tls: None };
    let running = Running::start(relay, site)?;
    running.processes().wait_until_idle(PATIENCE)?;
    let before = running.processes().memory();
    let mut held = Vec::new();
    for _ in 0..relay.idle_connections(wanted) {
        match idle_client(&running) {
            Ok(client) => held.push(client),
            Err(_) if !held.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    running.processes().wait_until_idle(PATIENCE)?;
    let after = running.processes().memory();
    let connections = held.len() as f64;
    Ok(Figures::default()
        .with(Quantity::Connections, connections)
        .with(Quantity::PerConnection, after.saturating_sub(before) as f64 / 1_024.0 / connections))
}

fn idle_client(running: &Running) -> io::Result<Client> {
    let mut client = Client::connect(running.address())?;
    client.hello()?;
    Ok(client)
}
