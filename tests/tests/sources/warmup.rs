//! So many of a day: no day has more than its figure, whatever happens.

use crate::desk::by_source;
use crate::{SITE, Scene, plan, source};
use event::Wall;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy::survey::Limiter;
use policy::warmup::{self, Book};
use rehearsal::{Plan, Relay};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const DAY_MILLIS: i64 = 86_400_000;
const MINUTE: Duration = Duration::from_mins(1);

fn millis(wall: Wall) -> i64 {
    i64::try_from(wall.0).unwrap_or(i64::MAX)
}

fn date(wall: Wall) -> Date {
    let at = Timestamp::from_millisecond(millis(wall)).expect("it is near");
    at.to_zoned_datetime(TimeZone::UTC).date()
}

/// A plan that begins on the day that the world begins with.
fn days(per_day: &[u64]) -> warmup::Plan {
    let world = kernel::sim::World::new(1);
    let started = date(world.wall(world.host()));
    warmup::Plan { started, per_day: per_day.into(), zone: TimeZone::UTC }
}

/// Puts the clock to a time of the day that it is, or of the next.
fn put_to(scene: &Scene, hours: i64, minutes: i64) {
    let now = millis(scene.relay.wall(&scene.world)) % DAY_MILLIS;
    let to = (hours * 60 + minutes) * 60_000;
    scene.relay.step_wall(&scene.world, (to - now).rem_euclid(DAY_MILLIS));
}

#[test]
fn no_day_has_more_than_its_figure_and_each_is_used_up() {
    let figures = [5, 8, 0, 12];
    let scene = Scene::start(Plan { warmup: Some(days(&figures)), ..plan(2) });
    scene.send(100);
    let mut before = BTreeMap::new();
    for figure in figures {
        put_to(&scene, 23, 57);
        let day = date(scene.relay.wall(&scene.world));
        scene.world.run_for(2 * MINUTE);
        assert_eq!(date(scene.relay.wall(&scene.world)), day);
        let now = by_source(&scene.desk.begun());
        let sent = |source: IpAddr| {
            let of = |counts: &BTreeMap<IpAddr, usize>| counts.get(&source).copied().unwrap_or(0);
            of(&now) - of(&before)
        };
        assert_eq!(
            [sent(source(1)), sent(source(2))],
            [figure, figure].map(|n| n as usize),
            "{day}"
        );
        let named = scene.relay.ask(&scene.world, SITE);
        let first = named.sites[0].limiters.first().unwrap();
        let Limiter::Warmup { most, until, key, .. } = first else { panic!("{first:?}") };
        assert_eq!((*most, key.table, key.name), (figure, "warmup", "per_day"));
        assert_eq!(until.0 % 86_400_000, 0, "midnight");
        before = now;
        // Past midnight by itself.
        scene.world.run_for(2 * MINUTE);
        assert_ne!(date(scene.relay.wall(&scene.world)), day);
    }
    scene.run_until(100, 5 * MINUTE);
    scene.is_clean();
}

#[test]
fn what_has_no_day_left_gives_its_mail_to_others() {
    let book = Book::default();
    let plan = Plan { warmup: Some(days(&[5])), days: Arc::new(book), ..plan(2) };
    let scene = Scene::start(plan);
    scene.send(3);
    scene.run_until(3, MINUTE);
    // As if the first had sent all it may.
    let all = warmup::Quota::new(days(&[5]), scene.plan.days.counter(source(1), None));
    while all.take(scene.relay.wall(&scene.world)).is_ok() {}
    let second = by_source(&scene.desk.begun()).get(&source(2)).copied().unwrap_or(0);
    scene.send(5 - second as u32);
    scene.run_until(3 + 5 - second, MINUTE);
    assert_eq!(by_source(&scene.desk.begun())[&source(2)], 5);
    scene.is_clean();
}

#[test]
fn what_was_sent_counts_on_over_a_restart_and_new_settings() {
    let mut scene = Scene::start(Plan { warmup: Some(days(&[5, 7])), ..plan(1) });
    scene.send(40);
    scene.world.run_for(MINUTE);
    assert_eq!(scene.desk.begun().len(), 5);
    let mut with = |per_day: &[u64]| {
        scene.plan.warmup = Some(days(per_day));
        scene.relay.reload(&scene.plan).unwrap();
        scene.world.run_for(MINUTE);
        scene.desk.begun().len()
    };
    assert_eq!(with(&[3, 7]), 5, "fewer from now on");
    assert_eq!(with(&[9, 7]), 9, "four more");
    let days_kept = Arc::new(Book::of(scene.plan.days.kept()).unwrap());
    let again = Plan { days: days_kept, ..scene.plan.clone() };
    let relay = Relay::start(&scene.world, &again).unwrap();
    for _ in 0..9 {
        relay.submit("news@sender.test", "u@a.test", b"Subject: a\r\n\r\nb\r\n");
    }
    scene.world.run_for(2 * MINUTE);
    assert_eq!(scene.desk.begun().len(), 9, "nothing on the same day");
    relay.step_wall(&scene.world, DAY_MILLIS);
    scene.world.run_for(MINUTE);
    assert_eq!(scene.desk.begun().len(), 16, "seven on the next");
    scene.is_clean();
}

#[test]
fn what_waits_for_its_day_runs_out_of_time_all_the_same() {
    let mut plan = Plan { warmup: Some(days(&[0; 30])), ..plan(1) };
    plan.schedule.expire = Duration::from_hours(1);
    let scene = Scene::start(plan);
    scene.send(3);
    scene.world.run_for(58 * MINUTE);
    assert_eq!(scene.outcomes(), [""; 0], "nobody is charged before");
    scene.world.run_for(5 * MINUTE);
    let lines = scene.outcomes();
    let expired = lines.iter().filter(|line| line.contains(r#""outcome":"expired""#)).count();
    assert_eq!((expired, scene.desk.begun().len()), (3, 0), "{lines:?}");
}
