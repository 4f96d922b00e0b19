//! One connection to a site, while it is worth having.
//!
//! A read is always pending, also while something is being written (`say.rs`), so the peer's words
//! and its going away are noticed at once and neither side can wait for the other with full
//! buffers. The loop: take deliveries while the session wants them, say all that may be said in
//! one write, then wait for an answer or for work.

mod begin;
mod habits;
mod hear;
mod leave;
mod say;
mod told;

use super::approach::Approach;
use super::departure::Departure;
use super::link::{Link, Read, Reading};
use super::slot::Slot;
use super::stages::Stages;
use super::text::Transfer;
use crate::shard::Shard;
use event::{Response, Tick};
use habits::Acquaintance;
use kernel::{Buffer, Kernel, Signal, Stream as _};
use policy::Limits;
use policy::replies::Provider;
use queue::{Queued as _, SiteIndex};
use smtp::client::Session;
use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
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

/// What is being read.
enum Ear {
    /// Something is. The read is never dropped before it is done.
    Open(Reading),
    /// Nothing until the handshake that the host waits for; and the room that replies have.
    Invited(Buffer),
    /// Nothing any more: the conversation is over.
    Shut,
}

impl Ear {
    /// What has been read, once something has: another read is then to begin.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Read> {
        match self {
            Self::Open(reading) => reading.as_mut().poll(context),
            Self::Invited(_) | Self::Shut => Poll::Pending,
        }
    }
}

enum Woken {
    Read(Read),
    Work,
}

pub(super) struct Lane<K: Kernel> {
    pub(super) shard: Rc<Shard<K>>,
    pub(super) index: SiteIndex,
    pub(super) peer: SocketAddr,
    link: Link<K>,
    ear: Ear,
    /// Something was heard while we were writing: more may be said now.
    has_news: bool,
    approach: Approach,
    departure: Rc<Departure>,
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
    /// When its source may send again, if it is rung then.
    leave_at: Option<Tick>,
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
        let provider = shard.live.borrow().politeness.rules.provider_at(approach.name());
        let mut session = Session::new(approach.config());
        let limits = departure.limit(shard.sites.borrow().find(slot.index).limits);
        let host = Acquaintance::with(shard, peer, &limits);
        session.set_depth(host.depth);
        let link = Link::new(shard, stream);
        Self {
            shard: Rc::clone(shard),
            index: slot.index,
            peer,
            ear: Ear::Open(link.reading(Buffer::with_capacity(REPLIES))),
            link,
            has_news: false,
            approach,
            departure: Rc::clone(departure),
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
            leave_at: None,
        }
    }

    /// Until the connection ends, one way or another.
    pub(super) async fn run(mut self) -> Ending {
        while self.goes_on().await {
            let seen = self.work.rings();
            self.feed().await;
            if self.speak().await.is_err() {
                break;
            }
            if std::mem::take(&mut self.has_news) || self.wait_for_work() {
                continue;
            }
            if let Woken::Read(read) = self.listen(seen).await {
                self.take(read);
            }
        }
        if self.last_words.as_ref().is_some_and(|words| words.local) {
            // Where it is we who will not go on, QUIT is said (RFC 8689 section 4.2.1); whoever has gone
            // by now does not hear it.
            let _gone = self.speak().await;
        }
        self.link.hang_up();
        // A read is never dropped before it is done, and a peer that closed on us may have said
        // why, and taken some of what was on its way.
        while let Ear::Open(reading) = &mut self.ear {
            let read = reading.await;
            self.take(read);
        }
        self.close()
    }

    /// Whether the conversation goes on: with a handshake, if the host waits for that.
    async fn goes_on(&mut self) -> bool {
        match std::mem::replace(&mut self.ear, Ear::Shut) {
            Ear::Open(reading) => self.ear = Ear::Open(reading),
            Ear::Invited(buffer) if self.secure().await => {
                self.ear = Ear::Open(self.link.reading(buffer));
            }
            Ear::Invited(_) | Ear::Shut => return false,
        }
        true
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

    /// Something was read, or nothing will be: hears it, and reads on.
    fn take(&mut self, read: Read) {
        self.ear = match read {
            (Ok(1..), buffer) => self.hear(buffer),
            (Ok(0) | Err(_), _) => Ear::Shut,
        };
    }

    /// Begins as many transactions as the session wants.
    async fn feed(&mut self) {
        let now = self.shard.kernel.now();
        let is_wanted =
            || self.shard.queue.borrow_mut().must_leave(self.index) || self.departure.must_leave();
        self.leaves_at = self.leaves_at.filter(|at| now < *at && !is_wanted());
        while self.session.wants() && !self.retiring() && !self.link.is_hung_up() {
            let place = self.departure.place();
            let Some(delivery) = self.shard.next_to_send(self.index, place) else { break };
            let delivery = self.shard.first_of(self.index, self.peer, delivery);
            let bytes = delivery.bytes();
            self.shard.sites.borrow_mut().withdraw(self.index, &self.work);
            let Some(transfer) = self.shard.prepare(self.index, delivery).await else {
                self.shard.unsent(self.index, place, bytes);
                continue;
            };
            self.taken += 1;
            self.shard.carry(self.index);
            self.begin(transfer);
        }
        self.shard.ask_for_more(self.index);
        if self.session.is_idle() {
            // Nothing may go to its site now, or it would not be idle.
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
    fn wait_for_work(&mut self) -> bool {
        if !self.session.wants() || self.retiring() {
            return false;
        }
        if let Some(until) = self.source_spent() {
            self.wait_for_leave(until);
            return false;
        }
        if self.shard.has_work(self.index) {
            return true;
        }
        let free = self.session.is_idle();
        self.shard.sites.borrow_mut().offer(self.index, &self.work, free);
        false
    }

    async fn listen(&mut self, seen: u64) -> Woken {
        let mut work = pin!(self.work.after(seen));
        let ear = &mut self.ear;
        poll_fn(|context| {
            if let Poll::Ready(read) = ear.poll(context) {
                return Poll::Ready(Woken::Read(read));
            }
            work.as_mut().poll(context).map(|()| Woken::Work)
        })
        .await
    }
}
