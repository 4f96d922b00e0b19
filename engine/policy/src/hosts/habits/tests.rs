//! What is learnt of a host, and forgotten.

use super::{FRAGILE_AFTER, Habits, LEARNT_FOR, TRUSTED_AFTER, TooMany};
use event::Tick;
use std::time::Duration;

const NOW: Tick = Tick(1_000_000_000_000);

/// The depths of a host that bears message after message, and how many each was after.
fn depths(mut habits: Habits, most: u16) -> Vec<(u32, u16)> {
    let mut depths = vec![(0, habits.depth(1, most))];
    for messages in 1..1_000 {
        habits.bore(1);
        if habits.depth(1, most) != depths[depths.len() - 1].1 {
            depths.push((messages, habits.depth(1, most)));
        }
    }
    depths
}

#[test]
fn a_host_gets_one_message_at_first_and_then_twice_as_many_again_and_again() {
    let met = Habits::default();
    assert_eq!(depths(met, 8), [(0, 1), (25, 2), (50, 4), (75, 8)]);
    assert_eq!(depths(met, 64).last(), Some(&(150, 64)));
    assert_eq!(depths(met, 5), [(0, 1), (25, 2), (50, 4), (75, 5)]);
    assert_eq!(depths(met, 1), [(0, 1)]);
}

#[test]
fn the_settings_may_trust_every_host() {
    let mut habits = Habits::default();
    assert_eq!([habits.depth(8, 8), habits.depth(8, 64), habits.depth(64, 8)], [8, 8, 8]);
    habits.bore(TRUSTED_AFTER);
    assert_eq!([habits.depth(8, 64), habits.depth(u16::MAX, u16::MAX)], [16, u16::MAX]);
    habits.broke();
    assert_eq!(habits.depth(8, 64), 1, "but for those that have lost some");
}

#[test]
fn a_host_that_broke_takes_longer_until_it_has_borne_all_there_is() {
    let mut habits = Habits::default();
    habits.bore(u32::MAX);
    habits.broke();
    assert_eq!(depths(habits, 8), [(0, 1), (100, 2), (200, 4), (300, 8)]);
    habits.bore(FRAGILE_AFTER * 6 - 1);
    assert_eq!(habits.depth(1, 64), 32);
    habits.bore(1);
    assert_eq!(habits.depth(1, 64), 64);
    let mut trusted = Habits::default();
    trusted.bore(u32::MAX);
    assert_eq!(habits, trusted);
}

#[test]
fn a_break_on_the_way_back_begins_again_from_one() {
    let mut habits = Habits::default();
    habits.broke();
    habits.bore(2 * FRAGILE_AFTER - 1);
    assert_eq!(habits.depth(1, 8), 2);
    habits.broke();
    habits.bore(FRAGILE_AFTER - 1);
    assert_eq!(habits.depth(1, 8), 1);
}

#[test]
fn a_host_that_twice_ends_after_as_many_messages_is_left_one_sooner() {
    for (ends, learnt) in [
        (&[20][..], None),
        (&[20, 20], Some(19)),
        (&[20, 15], Some(14)),
        (&[20, 30], None),
        (&[20, 30, 30], Some(29)),
        (&[20, 20, 40], None),
        (&[20, 20, 10], Some(9)),
        (&[1, 1], Some(1)),
        (&[2, 2], Some(1)),
    ] {
        let mut habits = Habits::default();
        for after in ends {
            habits.ended(*after, NOW);
        }
        assert_eq!(habits.messages_max(NOW), learnt, "{ends:?}");
    }
}

#[test]
fn what_was_learnt_is_forgotten_after_a_day() {
    let mut habits = Habits::default();
    habits.ended(20, NOW);
    habits.ended(20, NOW);
    let last = NOW + LEARNT_FOR - Duration::from_nanos(1);
    assert_eq!(habits.messages_max(last), Some(19));
    assert_eq!(habits.messages_max(NOW + LEARNT_FOR), None);
    habits.ended(20, NOW + LEARNT_FOR);
    assert_eq!(habits.messages_max(NOW + LEARNT_FOR), None, "once is no habit");
    habits.ended(20, NOW + LEARNT_FOR);
    assert_eq!(habits.messages_max(NOW + LEARNT_FOR), Some(19));
}

/// Words for too many on a connection come behind one number, those for too many in a time behind any.
#[test]
fn too_many_messages_behind_the_same_number_are_the_connections() {
    use TooMany::{InATime, OnConnection, OnEachConnection};
    let at = |secs| NOW + Duration::from_secs(secs);
    let mut habits = Habits::default();
    for (secs, means) in [
        (0, OnConnection),
        (1, OnConnection),
        (10, OnConnection),
        (11, OnConnection),
        (20, OnEachConnection),
    ] {
        assert_eq!(habits.messages_max(at(secs)), None);
        assert_eq!(habits.said_too_many(50, at(secs)), means, "{secs}");
    }
    assert_eq!(habits.messages_max(at(20)), Some(49));
    let mut habits = Habits::default();
    assert_eq!(habits.said_too_many(50, at(0)), OnConnection, "nobody knows better");
    assert_eq!(habits.said_too_many(40, at(1)), InATime);
    assert_eq!(habits.said_too_many(0, at(2)), InATime);
    assert_eq!(habits.said_too_many(0, at(2)), InATime, "not on a new one");
    assert_eq!(habits.said_too_many(0, at(900)), InATime);
    assert_eq!(habits.messages_max(at(900)), None);
}

#[test]
fn recipients_that_were_too_many_are_not_given_for_a_day() {
    let mut habits = Habits::default();
    assert_eq!(habits.recipients_max(NOW), None);
    habits.took_recipients(50, NOW);
    habits.took_recipients(20, NOW);
    assert_eq!(habits.recipients_max(NOW), Some(20));
    assert_eq!(habits.recipients_max(NOW + LEARNT_FOR), None);
}
