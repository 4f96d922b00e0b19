//! How long a host is passed over.

use super::Health;
use event::Tick;
use std::time::Duration;

const START: Tick = Tick(1_000_000_000_000);

fn at(millis: u64) -> Tick {
    START + Duration::from_millis(millis)
}

/// A host with so many failed dials, each as soon as its rest was over, and when the last was.
fn failed(times: u32) -> (Health, Tick) {
    let (mut health, mut now) = (Health::default(), START);
    for time in 0..times {
        if time > 0 {
            now = health.rests_until();
        }
        health.dialled(now);
        health.answered(now);
        health.failed(now, u64::MAX);
    }
    (health, now)
}

#[test]
fn rests_double_up_to_the_longest() {
    let rest = |times| {
        let (health, now) = failed(times);
        health.rests_until().since(now).as_millis()
    };
    let rests: Vec<_> = (1..=9).map(rest).collect();
    let whole = [5, 10, 20, 40, 80, 160, 320, 600, 600].map(|secs| secs * 1_000 - 1);
    assert_eq!(rests, whole, "less the least part of chance");
    let mut lucky = Health::default();
    lucky.failed(START, 0);
    assert_eq!(lucky.rests_until(), at(4_000), "a fifth is chance");
}

#[test]
fn dials_that_fail_together_are_one_failure_and_one_that_was_made_all_the_same_prolongs() {
    let mut health = Health::default();
    for millis in [0, 1, 2_000] {
        health.failed(at(millis), 0);
    }
    assert_eq!(health.rests_until(), at(6_000), "counted from the last");
    health.failed(at(6_000), 0);
    assert_eq!(health.rests_until(), at(14_000), "the second failure");
}

#[test]
fn after_its_rest_one_dial_at_a_time_finds_out() {
    let (mut health, now) = failed(1);
    let over = health.rests_until();
    assert!(!health.is_well(now) && !health.is_well(Tick(over.0 - 1)) && health.is_well(over));
    health.dialled(over);
    assert!(!health.is_well(over), "somebody finds out");
    health.answered(over);
    health.worked();
    assert_eq!(health, Health::default(), "nothing is remembered of a host that works");
}

#[test]
fn a_host_that_never_failed_is_dialled_by_many_until_it_keeps_them_waiting() {
    let mut health = Health::default();
    for _ in 0..3 {
        health.dialled(at(0));
    }
    assert!(health.is_well(at(9_999)) && !health.is_well(at(10_000)));
    health.answered(at(10_000));
    assert_eq!(health.unanswered(), 2);
    assert!(health.is_well(at(19_999)) && !health.is_well(at(20_000)), "it was heard of");
    health.answered(at(20_000));
    health.answered(at(20_000));
    assert_eq!(health, Health::default());
}

#[test]
fn a_failure_of_long_ago_is_forgiven() {
    let (mut health, _) = failed(5);
    let later = health.rests_until() + Health::LONGEST + Duration::from_millis(1);
    health.failed(later, 0);
    assert_eq!(health.rests_until(), later + Duration::from_secs(4));
}

#[test]
fn a_host_that_wants_to_be_skipped_is_whatever_works_there() {
    let mut health = Health::default();
    health.skip(at(60_000));
    health.skip(at(50_000));
    health.worked();
    assert!(!health.is_well(at(59_999)) && health.is_well(at(60_000)));
    assert_eq!(health.rests_until(), at(60_000));
}
