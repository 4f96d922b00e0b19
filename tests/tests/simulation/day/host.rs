//! What answers at a provider's hosts: the load test's provider, and while it has trouble, the same
//! with less patience.

use super::book::Book;
use super::cast::Part;
use event::Tick;
use kernel::Kernel;
use kernel::sim::Sim;
use loadgen::sink::{After, Output, Session, Site};
use rehearsal::{Next, Provider, Visit};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A provider, with its hosts.
pub(super) struct Host {
    pub(super) part: Part,
    number: usize,
    usual: Arc<Site>,
    troubled: Option<Arc<Site>>,
    begins: Option<Tick>,
    /// When it first said that it has had enough.
    pub(super) told: Cell<Option<Tick>>,
    visits: Cell<u32>,
    book: Rc<Book>,
}

impl Host {
    /// The N-th, in a day of this length, with a listener for each of its hosts.
    pub(super) fn open(
        sim: &Sim,
        (number, part): (usize, Part),
        length: Duration,
        book: &Rc<Book>,
    ) -> Rc<Self> {
        let site = |profile| Arc::new(Site::new(profile, number as u64));
        let host = Rc::new(Self {
            number,
            usual: site(part.profile.clone()),
            troubled: part.trouble.as_ref().map(|trouble| site(trouble.profile.clone())),
            begins: part.trouble_at(sim.now(), length),
            told: Cell::default(),
            visits: Cell::default(),
            book: Rc::clone(book),
            part,
        });
        for place in 0..host.part.profile.hosts.len() {
            let address = SocketAddr::new(host.address(place), route::SMTP_PORT);
            rehearsal::open(sim, address, &Visited::of(&host)).expect("addresses are used once");
        }
        host
    }

    /// Of its host at this place.
    pub(super) fn address(&self, place: usize) -> IpAddr {
        Ipv4Addr::new(10, 2, self.number as u8, place as u8 + 1).into()
    }

    /// What the relay calls its site.
    pub(super) fn site_name(&self) -> String {
        if self.part.is_known {
            return self.part.profile.name.clone();
        }
        let mut hosts = self.part.profile.hosts.clone();
        hosts.sort();
        hosts.join(",")
    }

    /// Whether it takes less than usual now.
    pub(super) fn is_troubled(&self, now: Tick) -> bool {
        let Some(trouble) = &self.part.trouble else { return false };
        let has_begun = self.begins.is_some_and(|begins| begins <= now);
        has_begun && self.told.get().is_none_or(|told| now < told + trouble.pause)
    }

    fn site(&self, now: Tick) -> &Arc<Site> {
        let troubled = self.troubled.as_ref().filter(|_| self.is_troubled(now));
        troubled.unwrap_or(&self.usual)
    }
}

/// So that connections hold on to their provider.
struct Visited(Rc<Host>);

impl Visited {
    fn of(host: &Rc<Host>) -> Rc<Self> {
        Rc::new(Self(Rc::clone(host)))
    }
}

impl Provider for Visited {
    type Visit = Call;

    fn visit(&self, source: IpAddr, now: Tick) -> Call {
        let host = Rc::clone(&self.0);
        let number = host.visits.get() + 1;
        host.visits.set(number);
        let in_trouble = host.is_troubled(now);
        let site = Arc::clone(host.site(now));
        let session = Session::new(site, host.number as u32, number, source);
        Call { host, session, output: Output::default(), in_trouble }
    }
}

/// A connection.
pub(super) struct Call {
    host: Rc<Host>,
    session: Session,
    output: Output,
    in_trouble: bool,
}

impl Call {
    /// Writes down what happened, and says how it goes on.
    fn turn(&mut self, after: After, now: Tick, words: &mut Vec<u8>) -> Next {
        let output = std::mem::take(&mut self.output);
        if self.in_trouble && output.turned_away > 0 && self.host.told.get().is_none() {
            self.host.told.set(Some(now));
        }
        words.extend_from_slice(&output.replies);
        self.host.book.note(self.host.number, &output);
        let pause = self.host.part.service * output.messages as u32;
        if after == After::Continue { Next::Listen(pause) } else { Next::Close(pause) }
    }
}

impl Visit for Call {
    fn greet(&mut self, now: Tick, words: &mut Vec<u8>) -> Next {
        let after = self.session.greet(now.0, &mut self.output);
        self.turn(after, now, words)
    }

    fn hear(&mut self, input: &[u8], now: Tick, words: &mut Vec<u8>) -> (usize, Next) {
        let (used, after) = self.session.step(input, now.0, &mut self.output);
        (used, self.turn(after, now, words))
    }

    fn leave(&mut self, now: Tick) {
        self.session.leave(now.0);
    }
}
