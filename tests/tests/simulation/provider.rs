//! Those who receive: the provider of `ringload`, in virtual time, and moods that come over it.
//!
//! What it says is decided by the same machines that a load test runs against: a
//! [`Site`] and a [`Session`](loadgen::sink::Session) for each connection. A mood puts another
//! answer in their place now and then, at any stage, or none. And the relay is watched: who
//! breaks a rule of the provider's contract, speaks ahead without PIPELINING, or sends text to
//! nobody, breaks its world.

mod visit;

use crate::chance::Chance;
use crate::dialogue::Dialogue;
use crate::ledger::Book;
use kernel::sim::{Host, Sim, SimStream, World};
use kernel::{Kernel, Listener, Stream};
use loadgen::sink::Site;
use loadgen::sink::site::Guest;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use visit::Visit;

/// What a provider is like today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// As its profile has it.
    Kind,
    /// Refuses, defers, closes and drops now and then.
    Rough,
    /// As rough, and sometimes says nothing until the other gives up.
    Silent,
    /// Says 421 at this stage, and takes the rest.
    Closing(Stage),
}

/// What is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Hello,
    Mail,
    Rcpt,
    Data,
    Final,
}

impl Stage {
    pub(crate) const ALL: [Self; 6] =
        [Self::Greeting, Self::Hello, Self::Mail, Self::Rcpt, Self::Data, Self::Final];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    /// What the session says.
    Yes,
    Later,
    Never,
    Closing,
    Drop,
    Silence,
}

/// One provider.
pub(crate) struct Provider {
    pub(crate) sim: Sim,
    pub(crate) world: Weak<World>,
    /// The host of the relay.
    pub(crate) relay: Host,
    pub(crate) book: Book,
    pub(crate) domain: &'static str,
    pub(crate) address: SocketAddr,
    /// Knows EHLO.
    pub(crate) ehlo: bool,
    pub(crate) site: Arc<Site>,
    pub(crate) temper: Cell<Temper>,
    /// Connections go wrong where the profile says so; over at the calm.
    pub(crate) faulty: Cell<bool>,
    /// The peers of its connections, by their numbers.
    pub(crate) peers: RefCell<BTreeMap<u32, SocketAddr>>,
}

impl Provider {
    /// Listens, and serves whoever comes.
    pub(crate) fn open(self: &Rc<Self>) {
        let listener = self.sim.listen(self.address).expect("addresses are used once");
        let this = Rc::clone(self);
        self.sim.spawn(async move {
            while let Ok(stream) = listener.accept().await {
                this.sim.spawn(Rc::clone(&this).serve(stream));
            }
        });
    }

    async fn serve(self: Rc<Self>, stream: SimStream) {
        let number = self.book.borrow_mut().visit();
        let guest = Guest { source: stream.peer().ip(), number };
        self.forget_the_gone(guest);
        self.peers.borrow_mut().insert(number, stream.peer());
        let ended = Visit::new(&self, Dialogue::new(&self.sim, stream), guest).run().await;
        self.peers.borrow_mut().remove(&number);
        let is_quiet = matches!(&ended, Err(error) if error.kind() == io::ErrorKind::UnexpectedEof);
        let badly = ended.is_err() && !is_quiet;
        self.book.borrow_mut().ended(number, badly, self.sim.now());
    }

    /// A connection comes. If it is one too many, those that the relay holds no longer do not
    /// count, though nothing has come to tell of it yet, or never will.
    fn forget_the_gone(&self, guest: Guest) {
        let rivals = self.site.rivals(guest.source);
        let Some(world) = self.world.upgrade().filter(|_| !rivals.is_empty()) else { return };
        let held = world.connections(self.relay);
        for number in rivals {
            let peer = self.peers.borrow().get(&number).copied();
            if peer.is_none_or(|peer| !held.contains(&(peer, self.address))) {
                self.site.forget(&Guest { number, ..guest }, self.sim.now().0);
            }
        }
    }

    /// Whether it has enough of a text before its end, and what it says then.
    fn interrupts(&self, is_bounce: bool) -> Option<Say> {
        let is_rough = matches!(self.temper.get(), Temper::Rough | Temper::Silent);
        let says = [Say::Later, if is_bounce { Say::Later } else { Say::Never }, Say::Closing];
        (is_rough && self.sim.one_in(20)).then(|| self.sim.pick(&says))
    }

    fn decide(&self, stage: Stage, is_bounce: bool) -> Say {
        let rough = match self.temper.get() {
            Temper::Closing(at) if at == stage => return Say::Closing,
            Temper::Kind | Temper::Closing(_) => return Say::Yes,
            Temper::Silent if self.sim.one_in(60) => return Say::Silence,
            Temper::Rough | Temper::Silent => self.sim.within(0..100),
        };
        match rough {
            0..6 => Say::Later,
            6..12 if stage == Stage::Hello => Say::Yes,
            // Bounces are never refused for good: what they tell would be told to nobody.
            6..12 if is_bounce => Say::Later,
            6..12 => Say::Never,
            12..15 => Say::Closing,
            15..18 => Say::Drop,
            _ => Say::Yes,
        }
    }
}
