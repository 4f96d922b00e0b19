//! What a balancer says first, where a listener expects it to.
//!
//! Nothing is guessed: a stranger is not listened to, and a balancer that says something else
//! is not taken for a client. Both are closed without a word, and counted.

use super::connection::Connection;
use super::peer::Peer;
use crate::setup::{Gate, Proxy};
use crate::shard::Shard;
use kernel::{Buffer, Kernel};
use smtp::proxy::{BYTES_MAX, Header};
use smtp::server::Refusal;
use std::time::Duration;

/// How long a balancer may take over its header. It has it ready when it connects.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Who is at the other end; `None` if that is nobody we serve. Whatever follows the header
/// is pushed back.
pub(super) async fn peer<K: Kernel>(
    shard: &Shard<K>,
    gate: &Gate,
    connection: &mut Connection<K>,
) -> Option<Peer> {
    let peer = match &gate.proxy {
        None => Peer::direct(connection.peer()),
        // Boxed, since a connection at rest keeps the room for all it ever did.
        Some(proxy) => Box::pin(introduced(shard, proxy, connection)).await?,
    };
    let meters = shard.meters();
    let count =
        if peer.is_balancer() { &meters.balancer_probes } else { &meters.connections_in_total };
    count.add(1);
    Some(peer)
}

async fn introduced<K: Kernel>(
    shard: &Shard<K>,
    proxy: &Proxy,
    connection: &mut Connection<K>,
) -> Option<Peer> {
    let meters = shard.meters();
    if !(proxy.from.0)(connection.peer().ip()) {
        meters.proxy_strangers.add(1);
        return None;
    }
    let deadline = shard.kernel.now() + PATIENCE;
    connection.watch().say_last(b"");
    connection.watch().idle_until(deadline);
    let found = listen(proxy, connection).await;
    let late = shard.kernel.now() >= deadline;
    connection.watch().say_last(Refusal::IdleTooLong.line().as_bytes());
    match found {
        Found::Peer(peer) => return Some(peer),
        // Connecting is all that some balancers do to see whether we are there.
        Found::Nothing if !late => meters.balancer_probes.add(1),
        Found::Nothing | Found::Fault => meters.proxy_faults.add(1),
    }
    None
}

/// What came in front of a session.
enum Found {
    /// A whole header.
    Peer(Peer),
    /// No byte.
    Nothing,
    /// What is no header, or not all of one.
    Fault,
}

async fn listen<K: Kernel>(proxy: &Proxy, connection: &mut Connection<K>) -> Found {
    let mut buffer = Buffer::with_capacity(BYTES_MAX);
    loop {
        let (result, back) = connection.read(buffer).await;
        buffer = back;
        if !matches!(result, Ok(1..)) {
            return if buffer.is_empty() { Found::Nothing } else { Found::Fault };
        }
        match smtp::proxy::read(&buffer, proxy.versions) {
            Ok(Some((header, used))) => {
                let header = Header { tls: header.tls.filter(|_| proxy.tls), ..header };
                let peer = Peer::behind(connection.peer(), &header);
                connection.push_back(&buffer[used..]);
                return Found::Peer(peer);
            }
            Ok(None) => (),
            Err(_) => return Found::Fault,
        }
    }
}
