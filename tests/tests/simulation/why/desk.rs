//! A host that can be told how to be.

use event::Tick;
use kernel::sim::Sim;
use loadgen::sink::provider::{Provider as Profile, Tls};
use loadgen::sink::{After, Output, Session, Site};
use rehearsal::{Next, Provider, Visit};
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Its manners, and what it has seen.
pub(super) struct Desk {
    site: RefCell<Arc<Site>>,
    /// What it takes for a message.
    service: Cell<Duration>,
    /// Messages that were begun, and not refused at once.
    begun: Cell<u64>,
    visits: Cell<u32>,
}

impl Desk {
    pub(super) fn new(profile: Profile) -> Rc<Self> {
        Rc::new(Self {
            site: RefCell::new(site(profile)),
            service: Cell::default(),
            begun: Cell::default(),
            visits: Cell::default(),
        })
    }

    /// Listens there.
    pub(super) fn open(self: &Rc<Self>, sim: &Sim, address: SocketAddr) {
        let visited = Rc::new(Visited(Rc::clone(self)));
        rehearsal::open(sim, address, &visited).expect("addresses are used once");
    }

    /// From now on it takes what comes.
    pub(super) fn take_all(&self) {
        *self.site.borrow_mut() = site(Profile::default());
    }

    pub(super) fn be_slow(&self, service: Duration) {
        self.service.set(service);
    }

    pub(super) fn begun(&self) -> u64 {
        self.begun.get()
    }
}

fn site(profile: Profile) -> Arc<Site> {
    Arc::new(Site::new(Profile { tls: Tls::Off, reputation: None, ..profile }, 1))
}

struct Visited(Rc<Desk>);

impl Provider for Visited {
    type Visit = Call;

    fn visit(&self, source: IpAddr, _: Tick) -> Call {
        let desk = Rc::clone(&self.0);
        desk.visits.set(desk.visits.get() + 1);
        let site = Arc::clone(&desk.site.borrow());
        let session = Session::new(site, 1, desk.visits.get(), source);
        Call { desk, session, output: Output::default() }
    }
}

pub(super) struct Call {
    desk: Rc<Desk>,
    session: Session,
    output: Output,
}

impl Call {
    fn turn(&mut self, after: After, words: &mut Vec<u8>) -> Next {
        let output = std::mem::take(&mut self.output);
        words.extend_from_slice(&output.replies);
        self.desk.begun.set(self.desk.begun.get() + output.messages);
        let pause = self.desk.service.get() * output.messages as u32;
        if after == After::Continue { Next::Listen(pause) } else { Next::Close(pause) }
    }
}

impl Visit for Call {
    fn greet(&mut self, now: Tick, words: &mut Vec<u8>) -> Next {
        let after = self.session.greet(now.0, &mut self.output);
        self.turn(after, words)
    }

    fn hear(&mut self, input: &[u8], now: Tick, words: &mut Vec<u8>) -> (usize, Next) {
        let (used, after) = self.session.step(input, now.0, &mut self.output);
        (used, self.turn(after, words))
    }

    fn leave(&mut self, now: Tick) {
        self.session.leave(now.0);
    }
}
