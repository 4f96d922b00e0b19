//! Deadlines of connections. A read is never cancelled: when a deadline passes, the socket
//! is hung up and the read returns by itself.
//!
//! Kept coarsely: one sweep a second over all connections of the shard costs a few
//! nanoseconds each, and arming one costs a store.
//!
//! What is below a connection lies here too, since last words must be sealed like all others.

use crate::inbound::Shelf;
use crate::secured::Secured;
use event::Tick;
use kernel::{Gather, Stream};
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use wire::Tls;

/// How often deadlines are looked at, and so how late one may be.
pub(crate) const SWEEP: Duration = Duration::from_secs(1);

/// All watched connections of one shard.
pub(crate) struct Watches<S>(Rc<RefCell<Slab<Rc<Watched<S>>>>>);

struct Watched<S> {
    stream: S,
    deadline: Cell<Tick>,
    last_words: Cell<&'static [u8]>,
    idle: Cell<bool>,
    hung_up: Cell<bool>,
    /// Borrowed between awaits only.
    secured: RefCell<Option<Box<Secured>>>,
}

impl<S: Stream> Watched<S> {
    fn hang_up(&self, last_words: &[u8]) {
        self.deadline.set(Tick::NEVER);
        self.hung_up.set(true);
        match &mut *self.secured.borrow_mut() {
            Some(secured) => self.stream.hang_up(&secured.farewell(last_words)),
            None => self.stream.hang_up(last_words),
        }
    }
}

/// What is under TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Connections.
    pub(crate) connections: u64,
    /// Bytes of memory that TLS holds for them.
    pub(crate) bytes: u64,
    /// Bytes of it that hold what they have said or begun to say.
    pub(crate) waiting: u64,
}

impl<S> Default for Watches<S> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<S: Stream> Watches<S> {
    /// Watches `stream` until the watch is dropped. When its deadline passes it hears
    /// `last_words` and is hung up.
    pub(crate) fn watch(&self, stream: S, deadline: Tick, last_words: &'static [u8]) -> Watch<S> {
        let watched = Rc::new(Watched {
            stream,
            deadline: Cell::new(deadline),
            last_words: Cell::new(last_words),
            idle: Cell::new(false),
            hung_up: Cell::new(false),
            secured: RefCell::default(),
        });
        let slot = self.0.borrow_mut().insert(Rc::clone(&watched));
        Watch { watched, slot, all: Rc::clone(&self.0) }
    }

    /// Hangs up all whose deadline has passed, and tells what TLS costs. `late` hears who they
    /// are, and what they heard.
    pub(crate) fn sweep(&self, now: Tick, mut late: impl FnMut(SocketAddr, &[u8])) -> Sealed {
        let mut sealed = Sealed::default();
        for (_, watched) in self.0.borrow().iter() {
            if let Some(secured) = &*watched.secured.borrow() {
                sealed.connections += 1;
                sealed.bytes += secured.memory() as u64;
                sealed.waiting += secured.waiting() as u64;
            }
            if watched.deadline.get() <= now {
                let last_words = watched.last_words.get();
                late(watched.stream.peer(), last_words);
                watched.hang_up(last_words);
            }
        }
        sealed
    }

    /// Hangs up all that are idle, with these words.
    pub(crate) fn dismiss_idle(&self, last_words: &[u8]) {
        for (_, watched) in self.0.borrow().iter() {
            if watched.idle.get() {
                // Whoever is to hear nothing yet hears nothing now.
                let silent = watched.last_words.get().is_empty();
                watched.hang_up(if silent { b"" } else { last_words });
            }
        }
    }
}

/// One connection under watch.
pub(crate) struct Watch<S> {
    watched: Rc<Watched<S>>,
    slot: usize,
    all: Rc<RefCell<Slab<Rc<Watched<S>>>>>,
}

impl<S: Stream> Watch<S> {
    /// What is watched.
    pub(crate) fn stream(&self) -> &S {
        &self.watched.stream
    }

    /// Hangs up at once, with these words.
    pub(crate) fn hang_up(&self, last_words: &[u8]) {
        self.watched.hang_up(last_words);
    }

    /// Whether it was hung up from this side. A read may hear of it later.
    pub(crate) fn is_hung_up(&self) -> bool {
        self.watched.hung_up.get()
    }

    /// Puts TLS below what is watched, for good.
    pub(crate) fn put_below(&self, tls: Tls, buffers: Shelf) {
        *self.watched.secured.borrow_mut() = Some(Box::new(Secured::new(tls, buffers)));
    }

    /// Whether TLS is below.
    pub(crate) fn is_secured(&self) -> bool {
        self.watched.secured.borrow().is_some()
    }

    /// Does something with the TLS that is below.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn below<T>(&self, work: impl FnOnce(&mut Secured) -> T) -> T {
        let mut secured = self.watched.secured.borrow_mut();
        work(secured.as_mut().expect("whoever asks has put TLS below"))
    }

    /// What `pieces` are on the network.
    ///
    /// # Errors
    /// TLS can say nothing more.
    pub(crate) fn seal(&self, pieces: Gather) -> io::Result<Gather> {
        match &mut *self.watched.secured.borrow_mut() {
            Some(secured) => secured.seal(&pieces).map_err(io::Error::other),
            None => Ok(pieces),
        }
    }

    /// Sets the deadline, in the middle of something.
    pub(crate) fn busy_until(&self, deadline: Tick) {
        self.watched.idle.set(false);
        self.watched.deadline.set(deadline);
    }

    /// Sets the deadline of an idle connection, which may also be dismissed sooner.
    pub(crate) fn idle_until(&self, deadline: Tick) {
        self.watched.idle.set(true);
        self.watched.deadline.set(deadline);
    }

    /// Changes what it hears when hung up.
    pub(crate) fn say_last(&self, last_words: &'static [u8]) {
        self.watched.last_words.set(last_words);
    }
}

impl<S> Drop for Watch<S> {
    fn drop(&mut self) {
        self.all.borrow_mut().remove(self.slot);
    }
}
