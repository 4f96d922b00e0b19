mod model;

use super::{IDLE_SITES_MAX, LOOKED_MAX, Queue, SiteIndex};
use event::Tick;
use model::Model;
use policy::Limits;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::Duration;

const LIMITS: Limits = Limits {
    connections_max: 4,
    connections_per_source_max: u16::MAX,
    messages_per_connection_max: 100,
    in_flight_max: 8,
    in_flight_first: 1,
    recipients_per_message_max: 100,
    idle: Duration::from_secs(5),
    connection_age_max: Duration::from_mins(5),
};

/// What may happen to a queue.
#[derive(Clone, Copy, Debug)]
enum Op {
    Ready(usize),
    Again(usize),
    Take(usize),
    Dial,
    Answered(usize),
    Connected(usize),
    Failed(usize),
    Closed(usize),
    Drain(usize),
    Wait(u64),
}

struct World {
    queue: Queue<u32>,
    indices: Vec<SiteIndex>,
    models: Vec<Model>,
    now: Tick,
    /// When a dial was last asked for: the queue knows no other clock.
    asked: Tick,
    count: u32,
}

impl World {
    fn new(sites: usize) -> Self {
        let mut queue = Queue::new(Tick::ZERO);
        let indices = (0..sites).map(|site| queue.site(&site.to_string(), &LIMITS)).collect();
        Self {
            queue,
            indices,
            models: vec![Model::default(); sites],
            now: Tick::ZERO,
            asked: Tick::ZERO,
            count: 0,
        }
    }

    /// Does `op` on both, if it can happen now, and compares them.
    fn act(&mut self, op: Op) {
        match op {
            Op::Ready(site) => {
                self.count += 1;
                self.queue.ready(self.indices[site], self.count);
                self.models[site].ready.push_back(self.count);
            }
            Op::Again(site) => {
                self.count += 1;
                self.queue.again(self.indices[site], self.count);
                self.models[site].ready.push_front(self.count);
            }
            Op::Take(site) => {
                let taken = self.queue.take(self.indices[site]);
                let model = &mut self.models[site];
                assert_eq!(taken, model.ready.pop_front());
                if taken.is_some() {
                    model.slow = false;
                    model.watched = model.watched.map(|(until, _)| (until, true));
                }
            }
            Op::Drain(site) => {
                let odd = self.queue.drain_ready(self.indices[site], |delivery| delivery % 2 == 1);
                let model = &mut self.models[site].ready;
                let wanted: Vec<_> = model.iter().copied().filter(|each| each % 2 == 1).collect();
                assert_eq!(odd, wanted);
                model.retain(|delivery| delivery % 2 == 0);
            }
            Op::Dial => self.dial(),
            Op::Answered(site) if self.models[site].unanswered > 0 => self.answer(site),
            Op::Connected(site) if self.models[site].opening > 0 => {
                self.answer_one(site);
                self.queue.connected(self.indices[site]);
                let model = &mut self.models[site];
                model.opening -= 1;
                model.open += 1;
                model.backoff.worked();
                model.resume = None;
            }
            Op::Failed(site) if self.models[site].opening > 0 => {
                self.answer_one(site);
                self.queue.dial_failed(self.indices[site], self.now, 99);
                let (now, model) = (self.now, &mut self.models[site]);
                model.opening -= 1;
                if !model.rests(now) {
                    model.resume = Some(now + model.backoff.failed(99));
                }
            }
            Op::Closed(site) if self.models[site].open > 0 => {
                self.queue.closed(self.indices[site]);
                self.models[site].open -= 1;
            }
            Op::Wait(millis) => self.now = self.now + Duration::from_millis(millis),
            Op::Answered(_) | Op::Connected(_) | Op::Failed(_) | Op::Closed(_) => (),
        }
        let asked = self.asked;
        self.models.iter_mut().for_each(|model| model.watch(asked));
        self.check();
    }

    fn answer(&mut self, site: usize) {
        self.queue.answered(self.indices[site]);
        self.models[site].unanswered -= 1;
    }

    /// Sees that a dial is answered.
    fn answer_one(&mut self, site: usize) {
        if self.models[site].opening == self.models[site].unanswered {
            self.answer(site);
        }
    }

    /// A dial goes to a site that may have it, if there is one, and in turn.
    fn dial(&mut self) {
        let now = self.now;
        self.asked = now;
        self.models.iter_mut().for_each(|model| model.judge(now));
        let may: Vec<_> = (0..self.models.len())
            .filter(|site| self.models[*site].wants() && !self.models[*site].rests(now))
            .collect();
        let given = self
            .queue
            .dial(now)
            .map(|given| self.indices.iter().position(|index| *index == given).unwrap());
        assert_eq!(given.is_some(), !may.is_empty(), "{may:?}");
        for site in may {
            let others = self.models[site].passed_over.unwrap_or(0);
            if Some(site) == given {
                assert!(self.models[site].wants() && !self.models[site].rests(now));
                self.models[site].passed_over = None;
                self.models[site].opening += 1;
                self.models[site].unanswered += 1;
                // Pauses that are over end when they are looked at.
                self.models[site].resume = None;
            } else {
                assert!(others < self.models.len() as u32, "site {site} waits for ever");
                self.models[site].passed_over = Some(others + 1);
            }
        }
    }

    fn check(&mut self) {
        let now = self.now;
        for model in &mut self.models {
            if !model.wants() || model.rests(now) {
                model.passed_over = None;
            }
        }
        let ready: usize = self.models.iter().map(|model| model.ready.len()).sum();
        assert_eq!((self.queue.queued(), self.queue.ready_len()), (ready, ready));
        for (site, model) in self.models.iter().enumerate() {
            let view = self.queue.view(self.indices[site]);
            assert_eq!(
                (view.ready, view.open, view.opening),
                (model.ready.len(), model.open, model.opening)
            );
            assert_eq!(view.failures, model.backoff.failures());
        }
        let rests = |model: &Model| {
            let watched = model.watched.map(|(until, _)| until);
            if model.wants() && model.rests(now) { model.resume } else { watched }
        };
        let first = self.models.iter().filter_map(rests).min();
        let later = self.queue.resume_at().filter(|resume| *resume > now);
        // A pause that is over may still be there, until the next dial looks at it.
        assert!(later == first || self.queue.resume_at() <= Some(now), "{later:?} {first:?}");
    }
}

/// Every history of five things that may happen to two sites.
#[test]
fn in_every_small_world_the_dial_rule_holds() {
    let ops = [0, 1]
        .into_iter()
        .flat_map(|site| {
            [
                Op::Ready(site),
                Op::Take(site),
                Op::Connected(site),
                Op::Failed(site),
                Op::Closed(site),
            ]
        })
        .chain([Op::Dial, Op::Wait(1_000)])
        .collect::<Vec<_>>();
    for history in 0..ops.len().pow(5) {
        let mut world = World::new(2);
        // Both have work to begin with: the other histories are short.
        for op in [Op::Ready(0), Op::Ready(0), Op::Ready(1), Op::Dial] {
            world.act(op);
        }
        for place in 0..5 {
            world.act(ops[history / ops.len().pow(place) % ops.len()]);
        }
    }
}

fn op(sites: usize) -> impl Strategy<Value = Op> {
    let site = 0..sites;
    prop_oneof![
        6 => site.clone().prop_map(Op::Ready),
        1 => site.clone().prop_map(Op::Again),
        3 => site.clone().prop_map(Op::Take),
        6 => Just(Op::Dial),
        3 => site.clone().prop_map(Op::Answered),
        3 => site.clone().prop_map(Op::Connected),
        2 => site.clone().prop_map(Op::Failed),
        2 => site.clone().prop_map(Op::Closed),
        1 => site.prop_map(Op::Drain),
        1 => (0_u64..400_000).prop_map(Op::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn in_random_long_worlds_too(ops in prop::collection::vec(op(5), 0..400)) {
        let mut world = World::new(5);
        for op in ops {
            world.act(op);
        }
    }
}

#[test]
fn a_dead_site_is_dialled_ever_less_and_the_other_is_not_slowed() {
    let mut world = World::new(2);
    for _ in 0..100 {
        world.act(Op::Ready(0));
        world.act(Op::Ready(1));
    }
    let (mut dead, mut alive) = (0, 0);
    let end = Tick::ZERO + Duration::from_hours(1);
    while world.now < end {
        while let Some(site) = world.queue.dial(world.now) {
            if site == world.indices[0] {
                dead += 1;
                world.queue.answered(site);
                world.queue.dial_failed(site, world.now, 0);
            } else {
                alive += 1;
                world.queue.answered(site);
                world.queue.connected(site);
                assert!(world.queue.take(site).is_some());
                world.queue.closed(site);
            }
        }
        world.now = world.queue.wake_at().unwrap();
    }
    assert_eq!(alive, 100, "one connection a delivery, none of them delayed");
    // 2 at once, then 0.8 * (1 + 2 + 4 + ... + 256 + 300 + ...) seconds.
    assert!((20..30).contains(&dead), "{dead} dials in an hour");
}

#[test]
fn deferred_deliveries_come_back_in_order() {
    let mut queue = Queue::new(Tick(1_000));
    let at = |secs| Tick(1_000) + Duration::from_secs(secs);
    for (due, delivery) in [(30, 'c'), (10, 'a'), (30, 'd'), (20, 'b')] {
        queue.defer(at(due), delivery);
    }
    assert_eq!((queue.queued(), queue.deferred_len(), queue.ready_len()), (4, 4, 0));
    let mut out = String::new();
    while let Some(next) = queue.wake_at() {
        out.extend(queue.due(next));
    }
    assert_eq!(out, "abcd");
    assert_eq!(queue.queued(), 0);
}

#[test]
fn a_site_that_answers_nobody_holds_two_places_and_one_that_answers_all_it_may_have() {
    let limits = Limits { connections_max: 10, ..LIMITS };
    let mut queue = Queue::new(Tick::ZERO);
    let site = queue.site("a", &limits);
    (0..200).for_each(|delivery| queue.ready(site, delivery));
    let dial_all = |queue: &mut Queue<i32>| {
        let dials = std::iter::from_fn(|| queue.dial(Tick::ZERO)).count();
        (0..dials).for_each(|_| queue.answered(site));
        dials
    };
    let rounds: Vec<_> = (0..4).map(|_| dial_all(&mut queue)).collect();
    assert_eq!(rounds, [2, 4, 4, 0]);
}

#[test]
fn a_site_is_found_again_with_its_latest_limits() {
    let mut queue = Queue::<()>::new(Tick::ZERO);
    let site = queue.site("a", &LIMITS);
    queue.ready(site, ());
    queue.ready(site, ());
    let none = Limits { connections_max: 0, ..LIMITS };
    assert_eq!(queue.site("a", &none), site);
    assert_eq!(queue.dial(Tick::ZERO), None);
    assert_eq!(queue.site("a", &LIMITS), site);
    assert_eq!(queue.dial(Tick::ZERO), Some(site));
    assert_eq!(queue.views().map(|view| view.ready).collect::<Vec<_>>(), [2]);
}

#[test]
fn idle_sites_are_forgotten_the_longest_idle_first() {
    let mut queue = Queue::new(Tick::ZERO);
    let busy = queue.site("busy", &LIMITS);
    queue.ready(busy, 1);
    let failed = queue.site("failed", &LIMITS);
    queue.ready(failed, 2);
    while queue.dial(Tick::ZERO) != Some(failed) {}
    queue.answered(failed);
    queue.dial_failed(failed, Tick::ZERO, 0);
    queue.take(failed);
    let names =
        |queue: &Queue<i32>| queue.views().map(|view| view.name.to_owned()).collect::<Vec<_>>();
    for site in 1..IDLE_SITES_MAX {
        queue.site(&format!("{site:05}"), &LIMITS);
    }
    assert_eq!(queue.view(failed).failures, 1, "it is the oldest, and there is room");
    queue.site("one more", &LIMITS);
    let left = names(&queue);
    assert_eq!(left.len(), IDLE_SITES_MAX + 1);
    assert!(left.contains(&"busy".to_owned()) && !left.contains(&"failed".to_owned()));
    assert!(left.is_sorted(), "in a stable order");

    // A site that comes back is new, and a place left in the ring by another does no harm.
    let again = queue.site("failed", &LIMITS);
    queue.ready(again, 3);
    assert_eq!(queue.view(again).failures, 0);
    assert_eq!(queue.dial(Tick::ZERO), Some(again));
    assert_eq!(queue.dial(Tick::ZERO), None);
}

#[test]
fn draining_looks_at_a_bounded_number_and_goes_on() {
    let mut queue = Queue::new(Tick::ZERO);
    let site = queue.site("a", &LIMITS);
    let all = 3 * LOOKED_MAX;
    (0..all).for_each(|delivery| queue.ready(site, delivery));
    let (mut looked, mut drained) = (0, Vec::new());
    for call in 1..=3 {
        drained.extend(queue.drain_ready(site, |delivery| {
            looked += 1;
            delivery % 1_000 == 0
        }));
        assert_eq!(looked, call * LOOKED_MAX);
    }
    assert_eq!(drained, (0..all).step_by(1_000).collect::<Vec<_>>());
    assert_eq!(queue.queued(), all - drained.len());
}

#[test]
#[should_panic(expected = "a connection that was not open has ended")]
fn what_never_opened_cannot_close() {
    let mut queue = Queue::<()>::new(Tick::ZERO);
    let site = queue.site("a", &LIMITS);
    queue.closed(site);
}
