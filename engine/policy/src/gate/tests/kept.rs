//! What is written down of gates, and read again.

use super::{SECOND, ask, cause};
use crate::gate::{Change, Gates, Kept, Load, Quota, SiteGates};
use event::{Tick, Wall};
use std::time::Duration;

/// What is written down and read again, by somebody whose clock begins anew, is the same.
#[test]
fn gates_are_kept_over_a_restart() {
    let mut gates = Gates::default();
    let at = |secs| Tick::ZERO + Duration::from_secs(secs);
    let load = Load { used: 4, most: 5, is_crowd: true, recent: SECOND };
    let source = Quota::Source("192.0.2.1".parse().unwrap());
    for (quota, name) in [
        (Quota::Site, "suspend"),
        (source.clone(), "one-then-more"),
        (Quota::Sender("a.test".into()), "back-off"),
    ] {
        gates.hears((&"site".into(), &quota), ask(name, "10m"), &cause("a"), load, at(1_000));
    }
    let kept = gates.kept(at(1_300), Wall(1_000_000));
    let written = serde_json::to_string(&kept).unwrap();
    let read: Vec<Kept> = serde_json::from_str(&written).unwrap();
    assert_eq!(read, kept);
    let mut again = Gates::default();
    for kept in &read {
        again.restore(kept, at(5), Wall(1_060_000));
    }
    assert_eq!(again.at("site").and_then(SiteGates::message_rate), None, "there was none");
    let found = |quota: &Quota<'_>| again.at("site")?.find(quota)?.hindrance(at(5));
    for quota in [Quota::Site, source.clone()] {
        let hindrance = found(&quota).unwrap();
        assert_eq!((hindrance.connections, hindrance.next), (0, at(245)));
        assert_eq!(*hindrance.cause, cause("a"));
    }
    let sender = found(&Quota::Sender("a.test".into())).unwrap();
    assert_eq!((sender.connections, sender.next), (3, at(245)));
    let mut steps = std::iter::from_fn(|| again.due(at(245)));
    assert_eq!(steps.next().map(|step| step.change), Some(Change::Opened));
    assert_eq!(steps.next().map(|step| step.change), Some(Change::Widened(1)));
    again.worked("site", &source, || 1, at(246));
    assert_eq!(again.due(at(275)).map(|step| step.change), Some(Change::Widened(2)));
    assert_eq!(again.len(), 2);
}

/// What was learnt is, too: the connections that are borne, when one more is tried, and the pace.
#[test]
fn what_was_learnt_is_kept_over_a_restart() {
    let mut gates = Gates::default();
    let at = |secs| Tick::ZERO + Duration::from_secs(secs);
    let load = Load { used: 4, most: 9, is_crowd: true, recent: SECOND };
    let site = "site".into();
    for (quota, name) in [(Quota::Site, "one-fewer"), (Quota::Messages, "slow-down")] {
        gates.hears((&site, &quota), ask(name, "10m"), &cause("a"), load, at(0));
    }
    gates.worked("site", &Quota::Site, || 3, at(60));
    gates.hears((&site, &Quota::Site), ask("one-fewer", "10m"), &cause("a"), load, at(61));
    let mut again = Gates::default();
    for kept in gates.kept(at(100), Wall(1_000_000)) {
        again.restore(&kept, at(5), Wall(1_060_000));
    }
    let found = |again: &Gates, quota: &Quota<'_>| {
        let known = again.at("site")?.find(quota)?.hindrance(at(5))?;
        Some((known.connections, known.message_rate.map(|rate| rate.to_string()), known.next))
    };
    assert_eq!(found(&again, &Quota::Site), Some((3, None, at(506))), "the second time");
    assert_eq!(found(&again, &Quota::Messages), Some((9, Some("450/h".into()), at(5))));
    let mut widened = |now| again.worked("site", &Quota::Site, || 3, now).map(|step| step.change);
    assert_eq!([widened(at(505)), widened(at(506))], [None, Some(Change::Widened(4))]);
    let load = Load { used: 4, ..load };
    again.hears((&site, &Quota::Site), ask("one-fewer", "10m"), &cause("a"), load, at(507));
    assert_eq!(found(&again, &Quota::Site), Some((3, None, at(507 + 1_200))), "and the third");
}
