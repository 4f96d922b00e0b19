use crate::{Queue, SiteIndex};
use event::Tick;
use policy::Limits;
use policy::pace::Rates;
use policy::rate::Rate;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn limits() -> Limits {
    Limits { connections_max: 100, ..Limits::default() }
}

fn rates(messages: &str, connections: &str, bytes: &str) -> Rates {
    let rate = |text| Rate::parse(text).ok();
    Rates { messages: rate(messages), bytes: rate(bytes), connections: rate(connections) }
}

/// Sites of one group with these rates.
struct World {
    queue: Queue<u32>,
    sites: Vec<SiteIndex>,
    now: Tick,
    rates: Rates,
    /// Those that have a connection which waits to be woken.
    idle: Vec<SiteIndex>,
    /// What went, and when.
    sent: Vec<(Tick, u32)>,
    dialled: Vec<Tick>,
    /// How long a message takes, if that is not nothing; and those that are out, by when they are back.
    trip: Option<Duration>,
    busy: Vec<(Tick, SiteIndex)>,
}

impl World {
    fn new(sites: u32, rates: Rates) -> Self {
        let mut queue = Queue::new(Tick::ZERO);
        let site = |number| {
            let site = queue.site_of("g", &format!("site {number}"), &limits());
            queue.rate(site, rates);
            site
        };
        let sites = (0..sites).map(site).collect();
        let (idle, sent, dialled, trip, busy) = Default::default();
        Self { queue, sites, now: Tick(1), rates, idle, sent, dialled, trip, busy }
    }

    /// So many for each site, of its number.
    fn ready(&mut self, each: u32) {
        for (number, site) in (0..).zip(&self.sites) {
            (0..each).for_each(|_| self.queue.ready(*site, number));
        }
    }

    /// As a shard does: wakes idle connections, dials, and has each connection take what it may.
    fn turn(&mut self) {
        while let Some(site) = self.queue.freed(self.now) {
            if !self.queue.has_work(site, || self.now) {
                continue;
            }
            match self.idle.iter().position(|idle| *idle == site) {
                Some(place) => {
                    self.idle.remove(place);
                    self.serve(site);
                }
                None => self.queue.lacks(site),
            }
        }
        while let Some(site) = self.queue.dial(self.now) {
            self.dialled.push(self.now);
            self.queue.answered(site);
            self.queue.connected(site);
            self.serve(site);
        }
    }

    fn serve(&mut self, site: SiteIndex) {
        if let Some(trip) = self.trip {
            return self.serve_one(site, trip);
        }
        while let Some(delivery) = self.queue.send(site, || self.now) {
            self.sent.push((self.now, delivery));
        }
        self.idle.push(site);
    }

    /// A connection that takes one message at a time, and is back when it was answered.
    fn serve_one(&mut self, site: SiteIndex, trip: Duration) {
        match self.queue.send(site, || self.now) {
            Some(delivery) => {
                self.sent.push((self.now, delivery));
                self.busy.push((self.now + trip, site));
            }
            None => self.idle.push(site),
        }
    }

    /// Connections that were answered by now look for work.
    fn answer(&mut self) {
        while let Some(&(_, site)) = self.busy.first().filter(|(back, _)| *back <= self.now) {
            self.busy.remove(0);
            self.serve(site);
        }
        self.busy.sort_unstable();
    }

    /// Until everything went, or for so long, by nothing but the moments the queue wants to be woken at.
    fn run(&mut self, most: Duration) {
        let end = self.now + most;
        self.turn();
        while self.queue.ready_len() > 0 && self.now < end {
            self.answer();
            let back = self.busy.first().map(|(back, _)| *back);
            let wake = self.queue.resume_at().into_iter().chain(back).min();
            let wake = wake.expect("whatever waits has a time");
            self.now = wake.max(self.now + Duration::from_micros(1)).min(end);
            self.turn();
        }
    }

    /// Whether no second had more of these than `count`.
    fn keeps(times: &[Tick], count: usize, span: Duration) -> bool {
        times.windows(count + 1).all(|some| some[count].since(some[0]) >= span)
    }

    fn times(&self) -> Vec<Tick> {
        self.sent.iter().map(|(at, _)| *at).collect()
    }
}

#[test]
fn all_sites_of_a_group_have_a_rate_together_and_use_it_up() {
    let mut world = World::new(5, rates("20/s", "", ""));
    world.ready(40);
    world.run(60 * SECOND);
    assert_eq!(world.sent.len(), 200);
    assert!(World::keeps(&world.times(), 20, SECOND), "{:?}", world.sent);
    let took = world.now.since(Tick(1));
    assert!(took < 11 * SECOND, "200 at 20 a second: {took:?}");
    assert!(world.dialled.len() <= 5, "{} connections: one each would do", world.dialled.len());
    // No site is behind another by more than a turn or two.
    let half: Vec<_> = world.sent[..100].iter().map(|(_, site)| *site).collect();
    let of = |site| half.iter().filter(|one| **one == site).count();
    assert!((0..5).all(|site| (14..=26).contains(&of(site))), "{half:?}");
}

/// One connection could not: an answer takes five times as long as there is between two messages.
#[test]
fn there_are_as_many_connections_as_a_rate_needs() {
    let mut world = World::new(1, rates("50/s", "", ""));
    world.trip = Some(SECOND / 10);
    world.ready(500);
    world.run(60 * SECOND);
    assert_eq!(world.sent.len(), 500);
    assert!(World::keeps(&world.times(), 50, SECOND));
    let took = world.now.since(Tick(1));
    assert!(took < 13 * SECOND, "500 at 50 a second: {took:?}");
    assert!((5..=12).contains(&world.dialled.len()), "{} connections", world.dialled.len());
}

#[test]
fn connections_are_opened_no_faster_than_their_rate() {
    let mut world = World::new(30, rates("", "10/s", ""));
    world.ready(1);
    world.run(60 * SECOND);
    assert_eq!((world.sent.len(), world.dialled.len()), (30, 30));
    assert!(World::keeps(&world.dialled, 10, SECOND), "{:?}", world.dialled);
    assert!(world.now.since(Tick(1)) < 4 * SECOND);
    // One to the next host of a dial is one more.
    let site = world.sites[0];
    world.now = world.now + SECOND;
    assert!(world.queue.connects_again(site, world.now));
    assert!(!world.queue.connects_again(site, world.now), "one at once, and then they are spread");
    world.now = world.now + SECOND / 10;
    assert!(world.queue.connects_again(site, world.now));
}

#[test]
fn octets_are_counted_by_the_message() {
    // A test's delivery has one octet.
    let mut world = World::new(2, rates("", "", "10/s"));
    world.ready(10);
    world.run(60 * SECOND);
    assert!(World::keeps(&world.times(), 10, SECOND) && world.sent.len() == 20);
}

#[test]
fn another_group_and_what_has_no_rate_do_not_wait() {
    let mut world = World::new(1, rates("1/h", "1/h", ""));
    world.ready(3);
    let other = world.queue.site_of("h", "other", &limits());
    (0..100).for_each(|_| world.queue.ready(other, 7));
    world.run(SECOND);
    let others = world.sent.iter().filter(|(_, of)| *of == 7).count();
    assert_eq!((world.sent.len(), others), (101, 100));
}

#[test]
fn what_was_had_counts_on_unless_the_rate_is_another_one() {
    let mut world = World::new(2, rates("1/h", "", ""));
    world.ready(2);
    world.run(SECOND);
    assert_eq!(world.sent.len(), 1);
    let say = |world: &mut World, rates: Rates| {
        world.rates = rates;
        world.sites.clone().into_iter().for_each(|site| world.queue.rate(site, rates));
        world.run(SECOND);
        world.sent.len()
    };
    let same = world.rates;
    assert_eq!(say(&mut world, same), 1, "read again and the same");
    assert_eq!(say(&mut world, rates("1/h", "3/h", "")), 1, "only another has changed");
    assert_eq!(say(&mut world, rates("1/2h", "3/h", "")), 2, "another rate");
    assert_eq!(say(&mut world, Rates::default()), 4, "none any more");
}

#[test]
fn what_was_not_sent_after_all_does_not_count() {
    let mut world = World::new(1, rates("1/h", "", "1/h"));
    world.ready(2);
    let site = world.sites[0];
    assert!(world.queue.send(site, || world.now).is_some());
    assert!(world.queue.send(site, || world.now).is_none());
    world.queue.unsent(site, 1);
    assert!(world.queue.send(site, || world.now).is_some());
}

/// Whatever becomes of a site that was let go, the others do not wait for it.
#[test]
fn one_that_makes_no_use_of_its_turn_loses_nothing_but_that() {
    let mut world = World::new(3, rates("2/s", "", ""));
    world.ready(2);
    world.run(SECOND / 4);
    // Those of one site are taken away while all wait in line.
    let gone = world.sites[1];
    world.queue.drain_ready(gone, |_| true);
    let left = world.queue.ready_len();
    let before = world.sent.len();
    world.run(60 * SECOND);
    assert_eq!(world.sent.len(), before + left);
    let took = world.sent.last().unwrap().0.since(Tick(1));
    assert!(took < 3 * SECOND, "{took:?}");
}

#[test]
fn a_group_that_is_forgotten_leaves_nothing_behind() {
    let mut world = World::new(1, rates("1/h", "", ""));
    world.ready(2);
    world.run(SECOND);
    assert!(world.queue.free_at().is_some());
    world.queue.drain_ready(world.sites[0], |_| true);
    world.queue.closed(world.sites[0]);
    for number in 0..=crate::IDLE_SITES_MAX {
        world.queue.site(&format!("other {number}"), &limits());
    }
    assert_eq!((world.queue.find("site 0"), world.queue.free_at()), (None, None));
    assert_eq!(world.queue.freed(Tick::NEVER), None);
}

#[test]
fn a_dial_that_is_held_off_counts_for_nothing_and_is_asked_again() {
    let mut world = World::new(1, rates("", "1/h", ""));
    world.ready(9);
    let (site, later) = (world.sites[0], world.now + SECOND);
    for now in [world.now, later, later + SECOND] {
        assert_eq!(world.queue.dial(now), Some(site), "no connection was counted");
        world.queue.hold_off(site, now + SECOND);
        assert_eq!((world.queue.dial(now), world.queue.view(site).opening), (None, 0));
    }
    world.queue.ask_sources(site);
    assert_eq!(world.queue.dial(later + SECOND), Some(site), "there is something new");
    assert_eq!(world.queue.view(site).failures, 0, "and nobody has failed");
}
