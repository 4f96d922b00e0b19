//! From "this site needs a connection" to a lane, by way of each host that may answer.

use super::choice::{Choice, Chosen};
use super::lane::{Ending, Lane};
use super::slot::Slot;
use crate::routing::local;
use crate::shard::Shard;
use crate::sites::LANES_MAX;
use event::{Event, Response};
use kernel::Kernel;
use queue::SiteIndex;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How long the last host of a dial may take to complete the TCP handshake.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take while somebody else waits: another host of the site, or, when half of all
/// connections are taken, other sites. The system asks again after one second and after three, so
/// that two lost packets are no dead host.
const CONNECT_PATIENCE_SHORT: Duration = Duration::from_secs(5);

/// Opens a connection to a site, from a place the queue gave out.
pub(crate) fn start<K: Kernel>(shard: &Rc<Shard<K>>, index: SiteIndex) {
    let slot = Slot::take(Rc::clone(shard), index);
    shard.kernel.spawn(serve(slot));
}

/// Serves one site over one connection, from dial to close.
async fn serve<K: Kernel>(slot: Rc<Slot<K>>) {
    let mut failure = local(451, (4, 4, 1), "no host of the site has an address");
    let mut choice = Choice::among(slot.shard.site_places(slot.index));
    loop {
        let next = choice.next(&slot.shard.hosts.borrow(), slot.shard.kernel.now());
        let Some(host) = next else { break };
        match attempt(&slot, host).await {
            Ok(()) => return,
            Err(response) => failure = response,
        }
        if slot.shard.draining() {
            return;
        }
    }
    give_up(&slot, &failure);
}

/// One host. `Err` says why nothing could be sent there, so that the next may be tried.
///
/// [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1)
async fn attempt<K: Kernel>(slot: &Rc<Slot<K>>, host: Chosen) -> Result<(), Response> {
    let (shard, address) = (&slot.shard, host.address);
    let mut ended = reach(slot, host).await;
    if let (Ending::Bare(response), _) = &ended
        && !shard.draining()
    {
        // It is remembered, and so the same host is now spoken to in the clear.
        slot.heard();
        tell_failed(slot, address, response);
        ended = reach(slot, host).await;
    }
    let (ending, is_its_fault) = ended;
    match ending {
        Ending::Served => Ok(()),
        Ending::Useless(response) | Ending::Bare(response) => {
            slot.heard();
            if is_its_fault {
                let (now, random) = (shard.kernel.now(), shard.kernel.random());
                slot.remember(address, |health| health.failed(now, random));
            }
            tell_failed(slot, address, &response);
            Err(response)
        }
    }
}

fn tell_failed<K: Kernel>(slot: &Slot<K>, peer: SocketAddr, response: &Response) {
    let site = slot.shard.site_name(slot.index);
    slot.shard.tell(&Event::DialFailed { site: &site, peer, response });
}

/// One connection to one host; and if it came to nothing, whether that is the host's fault.
async fn reach<K: Kernel>(slot: &Rc<Slot<K>>, host: Chosen) -> (Ending, bool) {
    let Chosen { address, has_deputy } = host;
    let shard = &slot.shard;
    shard.meters().dials.add(1);
    let is_crowded = shard.lanes.get() > LANES_MAX / 2;
    let patience = if has_deputy || is_crowded { CONNECT_PATIENCE_SHORT } else { CONNECT_PATIENCE };
    slot.dials(address);
    let stream = shard.kernel.connect(address, None, patience).await;
    match stream {
        Ok(stream) => (Box::pin(Lane::new(slot, address, stream).run()).await, true),
        Err(error) => (Ending::Useless(refused(&error)), !is_ours(&error)),
    }
}

/// No host could be used: the delivery that waited longest is charged with the attempt, so
/// that its log says why nothing moves. The site rests when the slot is given back.
fn give_up<K: Kernel>(slot: &Slot<K>, failure: &Response) {
    let (shard, index) = (&slot.shard, slot.index);
    let head = shard.queue.borrow_mut().take(index);
    if let Some(delivery) = head {
        shard.postpone_all(delivery, Some(index), failure);
    }
    shard.expire_ready(index, failure);
    shard.reroute_ready(index);
}

/// Whether it is this machine that could not connect, whatever the host.
fn is_ours(error: &io::Error) -> bool {
    /// No descriptor left, in the process and in the system; no buffer left.
    const OUT_OF: [i32; 3] = [24, 23, 105];
    let is_short = error.raw_os_error().is_some_and(|code| OUT_OF.contains(&code));
    let kinds =
        [io::ErrorKind::AddrNotAvailable, io::ErrorKind::AddrInUse, io::ErrorKind::OutOfMemory];
    is_short || kinds.contains(&error.kind())
}

fn refused(error: &io::Error) -> Response {
    let text = match error.kind() {
        io::ErrorKind::TimedOut => "the connection was not answered in time".to_owned(),
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        _ => format!("the connection failed: {error}"),
    };
    local(451, (4, 4, 1), &text)
}
