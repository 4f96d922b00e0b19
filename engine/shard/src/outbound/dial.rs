//! From "this site needs a connection" to a lane, by way of each host that may answer.

use super::choice::{Choice, Chosen};
use super::departure::{Departure, Stay, Wanted};
use super::detour::Blocked;
use super::health::Outlook;
use super::lane::{Ending, Lane};
use super::slot::Slot;
use super::unfit::give_back;
use crate::routing::{for_now, local};
use crate::shard::Shard;
use crate::sites::LANES_MAX;
use event::{Event, Response};
use kernel::{Kernel, NoSuchSource};
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

/// The most sources of a pool from which one dial is tried.
const SOURCES_TRIED_MAX: usize = 4;

/// Opens a connection to a site, from a place the queue gave out, if any source may have one now.
pub(crate) fn start<K: Kernel>(shard: &Rc<Shard<K>>, index: SiteIndex) {
    let first = match shard.depart(index, Wanted::Any) {
        Err(Stay::Held(until)) => return shard.hold_off(index, until),
        first => first,
    };
    let slot = Slot::take(Rc::clone(shard), index);
    shard.kernel.spawn(serve(slot, first));
}

/// Why nothing could be sent.
enum Missed {
    /// It was the host: another one may be tried.
    Host(Response),
    /// The same, and the host will not have it the next time either: it lacks what the mail requires.
    Unfit(Response),
    /// The address we were to come from, or the proxy there, is not there: another may be tried.
    Source(Response),
}

/// What the hosts of a dial were left for.
#[derive(Default)]
struct Failures {
    /// The last that may pass.
    passing: Option<Response>,
    /// The last that will not.
    lasting: Option<Response>,
}

impl Failures {
    /// Why nothing could be sent. For good only if every host there is has said so.
    fn summed_up(self, all_tried: bool) -> Missed {
        match (self.passing, self.lasting) {
            (Some(passing), _) => Missed::Host(passing),
            (None, Some(lasting)) if all_tried => Missed::Unfit(lasting),
            (None, Some(lasting)) => Missed::Host(for_now(&lasting)),
            (None, None) => {
                Missed::Host(local(451, (4, 4, 1), "no host of the site has an address"))
            }
        }
    }
}

/// What a dial that came to nothing was stopped by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    /// This machine had not what it takes.
    Machine,
    /// The address we were to come from is not there, or its proxy is of no use.
    Source,
    /// The way to the host.
    Way,
    /// The host, once it was reached.
    Host,
}

/// Serves one site over one connection, from dial to close.
async fn serve<K: Kernel>(slot: Rc<Slot<K>>, first: Result<Departure, Stay>) {
    let (mut missed, mut first) = (None, Some(first));
    for _ in 0..SOURCES_TRIED_MAX {
        let wanted = match missed {
            Some(Missed::Host(_)) => Wanted::Welcome,
            Some(Missed::Source(_) | Missed::Unfit(_)) | None => Wanted::Any,
        };
        let next = || slot.shard.depart(slot.index, wanted);
        let departure = match first.take().unwrap_or_else(next) {
            Ok(departure) => Rc::new(departure),
            // Mail goes on over the connections there are.
            Err(Stay::Busy) => return,
            Err(Stay::Held(_)) => break,
            Err(Stay::Nobody(response)) => {
                missed = missed.or(Some(Missed::Source(response)));
                break;
            }
        };
        match dial(&slot, &departure).await {
            Ok(()) => return,
            // No other source changes that.
            Err(Missed::Unfit(why)) => return give_back(&slot, &why),
            Err(why) => missed = Some(why),
        }
        // Hosts may have asked for fewer connections, by what they said to this one.
        if departure.address().is_none() || slot.shard.is_one_too_many(slot.index) {
            break;
        }
    }
    if let Some(Missed::Host(failure) | Missed::Unfit(failure) | Missed::Source(failure)) = missed {
        give_up(&slot, &failure);
    }
}

/// Tries the hosts of a site from one source.
async fn dial<K: Kernel>(slot: &Rc<Slot<K>>, departure: &Rc<Departure>) -> Result<(), Missed> {
    let shard = &slot.shard;
    let mut failures = Failures::default();
    let reached = |address| departure.reaches(address);
    let mut choice = Choice::among(shard.site_places(slot.index, reached));
    while !choice.is_exhausted() && slot.may_connect(departure) {
        let Some(host) = next(shard, &mut choice, departure) else { break };
        match attempt(slot, host, departure).await {
            Err(Missed::Host(response)) => failures.passing = Some(response),
            Err(Missed::Unfit(response)) => failures.lasting = Some(response),
            ended => return ended,
        }
        if shard.draining() {
            return Ok(());
        }
        if shard.is_one_too_many(slot.index) || departure.is_out(|| shard.kernel.now()) {
            break;
        }
    }
    let all_tried = choice.is_exhausted() && shard.can_ask_all(slot.index, reached);
    Err(failures.summed_up(all_tried))
}

fn next<K: Kernel>(shard: &Shard<K>, choice: &mut Choice, departure: &Departure) -> Option<Chosen> {
    let (hosts, refusals) = (shard.hosts.borrow(), shard.refusals.borrow());
    let outlook = Outlook { hosts: &hosts, refusals: &refusals, from: departure.address() };
    choice.next(&outlook, shard.kernel.now())
}

/// One host. `Err` says why nothing could be sent there, so that the next may be tried.
///
/// [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1)
async fn attempt<K: Kernel>(
    slot: &Rc<Slot<K>>,
    host: Chosen,
    departure: &Rc<Departure>,
) -> Result<(), Missed> {
    let shard = &slot.shard;
    let mut ended = reach(slot, host, departure).await;
    if let (Ending::Bare(response), _) = &ended
        && !shard.draining()
        && slot.may_connect(departure)
    {
        // It is remembered, and so the same host is now spoken to in the clear.
        slot.heard();
        tell_failed(slot, host, departure, response);
        ended = reach(slot, host, departure).await;
    }
    let (response, obstacle) = match ended {
        (Ending::Served, _) => return Ok(()),
        (Ending::Useless(response) | Ending::Bare(response), obstacle) => (response, obstacle),
    };
    slot.heard();
    tell_failed(slot, host, departure, &response);
    if response.local && response.code >= 500 {
        // It is no worse for other mail.
        return Err(Missed::Unfit(response));
    }
    match obstacle {
        Obstacle::Machine => (),
        Obstacle::Source => {
            departure.failed(shard.kernel.now());
            return Err(Missed::Source(response));
        }
        Obstacle::Way => slot.missed(host.address),
        Obstacle::Host => slot.turned_away(host.address),
    }
    Err(Missed::Host(response))
}

fn tell_failed<K: Kernel>(
    slot: &Slot<K>,
    host: Chosen,
    departure: &Departure,
    response: &Response,
) {
    let (site, peer) = (slot.shard.site_name(slot.index), host.address);
    let source_address = departure.address();
    if let Some(counts) = departure.counts() {
        counts.dial_failures.add(1);
    }
    let category = slot.shard.class_of(slot.index, peer, response);
    slot.shard.note_failed_dial(slot.index, peer, response, category);
    slot.shard.tell(&Event::DialFailed { site: &site, peer, source_address, category, response });
}

/// One connection to one host; and if it came to nothing, by what.
async fn reach<K: Kernel>(
    slot: &Rc<Slot<K>>,
    host: Chosen,
    departure: &Rc<Departure>,
) -> (Ending, Obstacle) {
    let Chosen { address, has_deputy } = host;
    let shard = &slot.shard;
    shard.meters().dials.add(1);
    if let Some(counts) = departure.counts() {
        counts.dials.add(1);
    }
    let is_crowded = shard.lanes.get() > LANES_MAX / 2;
    let patience = if has_deputy || is_crowded { CONNECT_PATIENCE_SHORT } else { CONNECT_PATIENCE };
    slot.dials(address, departure.address());
    match connect(shard, address, departure, patience).await {
        Ok(stream) => {
            let lane = Lane::new(slot, address, stream, departure);
            (Box::pin(lane.run()).await, Obstacle::Host)
        }
        Err((response, obstacle)) => (Ending::Useless(response), obstacle),
    }
}

/// Straight to the host, or by way of the source's proxy.
async fn connect<K: Kernel>(
    shard: &Shard<K>,
    host: SocketAddr,
    departure: &Departure,
    patience: Duration,
) -> Result<K::Stream, (Response, Obstacle)> {
    let Some((source, detour)) = departure.detour() else {
        let stream = shard.kernel.connect(host, departure.address(), patience).await;
        return stream.map_err(|error| (refused(&error), obstacle(&error)));
    };
    let stream = shard.connect_by(detour, (source, host), patience).await;
    stream.map_err(|blocked| {
        let text = format!("the proxy {}: {blocked}", detour.address);
        let obstacle = match &blocked {
            Blocked::Unreachable(error) if obstacle(error) == Obstacle::Machine => {
                Obstacle::Machine
            }
            blocked if blocked.is_the_hosts() => Obstacle::Host,
            _ => Obstacle::Source,
        };
        (local(451, (4, 4, 1), &text), obstacle)
    })
}

/// No host could be used: the delivery that waited longest is charged with the attempt, so
/// that its log says why nothing moves, unless that is a host's own wish and told already. The site
/// rests when the slot is given back.
fn give_up<K: Kernel>(slot: &Slot<K>, failure: &Response) {
    let (shard, index) = (&slot.shard, slot.index);
    let is_wish = shard.is_slowed(&shard.site_name(index)) || shard.is_shut_off(index);
    let head = (!is_wish).then(|| shard.queue.borrow_mut().take(index)).flatten();
    if let Some(delivery) = head {
        shard.postpone_all(delivery, Some(index), failure);
    }
    shard.expire_ready(index, failure);
    shard.reroute_ready(index);
}

fn obstacle(error: &io::Error) -> Obstacle {
    /// No descriptor left, in the process and in the system; no buffer left.
    const OUT_OF: [i32; 3] = [24, 23, 105];
    let is_short = error.raw_os_error().is_some_and(|code| OUT_OF.contains(&code));
    let kinds =
        [io::ErrorKind::AddrNotAvailable, io::ErrorKind::AddrInUse, io::ErrorKind::OutOfMemory];
    if NoSuchSource::is_in(error) {
        Obstacle::Source
    } else if is_short || kinds.contains(&error.kind()) {
        Obstacle::Machine
    } else {
        Obstacle::Way
    }
}

fn refused(error: &io::Error) -> Response {
    let text = match error.kind() {
        io::ErrorKind::TimedOut => "the connection was not answered in time".to_owned(),
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        _ => format!("the connection failed: {error}"),
    };
    local(451, (4, 4, 1), &text)
}
