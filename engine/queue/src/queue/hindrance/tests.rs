use super::Hindrance;
use crate::{DIALLED_WITHIN, Queue, READY_PER_LANE, SiteIndex, TAKEN_WITHIN};
use event::Tick;
use policy::Limits;
use policy::pace::Rates;
use policy::rate::Rate;
use std::collections::BTreeMap;
use std::time::Duration;

const LIMITS: Limits = Limits {
    connections_max: 2,
    connections_per_source_max: u16::MAX,
    messages_per_connection_max: 100,
    in_flight_max: 8,
    in_flight_first: 1,
    recipients_per_message_max: 100,
    idle: Duration::from_secs(5),
    connection_age_max: Duration::from_mins(5),
};

/// One site of the group `g`, and the time there.
struct World {
    queue: Queue<u32>,
    site: SiteIndex,
    now: Tick,
}

impl World {
    fn new(ready: u32) -> Self {
        let mut queue = Queue::new(Tick::ZERO);
        let site = queue.site_of("g", "a", &LIMITS);
        (0..ready).for_each(|delivery| queue.ready(site, delivery));
        Self { queue, site, now: Tick(1) }
    }

    fn rate(&mut self, messages: &str, connections: &str, bytes: &str) -> &mut Self {
        let rate = |text| Rate::parse(text).ok();
        let (messages, connections, bytes) = (rate(messages), rate(connections), rate(bytes));
        self.queue.rate(self.site, Rates { messages, bytes, connections });
        self
    }

    fn send(&mut self) -> &mut Self {
        assert!(self.queue.send(self.site, || self.now).is_some(), "nothing keeps it from that");
        self
    }

    fn dial(&mut self) -> &mut Self {
        assert_eq!(self.queue.dial(self.now), Some(self.site), "nothing keeps it from that");
        self
    }

    fn open(&mut self) -> &mut Self {
        self.dial();
        self.queue.answered(self.site);
        self.queue.connected(self.site);
        self
    }

    fn fail(&mut self) -> &mut Self {
        self.dial();
        self.queue.answered(self.site);
        self.queue.dial_failed(self.site, self.now, 0);
        self
    }

    fn pause(&mut self) -> &mut Self {
        self.queue.pause("g", Some(self.now + Duration::from_hours(1)), self.now);
        self
    }

    /// A connection of another site of the group.
    fn crowd(&mut self) -> &mut Self {
        let other = self.queue.site_of("g", "b", &LIMITS);
        self.queue.ready(other, 0);
        assert_eq!(self.queue.dial(self.now), Some(other));
        self.queue.limit("g", Some(1));
        self
    }

    /// Does away with what keeps mail; whether that can be done here.
    fn lift(&mut self, hindrance: Hindrance) -> bool {
        let view = self.queue.view(self.site);
        let (lanes, opening) = (view.open + view.opening, view.opening > 0);
        match hindrance {
            Hindrance::Paused(_) => _ = self.queue.pause("g", None, self.now),
            Hindrance::Nothing | Hindrance::Enough(_) => {
                let enough = u32::from(lanes) * READY_PER_LANE as u32;
                (0..=enough).for_each(|more| self.queue.ready(self.site, more));
            }
            Hindrance::Full(_) if self.queue.view(self.site).open > 0 => {
                self.queue.closed(self.site);
            }
            Hindrance::Unanswered(_) => self.queue.answered(self.site),
            Hindrance::Probing if opening => {
                self.queue.answered(self.site);
                self.queue.connected(self.site);
            }
            Hindrance::Resting(until)
            | Hindrance::MessageRate(until)
            | Hindrance::ByteRate(until)
            | Hindrance::Sources(until)
            | Hindrance::ConnectionRate(until) => self.now = until,
            Hindrance::Soon(_, until) => {
                // Something may have been taken since, and then not for as long again.
                self.now = until;
                self.first();
                self.now = self.now + DIALLED_WITHIN;
            }
            Hindrance::Held(_)
            | Hindrance::Full(_)
            | Hindrance::Probing
            | Hindrance::GroupFull(_) => return false,
        }
        true
    }

    fn first(&mut self) -> Option<Hindrance> {
        self.queue.hindrances(self.site, self.now).first().copied()
    }
}

/// A name, how it comes about, what it is then, and how it is lifted.
type Case = (&'static str, World, fn(&Hindrance) -> bool, fn(&mut World));

fn world(ready: u32, arrange: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(ready);
    arrange(&mut world);
    world
}

fn cases() -> Vec<Case> {
    let mut cases = connection_cases();
    cases.extend(rate_cases());
    cases
}

fn rate_cases() -> [Case; 4] {
    let time = |world: &mut World| world.now = world.now + Duration::from_secs(2);
    let second = Tick(1) + Duration::from_secs(1);
    [
        (
            "the message rate",
            world(2, |world| _ = world.rate("1/s", "", "").send()),
            |it| matches!(it, Hindrance::MessageRate(until) if *until > Tick(1)),
            time,
        ),
        (
            "the byte rate",
            world(2, |world| _ = world.rate("", "", "1/s").send()),
            |it| matches!(it, Hindrance::ByteRate(until) if *until > Tick(1)),
            time,
        ),
        (
            "our addresses",
            world(1, |world| {
                assert_eq!(world.queue.dial(world.now), Some(world.site));
                world.queue.hold_off(world.site, second);
                assert_eq!((world.queue.dial(world.now), world.queue.lanes("g")), (None, 0));
                assert_eq!(world.queue.resume_at(), Some(second));
            }),
            |it| *it == Hindrance::Sources(Tick(1) + Duration::from_secs(1)),
            time,
        ),
        (
            "the connection rate",
            world(99, |world| {
                world.rate("", "1/s", "").open();
                world.queue.closed(world.site);
                assert_eq!(world.queue.free_at(), None, "nobody asked yet");
                assert_eq!(world.queue.dial(world.now), None);
                assert_eq!(world.queue.free_at(), Some(second));
            }),
            |it| matches!(it, Hindrance::ConnectionRate(until) if *until > Tick(1)),
            time,
        ),
    ]
}

fn connection_cases() -> Vec<Case> {
    vec![
        (
            "nothing",
            World::new(0),
            |it| *it == Hindrance::Nothing,
            |world| world.queue.ready(world.site, 9),
        ),
        (
            "paused",
            world(1, |world| _ = world.pause()),
            |it| *it == Hindrance::Paused(Tick(1) + Duration::from_hours(1)),
            |world| _ = world.queue.pause("g", None, world.now),
        ),
        (
            "the pause is over",
            world(1, |world| _ = world.pause()),
            |it| it.ends().is_some(),
            |world| world.now = world.now + Duration::from_hours(1),
        ),
        (
            "enough",
            world(1, |world| _ = world.open()),
            |it| *it == Hindrance::Enough(1),
            |world| (0..READY_PER_LANE).for_each(|_| world.queue.ready(world.site, 9)),
        ),
        (
            "full",
            world(99, |world| _ = world.open().open()),
            |it| *it == Hindrance::Full(2),
            |world| world.queue.closed(world.site),
        ),
        (
            "probing",
            world(99, |world| {
                world.fail().now = Tick::NEVER;
                world.dial();
            }),
            |it| *it == Hindrance::Probing,
            |world| {
                world.queue.answered(world.site);
                world.queue.connected(world.site);
            },
        ),
        (
            "resting",
            world(1, |world| _ = world.fail()),
            |it| matches!(it, Hindrance::Resting(until) if *until > Tick(1)),
            |world| _ = world.queue.hurry("g"),
        ),
        (
            "the group is full",
            world(0, |world| {
                world.crowd();
                world.queue.ready(world.site, 1);
            }),
            |it| *it == Hindrance::GroupFull(1),
            |world| world.queue.limit("g", None),
        ),
    ]
}

#[test]
fn each_has_its_name_and_without_it_the_site_dials() {
    for (name, mut world, is_it, lift) in cases() {
        let all = world.queue.hindrances(world.site, world.now);
        assert!(is_it(&all[0]), "{name}: {all:?}");
        assert_eq!(world.queue.dial(world.now), None, "{name}");
        lift(&mut world);
        assert_eq!(world.first(), None, "{name}");
        assert_eq!(world.queue.dial(world.now), Some(world.site), "{name}");
    }
}

/// A connection that takes what is ready gets no company for a few deliveries; one that does not, does.
#[test]
fn a_connection_that_keeps_up_is_enough_for_a_few() {
    let mut world = World::new(READY_PER_LANE as u32);
    world.open();
    assert_eq!(world.first(), Some(Hindrance::Soon(1, Tick(1) + DIALLED_WITHIN)));
    assert_eq!(world.queue.dial(world.now), None);
    world.now = world.now + DIALLED_WITHIN;
    assert_eq!(world.first(), None, "it took nothing");
    assert!(world.queue.take(world.site).is_some());
    assert_eq!(world.first(), Some(Hindrance::Soon(1, world.now + TAKEN_WITHIN)));
    assert!(world.queue.take(world.site).is_some());
    world.now = world.now + TAKEN_WITHIN;
    assert_eq!(world.first(), Some(Hindrance::Soon(1, world.now + TAKEN_WITHIN)), "it took one");
    (0..READY_PER_LANE).for_each(|_| world.queue.ready(world.site, 9));
    assert_eq!(world.queue.dial(world.now), Some(world.site), "they are too many for it");
}

#[test]
fn dials_without_an_answer_have_their_name_too() {
    let many = Limits { connections_max: 9, ..LIMITS };
    let mut world = World::new(99);
    world.queue.site_of("g", "a", &many);
    world.dial().dial();
    assert_eq!(world.first(), Some(Hindrance::Unanswered(2)));
    assert_eq!(world.queue.dial(world.now), None);
    world.queue.answered(world.site);
    assert_eq!((world.first(), world.queue.dial(world.now)), (None, Some(world.site)));
}

#[test]
fn all_that_hold_are_told_in_their_order() {
    let mut world = World::new(1);
    world.fail().pause();
    let all = world.queue.hindrances(world.site, world.now);
    assert!(matches!(all[..], [Hindrance::Paused(_), Hindrance::Resting(_)]), "{all:?}");
}

#[test]
fn what_is_paused_gives_nothing_to_its_connections() {
    let mut world = World::new(2);
    world.open().pause();
    assert!(!world.queue.has_work(world.site, || world.now));
    assert_eq!(world.queue.take(world.site), None);
    world.queue.pause("g", None, world.now);
    assert!(world.queue.has_work(world.site, || world.now));
    assert_eq!(world.queue.take(world.site), Some(0));
}

#[test]
fn a_pause_holds_for_sites_to_come_and_wakes_them_when_it_ends() {
    let mut queue = Queue::new(Tick::ZERO);
    let until = Tick::ZERO + Duration::from_mins(1);
    assert_eq!(queue.pause("g", Some(until), Tick::ZERO), []);
    let (of_it, other) = (queue.site_of("g", "a", &LIMITS), queue.site_of("h", "b", &LIMITS));
    queue.ready(of_it, 1);
    queue.ready(other, 2);
    assert_eq!(queue.resume_at(), Some(until));
    assert_eq!((queue.dial(Tick(1)), queue.dial(Tick(1))), (Some(other), None));
    assert_eq!(queue.dial(until), Some(of_it));
}

/// What may happen to a site.
const ACTS: [fn(&mut World); 9] = [
    |world| (0..=READY_PER_LANE).for_each(|_| world.queue.ready(world.site, 7)),
    |world| _ = world.queue.send(world.site, || world.now),
    |world| _ = world.queue.dial(world.now),
    |world| {
        if world.queue.view(world.site).opening > 0 {
            // Whether it was answered is not to be seen: a dial that fails has been.
            world.queue.answered(world.site);
            world.queue.dial_failed(world.site, world.now, 0);
        }
    },
    |world| {
        if world.queue.view(world.site).opening > 0 {
            world.queue.answered(world.site);
            world.queue.connected(world.site);
        }
    },
    |world| {
        if world.queue.view(world.site).open > 0 {
            world.queue.closed(world.site);
        }
    },
    |world| _ = world.pause(),
    |world| _ = world.queue.pause("g", None, world.now),
    |world| world.now = world.now + Duration::from_secs(1),
];

/// Every history of five acts, without rates and with them.
fn histories() -> impl Iterator<Item = (usize, World)> {
    let one_each = ACTS.len().pow(5);
    (0..2 * one_each).map(move |history| {
        let mut world = World::new(2);
        if history >= one_each {
            world.rate("1/2s", "2/3s", "");
        }
        let mut rest = history % one_each;
        for _ in 0..5 {
            ACTS[rest % ACTS.len()](&mut world);
            rest /= ACTS.len();
        }
        (history, world)
    })
}

#[test]
fn what_is_told_is_what_is_done() {
    let (mut all, mut dialled) = (0, 0);
    for (history, mut world) in histories() {
        let told = world.first();
        let done = world.queue.dial(world.now);
        assert_eq!(told.is_none(), done.is_some(), "history {history}: {told:?}");
        (all, dialled) = (all + 1, dialled + usize::from(done.is_some()));
    }
    assert!(dialled > all / 20 && dialled < all / 2, "{dialled} of {all}");
}

/// Where one thing alone keeps mail, mail moves once that is lifted: it is dialled for, or taken.
#[test]
fn what_is_named_is_what_moves_the_mail_when_it_is_lifted() {
    let mut situations = BTreeMap::<String, u32>::new();
    for (history, mut world) in histories() {
        let all = world.queue.hindrances(world.site, world.now);
        let [only] = all[..] else { continue };
        if !world.lift(only) {
            continue;
        }
        let dialled = world.queue.dial(world.now).is_some();
        let is_open = world.queue.view(world.site).open > 0;
        let taken = is_open && world.queue.send(world.site, || world.now).is_some();
        assert!(dialled || taken, "history {history}: {only:?} was lifted");
        let name = format!("{only:?}");
        let name = name.split('(').next().unwrap_or_default().to_owned();
        *situations.entry(name).or_default() += 1;
    }
    assert!(situations.values().all(|count| *count >= 20), "{situations:?}");
    assert!(situations.len() >= 6 && situations.values().sum::<u32>() > 10_000, "{situations:?}");
}
