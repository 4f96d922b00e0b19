//! Stories of gates: what is asked and what passes, and what each makes of them.

use super::{Ask, Cause, GATES_MAX, Gate, Gates, Load, Place, Quota, Step};
use crate::replies::{Action, Scope, Scopes};
use crate::span;
use event::{ReplyClass, Response, Tick, Wall};
use std::sync::Arc;
use std::time::Duration;

fn cause(rule: &str) -> Cause {
    Cause {
        rule: rule.into(),
        provider: "example".into(),
        class: ReplyClass::PolicyRelated,
        response: Arc::new(Response::new(421, None, "slow down")),
        at: Wall(1),
    }
}

fn ask(name: &str, pause: &str) -> Ask {
    let pause = span::parse(pause).unwrap();
    let site = Scopes::from_iter([Scope::Site, Scope::SourceAddress]);
    Ask::of(Action::new(name, Some(pause), site).unwrap()).unwrap()
}

/// Each line is when, what happens, and behind `=>` what that is: `RULE ASK PAUSE USED` for a reply
/// of a connection that is one of so many, with `crowd` in front if it was turned away itself;
/// `taken` for mail that was; `time` for time that has passed. A key may have ten connections.
fn tell(most: u16, story: &str) {
    let mut gate: Option<Gate> = None;
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (event, expected) = line.split_once(" => ").unwrap();
        let mut words = event.split(' ');
        let now = Tick::ZERO + span::parse(words.next().unwrap()).unwrap();
        let mut words: Vec<_> = words.collect();
        let is_crowd = words.first() == Some(&"crowd");
        words.drain(..usize::from(is_crowd));
        let change = match *words {
            ["taken"] => gate.as_mut().and_then(|gate| gate.worked(now)),
            ["time"] => gate.as_mut().and_then(|gate| gate.due(now)),
            [rule, name, pause, used] => {
                let (ask, cause) = (ask(name, pause), cause(rule));
                let load = Load { used: used.parse().unwrap(), most, is_crowd };
                if let Some(gate) = &mut gate {
                    gate.hears(ask, cause, load, now)
                } else {
                    let (new, change) = Gate::new(ask, cause, load, now);
                    gate = Some(new);
                    Some(change)
                }
            }
            _ => panic!("{line}"),
        };
        let found = change.map_or("-".to_owned(), |change| match change.connections() {
            Some(connections @ 1..) => format!("{} {connections}", change.name()),
            _ => change.name().to_owned(),
        });
        assert_eq!(found, expected, "{line}");
        gate = gate.filter(|_| found != "opened");
    }
}

#[test]
fn what_is_suspended_goes_on_as_before() {
    tell(
        10,
        "0s tss04 suspend 2h 5 => shut
         1s tss04 suspend 2h 4 => -
         1h tss04 suspend 2h 1 => -
         1h taken => -
         1h59m59s time => -
         2h time => opened
         3h tss04 suspend 2h 5 => shut
         4h tss05 suspend 30m 1 => -
         4h tss05 suspend 4h 1 => shut
         7h59m time => -
         8h time => opened",
    );
}

/// [Google's own way back](https://support.google.com/mail/answer/81126).
#[test]
fn google_gets_one_connection_and_then_one_more_at_a_time() {
    tell(
        4,
        "0s rate one-then-more 10m 4 => shut
         9m59s time => -
         10m time => widened 1
         10m30s time => -
         10m31s taken => widened 2
         10m40s taken => -
         11m1s time => widened 3
         11m2s rate one-then-more 10m 3 => shut
         21m2s time => widened 1
         21m3s rate one-then-more 10m 1 => shut
         31m3s time => widened 1
         31m4s taken => -
         31m33s time => widened 2
         31m34s taken => -
         32m3s time => widened 3
         32m4s taken => -
         32m33s time => opened",
    );
}

#[test]
fn what_backs_off_halves_and_comes_back_little_by_little() {
    tell(
        10,
        "0s busy back-off 10m 8 => narrowed 4
         29s busy back-off 10m 8 => -
         30s busy back-off 10m 4 => narrowed 2
         2m busy back-off 10m 2 => narrowed 1
         3m busy back-off 10m 1 => shut
         13m time => widened 1
         14m time => -
         14m taken => widened 2
         14m1s taken => -
         15m time => widened 3
         15m1s busy back-off 10m 3 => narrowed 1",
    );
    tell(
        64,
        "0s busy back-off 1m 64 => narrowed 32
         1m taken => widened 36
         2m taken => widened 40",
    );
}

#[test]
fn a_connection_too_many_is_not_tried_again_for_an_hour() {
    tell(
        10,
        "0s crowd many back-off 10m 4 => narrowed 3
         10m taken => -
         11m taken => -
         1h10m taken => widened 4
         1h10m1s crowd many back-off 10m 4 => narrowed 3",
    );
    tell(
        10,
        "0s crowd many one-then-more 10m 3 => shut
         10m time => widened 1
         11m taken => widened 2
         30m taken => -
         1h taken => -
         1h10m taken => widened 3",
    );
    tell(
        10,
        "0s crowd many back-off 10m 1 => shut
         10m time => widened 1",
    );
}

#[test]
fn with_one_connection_there_is_nothing_to_climb() {
    tell(1, "0s a one-then-more 10m 1 => shut\n10m time => opened");
    tell(1, "0s a back-off 10m 1 => shut\n10m time => opened");
}

#[test]
fn what_nobody_uses_opens_after_a_day() {
    tell(
        10,
        "0s a one-then-more 10m 4 => shut
         10m time => widened 1
         12h time => -
         1d10m29s time => -
         1d10m30s time => opened",
    );
}

#[test]
fn a_domain_sends_as_many_a_second_as_it_would_have_connections() {
    let load = Load { used: 4, most: 4, is_crowd: false };
    let hour = |secs| Tick::ZERO + Duration::from_hours(1) + Duration::from_millis(secs);
    let (mut gate, _) = Gate::new(ask("back-off", "1h"), cause("a"), load, hour(0));
    let admitted = |gate: &mut Gate, at| (0..9).filter(|_| gate.admits(hour(at))).count();
    assert_eq!(admitted(&mut gate, 0), 2);
    assert_eq!(admitted(&mut gate, 499), 0);
    assert!(!gate.is_ready(hour(499)) && gate.is_ready(hour(500)));
    assert_eq!(admitted(&mut gate, 500), 1);
    assert_eq!(admitted(&mut gate, 9_000), 2, "what was missed is not made up for");
    gate.hears(ask("suspend", "1m"), cause("b"), load, hour(9_000));
    assert_eq!(admitted(&mut gate, 59_000), 0);
}

#[test]
fn it_says_why_and_until_when() {
    let load = Load { used: 4, most: 4, is_crowd: false };
    let at = |secs| Tick::ZERO + Duration::from_secs(secs);
    let (mut gate, _) = Gate::new(ask("one-then-more", "10m"), cause("a"), load, at(0));
    let seen = |gate: &Gate, now| {
        let found = gate.hindrance(now)?;
        Some((found.cause.rule.to_string(), found.connections, found.next))
    };
    assert_eq!(seen(&gate, at(599)), Some(("a".into(), 0, at(600))));
    assert_eq!(seen(&gate, at(600)), None);
    gate.due(at(600));
    assert_eq!(seen(&gate, at(600)), Some(("a".into(), 1, at(630))));
}

#[test]
fn a_reply_names_keys() {
    let sources = ["192.0.2.1", "192.0.2.2", "198.51.100.1"].map(|text| text.parse().unwrap());
    let named = |scopes: &[Scope], sources, sender| {
        let place = Place { source: "192.0.2.1".parse().unwrap(), sources, sender };
        let shown = |quota: Quota<'_>| {
            format!("{} {}", quota.scope().name(), quota.value().unwrap_or_default())
        };
        let quotas = place.quotas(scopes.iter().copied().collect());
        quotas.into_iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    let all = &sources[..];
    for (scopes, sources, sender, expected) in [
        (&[Scope::SourceAddress][..], all, None, "source-address 192.0.2.1"),
        (&[Scope::Netblock], all, None, "source-address 192.0.2.1, source-address 192.0.2.2"),
        (&[Scope::SourceAddress], &[], None, "site "),
        (&[Scope::SourceAddress, Scope::Site], &[], None, "site "),
        (&[Scope::MailFromDomain], all, Some("a.test"), "mail-from-domain a.test"),
        (&[Scope::DkimDomain, Scope::MailFromDomain], all, Some(""), "mail-from-domain "),
        (&[Scope::FromDomain], all, None, ""),
        (&[Scope::Recipient, Scope::Host, Scope::Message, Scope::Connection], all, None, ""),
        (
            &[Scope::SourceAddress, Scope::DkimDomain],
            all,
            Some("a.test"),
            "source-address 192.0.2.1, mail-from-domain a.test",
        ),
    ] {
        assert_eq!(named(scopes, sources, sender), expected, "{scopes:?}");
    }
}

fn hears(gates: &mut Gates, site: &str, quota: &Quota<'_>, now: u64) -> Option<Step> {
    let load = Load { used: 4, most: 4, is_crowd: false };
    let now = Tick::ZERO + Duration::from_secs(now);
    gates.hears((&site.into(), quota), ask("one-then-more", "10m"), &cause("a"), load, now)
}

#[test]
fn gates_step_in_the_order_of_their_times() {
    let mut gates = Gates::default();
    let at = |secs| Tick::ZERO + Duration::from_secs(secs);
    let sender = Quota::Sender("a.test".into());
    assert_eq!((gates.next_at(), gates.is_empty()), (None, true));
    assert!(hears(&mut gates, "two", &Quota::Site, 5).is_some());
    assert!(hears(&mut gates, "one", &sender, 9).is_some());
    assert!(hears(&mut gates, "two", &Quota::Site, 10).is_none(), "told once");
    assert_eq!((gates.next_at(), gates.len()), (Some(at(605)), 2));
    assert_eq!(gates.at("two").and_then(super::SiteGates::connections), Some(0));
    assert_eq!(gates.due(at(604)), None);
    let steps = std::iter::from_fn(|| gates.due(at(610)));
    let steps: Vec<_> = steps.map(|step| (step.site, step.quota, step.change)).collect();
    assert_eq!(
        steps,
        [
            ("two".into(), Quota::Site, super::Change::Widened(1)),
            ("one".into(), sender.clone(), super::Change::Widened(1)),
        ]
    );
    assert_eq!(gates.worked("two", &sender, at(611)), None, "there is none");
    assert_eq!(gates.worked("two", &Quota::Site, at(611)), None);
    assert_eq!(gates.next_at(), Some(at(640)));
    let step = gates.worked("two", &Quota::Site, at(640)).expect("it is time");
    assert_eq!((step.change, step.next), (super::Change::Widened(2), Some(at(670))));
    let opened = gates.open("two", &Quota::Site).map(|step| (step.change, step.next));
    assert_eq!(opened, Some((super::Change::Opened, None)));
    assert!(gates.at("two").is_none() && gates.len() == 1);
}

#[test]
fn a_domain_is_held_up_where_it_was_asked_for_and_nowhere_else() {
    let mut gates = Gates::default();
    let now = Tick::ZERO + Duration::from_secs(100);
    hears(&mut gates, "one", &Quota::Sender("a.test".into()), 5);
    assert!(!gates.admits("one", "a.test", now));
    assert!(gates.admits("one", "b.test", now) && gates.admits("two", "a.test", now));
    assert!(gates.at("one").is_some_and(super::SiteGates::has_senders));
    assert_eq!(gates.at("one").and_then(super::SiteGates::connections), None);
}

#[test]
fn there_are_so_many_at_most() {
    let mut gates = Gates::default();
    for number in 0..=GATES_MAX {
        hears(&mut gates, &format!("site{number}"), &Quota::Site, number as u64);
    }
    assert_eq!(gates.len(), GATES_MAX);
    assert!(gates.at("site0").is_none() && gates.at("site1").is_some());
}

/// What is written down and read again, by somebody whose clock begins anew, is the same.
#[test]
fn gates_are_kept_over_a_restart() {
    let mut gates = Gates::default();
    let at = |secs| Tick::ZERO + Duration::from_secs(secs);
    let load = Load { used: 4, most: 5, is_crowd: true };
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
    let read: Vec<super::Kept> = serde_json::from_str(&written).unwrap();
    assert_eq!(read, kept);
    let mut again = Gates::default();
    for kept in &read {
        again.restore(kept, at(5), Wall(1_060_000));
    }
    let found = |quota: &Quota<'_>| again.at("site")?.find(quota)?.hindrance(at(5));
    for quota in [Quota::Site, source.clone()] {
        let hindrance = found(&quota).unwrap();
        assert_eq!((hindrance.connections, hindrance.next), (0, at(245)));
        assert_eq!(*hindrance.cause, cause("a"));
    }
    let sender = found(&Quota::Sender("a.test".into())).unwrap();
    assert_eq!((sender.connections, sender.next), (3, at(245)));
    let mut steps = std::iter::from_fn(|| again.due(at(245)));
    assert_eq!(steps.next().map(|step| step.change), Some(super::Change::Opened));
    assert_eq!(steps.next().map(|step| step.change), Some(super::Change::Widened(1)));
    again.worked("site", &source, at(246));
    assert_eq!(again.due(at(275)).map(|step| step.change), Some(super::Change::Widened(2)));
    assert_eq!(again.len(), 2);
}
