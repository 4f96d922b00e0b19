use super::super::document::{Policy, PolicyType};
use super::{Book, Day, Fate, RETRY_AFTER, SPREAD};
use event::Wall;
use std::time::Duration;

/// 2026-11-28, 00:00 UTC.
const MIDNIGHT: Wall = Wall(1_795_824_000_000);
const HALF: u64 = 1 << 63;
const NOON: Wall = Wall(MIDNIGHT.0 + 12 * 3_600_000);

fn count(day: &mut Day, domain: &str) {
    let policy_domain = domain.to_owned();
    let (policy_type, policy_string, mx_host) = (PolicyType::NoPolicyFound, Vec::new(), Vec::new());
    let policy = Policy { policy_type, policy_string, policy_domain, mx_host };
    assert!(day.add(domain, policy, None, 1));
}

fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

/// A book that has counted for two domains on the day.
fn book() -> Book {
    let mut book = Book::new([], NOON, 0);
    count(&mut book.today, "a.example");
    count(&mut book.today, "b.example");
    book
}

#[test]
fn a_day_is_told_of_some_time_after_it_is_over() {
    let mut book = book();
    assert_eq!(book.turn(MIDNIGHT + hours(23), HALF), 0);
    assert!(book.due(MIDNIGHT + hours(23)).is_empty() && book.yesterday().is_none());
    let next = MIDNIGHT + hours(24);
    assert_eq!(book.turn(next, HALF), 0);
    assert_eq!((book.today.date().as_str(), book.today.domains.len()), ("2026-11-29", 0));
    assert!(book.due(Wall((next + SPREAD / 2).0 - 1)).is_empty());
    assert_eq!(book.due(next + SPREAD / 2), ["a.example", "b.example"]);
    let (day, tallies) = book.news("a.example").unwrap();
    assert_eq!((day.date().as_str(), tallies.len()), ("2026-11-28", 1));
}

#[test]
fn what_was_not_sent_is_tried_again_for_a_day() {
    let mut book = book();
    let next = MIDNIGHT + hours(24);
    book.turn(next, 0);
    let number = book.today.number - 1;
    assert_eq!(book.due(next).len(), 2);
    book.settle(number, "a.example", Fate::Settled);
    book.settle(number, "b.example", Fate::Later);
    assert!(book.news("a.example").is_none());
    assert!(book.due(next + RETRY_AFTER / 2).is_empty());
    assert_eq!(book.due(next + RETRY_AFTER), ["b.example"]);
    book.settle(number + 1, "b.example", Fate::Settled);
    assert_eq!(book.turn(next + hours(24), 0), 1, "it is given up; another day was settled");
    assert!(book.news("b.example").is_none());
}

#[test]
fn what_was_kept_goes_on() {
    let mut before = book();
    before.turn(MIDNIGHT + hours(24), HALF);
    count(&mut before.today, "c.example");
    let days = || [before.yesterday().unwrap().clone(), before.today.clone()];
    let at = |hour| MIDNIGHT + hours(hour);
    // The same day: both. The next: what is yesterday by then. Later: nothing.
    for (hour, due, today) in [(25, 0, 1), (30, 2, 1), (49, 0, 0), (53, 1, 0), (73, 0, 0)] {
        let mut after = Book::new(days(), at(hour), HALF);
        assert_eq!((after.due(at(hour)).len(), after.today.domains.len()), (due, today), "{hour}");
    }
    let mut late = Book::new(days(), at(30), 0);
    assert_eq!(late.turn(at(100), 0), 3, "nobody was here meanwhile");
    assert!(late.yesterday().is_none() && late.due(at(110)).is_empty());
}

#[test]
fn a_clock_that_goes_back_ends_no_day() {
    let mut book = book();
    assert_eq!(book.turn(Wall(MIDNIGHT.0 - 3_600_000), 0), 0);
    assert_eq!(book.today.domains.len(), 2);
}
