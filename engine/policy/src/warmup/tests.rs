use super::{Book, Kept, Plan, Quota};
use event::Wall;
use jiff::tz::TimeZone;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HOUR: Duration = Duration::from_hours(1);

/// A rule as POSIX has it, so that no file of the system is read: `Europe/Paris` as it is.
const PARIS: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
/// Clocks are put forward at midnight, which there is not on that day.
const NO_MIDNIGHT: &str = "EET-2EEST,M3.5.0/0,M10.5.0/0";

fn plan(started: &str, per_day: &[u64], zone: &str) -> Plan {
    let zone = TimeZone::posix(zone).unwrap();
    Plan { started: started.parse().unwrap(), per_day: per_day.into(), zone }
}

fn wall(text: &str) -> Wall {
    let at: jiff::Timestamp = text.parse().unwrap();
    Wall(u64::try_from(at.as_millisecond()).unwrap())
}

fn quota(plan: Plan, book: &Book) -> Quota {
    Quota::new(plan, book.counter(SOURCE, Some("google")))
}

/// How many go now, of more than there may be.
fn goes(quota: &Quota, now: Wall) -> usize {
    (0..1_000).take_while(|_| quota.take(now).is_ok()).count()
}

#[test]
fn each_day_has_its_figure_and_behind_the_last_there_is_none() {
    let quota = quota(plan("2026-11-28", &[3, 0, 5], "UTC0"), &Book::default());
    for (now, count) in [
        ("2026-11-27T23:59:59.999Z", 0),
        ("2026-11-28T00:00:00Z", 3),
        ("2026-11-28T23:59:59.999Z", 0),
        ("2026-11-29T12:00:00Z", 0),
        ("2026-11-30T12:00:00Z", 5),
        ("2026-12-01T00:00:00Z", 1_000),
        ("2030-01-01T00:00:00Z", 1_000),
    ] {
        assert_eq!(goes(&quota, wall(now)), count, "{now}");
    }
}

#[test]
fn a_day_ends_at_midnight_of_its_zone_also_where_clocks_change() {
    for (zone, now, begins, ends) in [
        (PARIS, "2026-03-28T12:00:00Z", "2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z"),
        // 23 hours, and 25.
        (PARIS, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        (PARIS, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        // It begins at one o'clock; it has the hour before midnight twice.
        (NO_MIDNIGHT, "2026-03-29T12:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"),
        (NO_MIDNIGHT, "2026-10-24T21:30:00Z", "2026-10-23T21:00:00Z", "2026-10-24T22:00:00Z"),
    ] {
        let day = plan("2026-01-01", &[], zone).day(wall(now));
        assert_eq!((day.begins, day.ends), (wall(begins), wall(ends)), "{zone} {now}");
    }
}

#[test]
fn every_moment_of_two_years_is_of_one_day_that_follows_the_last() {
    for zone in ["UTC0", PARIS, NO_MIDNIGHT, "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45"] {
        let plan = plan("2026-01-01", &[], zone);
        let mut last = plan.day(wall("2026-01-01T00:00:00Z"));
        let mut now = last.begins;
        while now < wall("2028-01-01T00:00:00Z") {
            let day = plan.day(now);
            assert!(day.begins <= now && now < day.ends, "{zone} {day:?}");
            if day != last {
                assert_eq!((last.ends, last.date.tomorrow().unwrap()), (day.begins, day.date));
            }
            (last, now) = (day, now + HOUR / 2);
        }
    }
}

#[test]
fn what_was_sent_counts_on_over_a_restart_and_other_plans() {
    let book = Book::default();
    let now = wall("2026-11-28T12:00:00Z");
    let five = plan("2026-11-28", &[5, 9], "UTC0");
    let before = quota(five.clone(), &book);
    let day = before.take(now).unwrap();
    assert!(before.take(now).is_ok());
    before.give_back(&day);
    before.give_back(&plan("2026-11-27", &[9; 9], "UTC0").day(wall("2026-11-27T12:00:00Z")));
    // Another plan from now on: the same counter.
    assert_eq!(goes(&quota(plan("2026-11-28", &[3], "UTC0"), &book), now), 2);
    assert_eq!(goes(&before, now), 2, "five in all");
    let kept = book.kept();
    let day = "2026-11-28".to_owned();
    let written = Kept { source: SOURCE, site: Some("google".into()), day, messages: 5 };
    assert_eq!(kept, [written]);
    let book = Book::of(kept).unwrap();
    assert_eq!(goes(&quota(five.clone(), &book), now), 0, "after a restart");
    assert_eq!(goes(&quota(five, &book), wall("2026-11-29T00:00:00Z")), 9, "on the day after");
    let other = Quota::new(plan("2026-11-28", &[5], "UTC0"), book.counter(SOURCE, None));
    assert_eq!(goes(&other, now), 5, "to all sites: that is another count");
    let bad = Kept { source: SOURCE, site: None, day: "soon".into(), messages: 1 };
    assert_eq!(Book::of([bad]).unwrap_err(), "`soon` is no day");
}

#[test]
fn a_clock_that_is_put_back_takes_nothing_back() {
    let book = Book::default();
    let quota = quota(plan("2026-11-27", &[4, 6, 9], "UTC0"), &book);
    let (before, after) = (wall("2026-11-27T23:59:00Z"), wall("2026-11-28T00:01:00Z"));
    assert_eq!(goes(&quota, after), 6);
    assert_eq!((goes(&quota, before), goes(&quota, after)), (0, 0));
    // One that was wrong by years is right again.
    assert_eq!(goes(&quota, wall("2026-11-29T00:00:00Z")), 9);
    let late = Quota::new(plan("2026-11-27", &[4; 300], "UTC0"), Arc::clone(&quota.counter));
    assert_eq!(goes(&late, wall("2027-08-01T00:00:00Z")), 4);
    assert_eq!(goes(&late, wall("2026-11-30T00:00:00Z")), 4);
}

#[test]
fn shards_together_send_no_more_than_one_alone() {
    let book = Book::default();
    let now = wall("2026-11-28T12:00:00Z");
    let quotas = [(); 4].map(|()| quota(plan("2026-11-28", &[777], "UTC0"), &book));
    let sent: usize = std::thread::scope(|scope| {
        let shards = quotas.each_ref().map(|quota| scope.spawn(move || goes(quota, now)));
        shards.into_iter().map(|shard| shard.join().unwrap()).sum()
    });
    assert_eq!(sent, 777);
    assert_eq!(book.kept()[0].messages, 777);
}
