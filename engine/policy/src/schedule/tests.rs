use super::{Schedule, Waits};
use event::Wall;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn growing(first: Duration, factor_percent: u32, longest: Duration) -> Waits {
    Waits::Growing { first, factor_percent, longest }
}

fn listed(minutes: &[u32]) -> Waits {
    Waits::Listed(minutes.iter().map(|minutes| MINUTE * *minutes).collect())
}

#[test]
fn pauses_double_up_to_the_longest() {
    let schedule = Schedule::default();
    let minutes = [30, 60, 120, 240, 240, 240];
    for (attempt, minutes) in (1..).zip(minutes) {
        assert_eq!(schedule.delay(attempt, None, 0), MINUTE * minutes, "after try {attempt}");
        let most = schedule.delay(attempt, None, u64::MAX);
        assert!(most > MINUTE * minutes * 119 / 100 && most <= MINUTE * minutes * 12 / 10);
    }
    assert_eq!(schedule.delay(0, None, 0), MINUTE * 30, "before the first try");
    assert_eq!(schedule.delay(u16::MAX, None, 0), MINUTE * 240);
}

#[test]
fn a_constant_schedule_stays_constant() {
    let waits = growing(MINUTE * 30, 100, MINUTE * 240);
    let schedule = Schedule { waits, jitter_percent: 0, ..Schedule::default() };
    for attempt in [1, 2, 1_000, u16::MAX] {
        assert_eq!(schedule.delay(attempt, None, u64::MAX), MINUTE * 30);
    }
}

#[test]
fn the_last_try_is_made_when_time_is_up() {
    let schedule = Schedule::default();
    let accepted = Wall(1_000_000);
    let end = accepted + schedule.expire;
    assert_eq!(schedule.expires(accepted), end);
    for (before, next) in [(0, None), (1, Some(end)), (30 * 60_000, Some(end))] {
        assert_eq!(
            schedule.next((accepted, Wall(end.0 - before)), 1, None, 0),
            next,
            "{before} ms before"
        );
    }
    let early = Wall(end.0 - 31 * 60_000);
    assert_eq!(schedule.next((accepted, early), 1, None, 0), Some(Wall(end.0 - 60_000)));
    assert_eq!(schedule.next((accepted, Wall(end.0 + 1)), 1, None, 0), None);
}

#[test]
fn a_recipient_is_spared_for_as_long_as_its_host_asks() {
    let schedule = Schedule { jitter_percent: 0, ..Schedule::default() };
    let minutes = |schedule: &Schedule, pause: u32| {
        let spared = Some(MINUTE * pause);
        [1, 2, 3, 9].map(|attempt| schedule.delay(attempt, spared, 0).as_secs() / 60)
    };
    let pauses = |pause| minutes(&schedule, pause);
    assert_eq!(pauses(5), [5, 10, 20, 240]);
    assert_eq!(pauses(60), [60, 120, 240, 240]);
    assert_eq!(pauses(480), [480, 480, 480, 480]);
    let own = Schedule { waits: listed(&[5, 60, 10]), ..schedule };
    assert_eq!(minutes(&own, 20), [20, 60, 20, 20]);
}

#[test]
fn listed_pauses_come_one_after_the_other_and_the_last_stays() {
    let schedule = Schedule { waits: listed(&[5, 15, 60, 30]), ..Schedule::default() };
    for (attempt, minutes) in [(0, 5), (1, 5), (2, 15), (3, 60), (4, 30), (5, 30), (u16::MAX, 30)] {
        let least = MINUTE * minutes;
        assert_eq!(schedule.delay(attempt, None, 0), least, "after try {attempt}");
        let most = schedule.delay(attempt, None, u64::MAX);
        assert!(most > least * 119 / 100 && most <= least * 12 / 10, "jitter always: {most:?}");
    }
    assert_eq!(schedule.longest_delay(), MINUTE * 72);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_schedule_goes_out_of_bounds(
        first in 1_u64..100_000, factor_percent in 100_u32..=1_000, longest in 1_u64..1_000_000,
        jitter_percent in 0_u32..=100, attempt: u16, random: u64,
    ) {
        let longest = Duration::from_secs(first.max(longest));
        let first = Duration::from_secs(first);
        let expire = Duration::from_hours(720);
        let schedule = Schedule {
            waits: growing(first, factor_percent, longest),
            jitter_percent,
            expire,
            ..Schedule::default()
        };
        let delay = schedule.delay(attempt, None, random);
        prop_assert!(first <= delay && delay <= longest * (100 + jitter_percent) / 100);
        prop_assert!(delay <= schedule.longest_delay());
        let calm = Schedule { jitter_percent: 0, ..schedule };
        prop_assert!(
            calm.delay(attempt, None, 0) <= calm.delay(attempt.saturating_add(1), None, 0)
        );
    }
}
