//! One connection to a site, while it is worth having.
//!
//! A read is always pending, so the peer's words and its going away are noticed at once and
//! neither side can wait for the other with full buffers. The loop: take deliveries while
//! the session wants them, say all that may be said in one write, then wait for an answer
//! or for work.

mod begin;
mod habits;
mod hear;
mod told;

use super::approach::Approach;
use super::departure::Departure;
use super::link::{Link, Reading};
use super::slot::Slot;
use super::stages::Stages;
use super::text::{Source, Transfer};
use super::wire::Wire;
use crate::journal::ReadError;
use crate::shard::Shard;
use event::{Response, Tick};
use habits::Acquaintance;
use kernel::{Buffer, Gather, Kernel, Piece, Signal, Stream as _};
use policy::Limits;
use policy::replies::Provider;
use queue::SiteIndex;
use smallvec::smallvec;
use smtp::client::{Say, Session};
use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use told::Told;

/// Room for replies. A longer one gets more.
const REPLIES: usize = 1_024;

/// How a connection ended.
pub(super) enum Ending {
    /// It was of use, or at least willing.
    Served,
    /// It never came as far as a transaction.
    Useless(Response),
    /// Nor as far as TLS, without which it may be used.
    Bare(Response),
}

/// The parts of a text that follow the first.
struct Parts {
    log: u16,
    places: spool::Text,
    broken: Rc<RefCell<Option<ReadError>>>,
}

impl Parts {
    fn of(transfer: &Transfer, places: &spool::Text) -> Self {
        let log = transfer.delivery.id().log;
        Self { log, places: places.clone(), broken: Rc::clone(&transfer.broken) }
    }
}

enum Woken {
    Read(io::Result<usize>, Buffer),
    Work,
}

pub(super) struct Lane<K: Kernel> {
    pub(super) shard: Rc<Shard<K>>,
    pub(super) index: SiteIndex,
    pub(super) peer: SocketAddr,
    link: Link<K>,
    approach: Approach,
    departure: Rc<Departure>,
    /// The host waits for a handshake.
    invited: bool,
    /// The handshake failed, and TLS need not be.
    bare: bool,
    session: Session<Box<Transfer>>,
    limits: Limits,
    host: Acquaintance,
    work: Signal,
    taken: u32,
    /// When it has been open for as long as a connection may be; `None` once it is to end, for that
    /// or because its place is wanted: by another shard, or by another site while this one has
    /// nothing to do.
    leaves_at: Option<Tick>,
    /// The peer was ready for a transaction.
    ready: bool,
    slot: Rc<Slot<K>>,
    last_words: Option<Response>,
    stages: Stages,
    provider: Option<Provider>,
    told: Told,
}

impl<K: Kernel> Lane<K> {
    pub(super) fn new(
        slot: &Rc<Slot<K>>,
        peer: SocketAddr,
        stream: K::Stream,
        departure: &Rc<Departure>,
    ) -> Self {
        let shard = &slot.shard;
        let approach = Approach::new(shard, slot.index, peer, (departure, stream.local().ip()));
        let provider = shard.politeness.rules.provider_at(approach.name());
        let mut session = Session::new(approach.config());
        let limits = departure.limit(shard.sites.borrow().find(slot.index).limits);
        let host = Acquaintance::with(shard, peer, &limits);
        session.set_depth(host.depth);
        Self {
            shard: Rc::clone(shard),
            index: slot.index,
            peer,
            link: Link::new(shard, stream),
            approach,
            departure: Rc::clone(departure),
            invited: false,
            bare: false,
            session,
            limits,
            host,
            work: Signal::default(),
            taken: 0,
            leaves_at: Some(shard.kernel.now() + limits.connection_age_max),
            ready: false,
            slot: Rc::clone(slot),
            last_words: None,
            stages: Stages::new(),
            provider,
            told: Told::default(),
        }
    }

    /// Until the connection ends, one way or another.
    pub(super) async fn run(mut self) -> Ending {
        let mut reading = Some(self.link.reading(Buffer::with_capacity(REPLIES)));
        while let Some(pending) = &mut reading {
            let seen = self.work.rings();
            self.feed().await;
            if self.speak().await.is_err() {
                break;
            }
            if self.wait_for_work() {
                continue;
            }
            match self.listen(pending, seen).await {
                Woken::Work => (),
                Woken::Read(Ok(1..), buffer) => {
                    let more = self.hear(buffer);
                    let goes_on = !std::mem::take(&mut self.invited) || self.secure().await;
                    reading = more.filter(|_| goes_on).map(|buffer| self.link.reading(buffer));
                }
                Woken::Read(..) => reading = None,
            }
        }
        self.link.hang_up();
        // A read is never dropped before it is done, and a peer that closed on us may have said
        // why, and taken some of what was on its way.
        while let Some(pending) = reading.take() {
            if let (Ok(1..), buffer) = pending.await {
                reading = self.hear(buffer).map(|buffer| self.link.reading(buffer));
            }
        }
        self.close()
    }

    /// Shakes hands; `false` to close.
    async fn secure(&mut self) -> bool {
        match self.approach.secure(&self.shard, &self.link).await {
            Ok(()) => self.session.secured(),
            Err(uncovered) => {
                self.last_words = Some(uncovered.response);
                self.bare = uncovered.may_be_left_out;
                return false;
            }
        }
        true
    }

    /// Begins as many transactions as the session wants.
    async fn feed(&mut self) {
        let now = self.shard.kernel.now();
        let is_wanted =
            || self.shard.queue.borrow_mut().must_leave(self.index) || self.departure.must_leave();
        self.leaves_at = self.leaves_at.filter(|at| now < *at && !is_wanted());
        while self.session.wants() && !self.retiring() && !self.link.is_hung_up() {
            let next = self.shard.queue.borrow_mut().take(self.index);
            let Some(delivery) = next else { break };
            self.shard.sites.borrow_mut().withdraw(self.index, &self.work);
            let Some(transfer) = self.shard.prepare(self.index, delivery).await else { continue };
            self.taken += 1;
            self.shard.carry(self.index);
            self.begin(transfer);
        }
        self.shard.ask_for_more(self.index);
        if self.session.is_idle() {
            // Nothing is ready for its site, or it would not be idle.
            self.leaves_at = self.leaves_at.filter(|_| !self.shard.is_crowded());
            if self.retiring() {
                self.session.quit();
            }
        }
    }

    /// This connection has carried its share or is old, or its source is out of use, or others need
    /// its place, or we are going home.
    fn retiring(&self) -> bool {
        self.leaves_at.is_none()
            || self.taken >= self.host.messages_max
            || self.session.is_spent()
            || self.shard.draining()
            || self.departure.is_out(|| self.shard.kernel.now())
            || self.shard.queue.borrow().yields(self.index)
    }

    /// Says all that may be said now, in one write where the text is in memory.
    async fn speak(&mut self) -> io::Result<()> {
        let mut pieces = Gather::new();
        let mut commands = Vec::new();
        loop {
            if self.link.is_hung_up() {
                // What was not said is known not to have arrived.
                return Err(io::ErrorKind::NotConnected.into());
            }
            let now = self.shard.kernel.now();
            let from = commands.len();
            let say = self.session.say(&mut commands);
            self.stages.say(&commands[from..]);
            let (transfer, mut wire) = match say {
                None => break,
                Some(Say::Text(transfer)) => {
                    self.stages.say_text();
                    (transfer, Wire::data(transfer))
                }
                Some(Say::Chunk(transfer)) => (transfer, Wire::chunk(transfer)),
            };
            transfer.sent.set(now);
            commands.extend_from_slice(transfer.message.envelope.prefix());
            pieces.push(Piece::Owned(std::mem::take(&mut commands)));
            match &transfer.source {
                Source::Memory(text) => pieces.push(wire.piece(text.clone())),
                Source::Disk(first, rest) => {
                    pieces.push(wire.piece(first.clone()));
                    let parts = Parts::of(transfer, rest);
                    self.stream(std::mem::take(&mut pieces), parts, &mut wire).await?;
                }
            }
            commands.extend_from_slice(wire.end);
        }
        if !commands.is_empty() {
            pieces.push(Piece::Owned(commands));
        }
        self.arm();
        if pieces.is_empty() { Ok(()) } else { self.link.write(pieces).await }
    }

    /// Sends a large text part by part, so that only one part is in memory.
    async fn stream(&self, beginning: Gather, parts: Parts, wire: &mut Wire) -> io::Result<()> {
        self.arm();
        self.link.write(beginning).await?;
        let reader = self.shard.reader(parts.log);
        for place in &parts.places {
            let chunk = match reader.read(place).await {
                Ok(chunk) => chunk,
                Err(error) => {
                    *parts.broken.borrow_mut() = Some(error);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            };
            self.arm();
            self.link.write(smallvec![wire.piece(chunk)]).await?;
        }
        Ok(())
    }

    /// Sets the deadline for what we wait for now.
    fn arm(&self) {
        let now = self.shard.kernel.now();
        match self.session.waiting() {
            Some(patience) => self.link.wait_until(now + patience.duration(), b""),
            None => self.link.wait_until(now + self.limits.idle, b"QUIT\r\n"),
        }
    }

    /// Offers this lane to whoever has work, unless there is some already: it may have come
    /// while we were writing.
    fn wait_for_work(&self) -> bool {
        if !self.session.wants() || self.retiring() {
            return false;
        }
        if self.shard.queue.borrow().has_work(self.index) {
            return true;
        }
        let free = self.session.is_idle();
        self.shard.sites.borrow_mut().offer(self.index, &self.work, free);
        false
    }

    async fn listen(&self, reading: &mut Reading, seen: u64) -> Woken {
        let mut work = pin!(self.work.after(seen));
        poll_fn(|context| {
            if let Poll::Ready((result, buffer)) = reading.as_mut().poll(context) {
                return Poll::Ready(Woken::Read(result, buffer));
            }
            work.as_mut().poll(context).map(|()| Woken::Work)
        })
        .await
    }
}
