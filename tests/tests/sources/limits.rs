//! Connections from each address, and so many in a time.

use crate::desk::{by_source, most_within};
use crate::{SITE, Scene, plan};
use policy::Limits;
use policy::pace::Rates;
use policy::rate::Rate;
use policy::survey::Limiter;
use rehearsal::Plan;
use shard::Allowed;
use std::collections::BTreeSet;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
/// The same as whoever receives sees it: not all that is sent needs as long to come.
const WINDOW: Duration = Duration::from_millis(59_900);

fn rate(text: &str) -> Option<Rate> {
    Rate::parse(text).ok()
}

fn messages(text: &str) -> Allowed {
    let source = Rates { messages: rate(text), ..Rates::default() };
    Allowed { source, ..Allowed::default() }
}

#[test]
fn each_address_has_as_many_connections_as_one_may_have() {
    let limits = |connections_max, connections_per_source_max| Limits {
        connections_max,
        connections_per_source_max,
        ..Limits::default()
    };
    for (sources, limits, each) in [
        (3, limits(100, 2), &[2, 2, 2][..]),
        (3, limits(4, 2), &[2, 1, 1]),
        (0, limits(100, 3), &[3]),
        (2, limits(100, u16::MAX), &[50, 50]),
    ] {
        let scene = Scene::start(Plan { limits, ..plan(sources) });
        scene.desk.service.set(Duration::from_secs(5));
        scene.send(200);
        scene.run_until(200, Duration::from_mins(20));
        scene.world.run_for(MINUTE);
        let mut most = scene.desk.most_open();
        most.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!(most, each, "{sources} sources with {limits:?}");
        scene.is_clean();
    }
}

#[test]
fn each_address_keeps_to_the_rate_and_all_of_them_use_it_up() {
    for (sources, count) in [(1, 300), (3, 900), (0, 300)] {
        let scene = Scene::start(Plan { rates: messages("60/m"), ..plan(sources) });
        scene.send(count);
        let took = scene.run_until(count as usize, Duration::from_mins(30));
        let begun = scene.desk.begun();
        let most = most_within(&begun, WINDOW);
        assert!(most <= 60, "{most} in a minute");
        assert!(took < Duration::from_secs(330), "five minutes, and a twentieth: {took:?}");
        let counts = by_source(&begun);
        let spread = counts.values().max().unwrap() - counts.values().min().unwrap();
        assert!(counts.len() == usize::from(sources.max(1)) && spread <= 20, "{counts:?}");
        let dialled = scene.desk.dialled().len();
        assert!(dialled <= 20 * counts.len(), "while some wait, no more are dialled: {dialled}");
        scene.is_clean();
    }
}

#[test]
fn the_rate_of_the_site_holds_besides() {
    let site = Rates { messages: rate("100/m"), ..Rates::default() };
    let scene = Scene::start(Plan { rates: Allowed { site, ..messages("60/m") }, ..plan(3) });
    scene.send(400);
    let took = scene.run_until(400, Duration::from_mins(30));
    let begun = scene.desk.begun();
    assert!(most_within(&begun, WINDOW) <= 60);
    let all: Vec<_> = begun.iter().map(|(_, at)| (crate::HOST, *at)).collect();
    assert!(most_within(&all, WINDOW) <= 100);
    assert!(took < Duration::from_secs(270), "four minutes, and a twentieth: {took:?}");
    scene.is_clean();
}

#[test]
fn each_address_opens_no_more_connections_than_its_rate() {
    let source = Rates { connections: rate("12/m"), ..Rates::default() };
    let limits = Limits { messages_per_connection_max: 1, ..plan(2).limits };
    let rates = Allowed { source, ..Allowed::default() };
    let scene = Scene::start(Plan { rates, limits, ..plan(2) });
    scene.send(96);
    let took = scene.run_until(96, Duration::from_mins(30));
    let dialled = scene.desk.dialled();
    let most = most_within(&dialled, WINDOW);
    assert!(most <= 12, "{most} in a minute");
    assert!(took < Duration::from_secs(270), "four minutes, and a little: {took:?}");
    scene.is_clean();
}

#[test]
fn octets_are_counted_for_each_address() {
    // A message of 17 octets: one each second.
    let source = Rates { bytes: rate("1020/m"), ..Rates::default() };
    let rates = Allowed { source, ..Allowed::default() };
    let scene = Scene::start(Plan { rates, ..plan(2) });
    scene.send(240);
    let took = scene.run_until(240, Duration::from_mins(30));
    assert!(most_within(&scene.desk.begun(), WINDOW) <= 61);
    assert!(took < Duration::from_secs(140), "two minutes, and a twentieth: {took:?}");
    scene.is_clean();
}

#[test]
fn what_an_address_has_had_is_told_and_lifted_by_new_settings() {
    for sources in [0, 2] {
        let mut scene = Scene::start(Plan { rates: messages("1/h"), ..plan(sources) });
        scene.send(9);
        scene.world.run_for(MINUTE);
        let used = scene.desk.begun().len();
        assert_eq!(used, usize::from(sources.max(1)), "one each");
        let named = scene.relay.ask(&scene.world, SITE);
        let first = named.sites[0].limiters.first().unwrap();
        let Limiter::SourceRate { pool, rate, until, key, .. } = first else { panic!("{first:?}") };
        assert_eq!((&**rate, pool.is_some()), ("1/h", sources > 0));
        assert_eq!((key.table, key.name), ("delivery", "message_rate_per_source"));
        let left = until.since(scene.relay.wall(&scene.world));
        assert!(left > 58 * MINUTE && left < 60 * MINUTE, "{left:?}");
        let unique: BTreeSet<_> = named.sites[0].limiters.iter().map(Limiter::name).collect();
        assert_eq!(unique.len(), named.sites[0].limiters.len(), "{:?}", named.sites[0].limiters);
        scene.plan.rates = Allowed::default();
        scene.relay.reload(&scene.plan).unwrap();
        scene.run_until(9, MINUTE);
        scene.is_clean();
    }
}
