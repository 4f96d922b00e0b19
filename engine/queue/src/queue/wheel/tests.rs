use super::super::store::Store;
use super::{HORIZON, SORTED_MAX, Turn, UNIT_BITS, UNITS_MAX, Wheel};
use event::Tick;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::time::Duration;

const NANOS: u64 = 1 << UNIT_BITS;

/// A wheel beside what it should do: a sorted map from (unit, how-manieth) to delivery.
struct Pair {
    store: Store<u64>,
    wheel: Wheel,
    model: BTreeMap<(u64, u64), u64>,
    origin: Tick,
    now: Tick,
    /// The unit up to which everything was taken.
    floor: u64,
    count: u64,
}

impl Pair {
    fn new(origin: Tick) -> Self {
        Self {
            store: Store::new(),
            wheel: Wheel::new(origin),
            model: BTreeMap::new(),
            origin,
            now: origin,
            floor: 0,
            count: 0,
        }
    }

    fn insert(&mut self, due: Tick) {
        self.count += 1;
        self.wheel.insert(&mut self.store, due, self.count);
        let unit = due.0.saturating_sub(self.origin.0).div_ceil(NANOS);
        let unit = unit.clamp(self.floor, self.floor + UNITS_MAX);
        self.model.insert((unit, self.count), self.count);
    }

    /// Time passes; everything due comes out, exactly as the map has it.
    fn advance(&mut self, span: Duration) {
        self.now = self.now + span;
        let unit = (self.now.0 - self.origin.0) / NANOS;
        loop {
            let wanted = self.model.first_entry().filter(|first| first.key().0 <= unit);
            match self.wheel.turn(&mut self.store, self.now) {
                Turn::Due(entry) => {
                    let delivery = self.store.take(entry).unwrap();
                    assert_eq!(Some(delivery), wanted.map(OccupiedEntry::remove), "at {unit}");
                }
                Turn::Later => assert!(self.wheel.next().unwrap() <= self.now),
                Turn::Nothing => {
                    assert!(wanted.is_none(), "something due at {unit} was left");
                    break;
                }
            }
        }
        self.floor = unit;
        self.check_next();
        assert!(self.wheel.next().is_none_or(|next| next > self.now), "the shard would spin");
    }

    /// The next turn is not too late.
    fn check_next(&self) {
        let first = self.model.keys().next().map(|(unit, _)| Tick(self.origin.0 + unit * NANOS));
        let next = self.wheel.next();
        assert!(next.is_some() == first.is_some() && next <= first, "{next:?} {first:?}");
        assert_eq!(self.store.len(), self.model.len());
    }

    /// Turns only when the wheel asks for it, until it is empty.
    fn run_out(&mut self) {
        let mut turns = 0;
        while let Some(next) = self.wheel.next() {
            self.advance(next.since(self.now));
            turns += 1;
            assert!(turns <= 6 * (self.count + 1), "an entry is moved at most five times");
        }
        assert!(self.model.is_empty());
    }
}

/// Every pair of due times at the edges of every level, from every start at such an edge.
#[test]
fn at_the_edge_of_every_level_nothing_is_early_or_late() {
    let edges: Vec<u64> = (0..6)
        .flat_map(|level| [1, 2, 63, 64].map(|slots| slots << (6 * level)))
        .flat_map(|unit: u64| [unit - 1, unit, unit + 1])
        .filter(|unit| *unit < UNITS_MAX)
        .collect();
    for start in &edges {
        for first in &edges {
            for second in edges.iter().step_by(5) {
                let mut pair = Pair::new(Tick(7));
                pair.advance(Duration::from_nanos(start * NANOS));
                for unit in [first, second, first] {
                    pair.insert(pair.now + Duration::from_nanos(unit * NANOS));
                }
                pair.check_next();
                pair.run_out();
            }
        }
    }
}

#[test]
fn it_goes_on_past_32_bits_of_units() {
    let mut pair = Pair::new(Tick(0));
    let jump = Duration::from_nanos((1 << 31) * NANOS);
    for round in 0..50 {
        for secs in [0, 1, 60, 3_600, 86_400, 86_400 * 400] {
            pair.insert(pair.now + Duration::from_secs(secs + round));
        }
        pair.advance(jump);
    }
    pair.run_out();
}

#[test]
fn the_far_future_comes_at_the_horizon() {
    let mut pair = Pair::new(Tick(5));
    pair.insert(Tick::NEVER);
    assert!(pair.wheel.next().unwrap() <= pair.now + HORIZON);
    pair.run_out();
    assert_eq!(pair.now, Tick(5) + HORIZON);
}

/// No call moves more than its share, however many fall due together, and what comes in
/// meanwhile keeps its place.
#[test]
fn a_big_slot_is_sorted_in_steps() {
    let mut pair = Pair::new(Tick(0));
    let due = Tick::ZERO + Duration::from_mins(30);
    let many = 10 * SORTED_MAX as u64;
    for later in 0..many {
        pair.insert(due + Duration::from_nanos(later % 7 * NANOS));
    }
    let (mut steps, mut put_in) = (0, false);
    pair.now = due + Duration::from_secs(1);
    loop {
        match pair.wheel.turn(&mut pair.store, pair.now) {
            Turn::Later => steps += 1,
            Turn::Due(entry) => {
                let delivery = pair.store.take(entry).unwrap();
                assert_eq!(delivery, pair.model.pop_first().unwrap().1);
            }
            Turn::Nothing => break,
        }
        if steps == 5 && !put_in {
            put_in = true;
            pair.insert(due + Duration::from_nanos(3 * NANOS));
        }
    }
    assert!(pair.model.is_empty() && put_in);
    let moves = many * 5;
    assert!((10..=moves / SORTED_MAX as u64 + 5).contains(&steps), "{steps} steps");
}

/// However fast time passes between the slices of a look, what moves from slot to slot is neither
/// missed nor found twice.
#[test]
fn a_look_in_slices_misses_nothing() {
    for pause in [0, 1, 20, 600, 40_000].map(Duration::from_secs) {
        let mut pair = Pair::new(Tick(3));
        for n in 0..2_000 {
            pair.insert(pair.now + Duration::from_millis(n * n * 50));
        }
        let is_meant = |delivery: &u64| delivery.is_multiple_of(3);
        let mut found = 0;
        loop {
            let (taken, is_over) = pair.wheel.look(&mut pair.store, 50, |one, _| is_meant(one));
            for entry in taken {
                let delivery = pair.store.take(entry).expect("it was in the wheel");
                assert!(is_meant(&delivery));
                let before = pair.model.len();
                pair.model.retain(|_, known| *known != delivery);
                assert_eq!(pair.model.len(), before - 1);
                found += 1;
            }
            if is_over {
                break;
            }
            pair.advance(pause);
        }
        assert!(!pair.model.values().any(is_meant), "none is left, {pause:?} apart");
        assert!(found > 0 && (found == 666 || !pause.is_zero()), "{found}");
        pair.run_out();
    }
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u64),
    Advance(u64),
}

/// Nanoseconds of every order of magnitude up to a year.
fn span() -> impl Strategy<Value = u64> {
    (0_u32..55, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_does_what_a_sorted_map_does(
        origin in any::<u32>(),
        ops in prop::collection::vec(
            prop_oneof![3 => span().prop_map(Op::Insert), 1 => span().prop_map(Op::Advance)],
            0..200,
        ),
    ) {
        let mut pair = Pair::new(Tick(u64::from(origin)));
        for op in ops {
            match op {
                Op::Insert(ahead) => pair.insert(pair.now + Duration::from_nanos(ahead)),
                Op::Advance(nanos) => pair.advance(Duration::from_nanos(nanos)),
            }
            pair.check_next();
        }
        pair.run_out();
    }
}
