use super::Schedule;
use event::Wall;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn pauses_double_up_to_the_longest() {
    let schedule = Schedule::default();
    let minutes = [30, 60, 120, 240, 240, 240];
    for (attempt, minutes) in (1..).zip(minutes) {
        assert_eq!(schedule.delay(attempt, 0), MINUTE * minutes, "after try {attempt}");
        let most = schedule.delay(attempt, u64::MAX);
        assert!(most > MINUTE * minutes * 119 / 100 && most <= MINUTE * minutes * 12 / 10);
    }
    assert_eq!(schedule.delay(0, 0), schedule.first, "before the first try");
    assert_eq!(schedule.delay(u16::MAX, 0), schedule.longest);
}

#[test]
fn a_constant_schedule_stays_constant() {
    let schedule = Schedule { factor_percent: 100, jitter_percent: 0, ..Schedule::default() };
    for attempt in [1, 2, 1_000, u16::MAX] {
        assert_eq!(schedule.delay(attempt, u64::MAX), MINUTE * 30);
    }
}

#[test]
fn the_last_try_is_made_when_time_is_up() {
    let schedule = Schedule::default();
    let accepted = Wall(1_000_000);
    let end = accepted + schedule.expire;
    assert_eq!(schedule.expires(accepted), end);
    for (before, next) in [(0, None), (1, Some(end)), (30 * 60_000, Some(end))] {
        assert_eq!(schedule.next(accepted, 1, Wall(end.0 - before), 0), next, "{before} ms before");
    }
    let early = Wall(end.0 - 31 * 60_000);
    assert_eq!(schedule.next(accepted, 1, early, 0), Some(Wall(end.0 - 60_000)));
    assert_eq!(schedule.next(accepted, 1, Wall(end.0 + 1), 0), None);
}

#[test]
fn settings_say_only_what_differs() {
    let read = serde_json::from_str::<Schedule>(r#"{"first":"1m30s","expire":"2d"}"#).unwrap();
    let first = Duration::from_secs(90);
    assert_eq!(read, Schedule { first, expire: Duration::from_hours(48), ..Schedule::default() });
    for wrong in [r#"{"frist":"1m"}"#, r#"{"first":90}"#, r#"{"first":"90"}"#] {
        assert!(serde_json::from_str::<Schedule>(wrong).is_err(), "{wrong}");
    }
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&written).unwrap(), read);
}

#[test]
fn a_recipient_is_spared_for_as_long_as_its_host_asks() {
    let schedule = Schedule { jitter_percent: 0, ..Schedule::default() };
    let pauses = |pause| {
        let spared = schedule.sparing(Duration::from_mins(pause));
        [1, 2, 3, 9].map(|attempt| spared.delay(attempt, 0).as_secs() / 60)
    };
    assert_eq!(pauses(5), [5, 10, 20, 240]);
    assert_eq!(pauses(60), [60, 120, 240, 240]);
    assert_eq!(pauses(480), [480, 480, 480, 480]);
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
            first,
            factor_percent,
            longest,
            jitter_percent,
            expire,
            ..Schedule::default()
        };
        let delay = schedule.delay(attempt, random);
        prop_assert!(first <= delay && delay <= longest * (100 + jitter_percent) / 100);
        prop_assert!(delay <= schedule.longest_delay());
        let calm = Schedule { jitter_percent: 0, ..schedule };
        prop_assert!(calm.delay(attempt, 0) <= calm.delay(attempt.saturating_add(1), 0));
    }
}
