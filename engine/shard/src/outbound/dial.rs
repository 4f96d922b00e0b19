//! From "this site needs a connection" to a lane, by way of each host that may answer.

use super::lane::{Ending, Lane};
use super::slot::Slot;
use crate::routing::local;
use crate::shard::Shard;
use event::{Event, Response};
use kernel::Kernel;
use queue::SiteIndex;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How long a host may take to complete the TCP handshake before the next one is tried.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

/// Opens a connection to a site, from a place the queue gave out.
pub(crate) fn start<K: Kernel>(shard: &Rc<Shard<K>>, index: SiteIndex) {
    let slot = Slot::take(Rc::clone(shard), index);
    shard.kernel.spawn(serve(slot));
}

/// Serves one site over one connection, from dial to close.
async fn serve<K: Kernel>(slot: Rc<Slot<K>>) {
    let mut failure = local(451, (4, 4, 1), "no host of the site has an address");
    for address in slot.shard.site_addresses(slot.index) {
        match attempt(&slot, address).await {
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
async fn attempt<K: Kernel>(slot: &Rc<Slot<K>>, address: SocketAddr) -> Result<(), Response> {
    let shard = &slot.shard;
    shard.meters().dials.add(1);
    let stream = shard.kernel.connect(address, None, CONNECT_PATIENCE).await;
    let ending = match stream {
        Ok(stream) => Box::pin(Lane::new(slot, address, stream).run()).await,
        Err(error) => Ending::Useless(refused(&error)),
    };
    match ending {
        Ending::Served => Ok(()),
        Ending::Useless(response) => {
            let site = shard.site_name(slot.index);
            shard.tell(&Event::DialFailed { site: &site, peer: address, response: &response });
            Err(response)
        }
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

fn refused(error: &io::Error) -> Response {
    let text = match error.kind() {
        io::ErrorKind::TimedOut => "the connection was not answered in time".to_owned(),
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        _ => format!("the connection failed: {error}"),
    };
    local(451, (4, 4, 1), &text)
}
