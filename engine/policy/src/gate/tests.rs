//! Stories of gates: what is asked and what passes, and what each makes of them.

mod kept;

use super::{Ask, Cause, GATES_MAX, Gate, Gates, Load, Place, Quota, Step};
use crate::replies::{Action, Scope, Scopes};
use crate::span;
use event::{ReplyClass, Response, Tick, Wall};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

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
/// `taken` for mail that was, `taken USED` while so many connections were there; `time` for time that has passed. A key may have ten connections.
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
            ["taken"] => gate.as_mut().and_then(|gate| gate.worked(1, now)),
            ["taken", used] => {
                let used = used.parse().unwrap();
                gate.as_mut().and_then(|gate| gate.worked(used, now))
            }
            ["time"] => gate.as_mut().and_then(|gate| gate.due(now)),
            [rule, name, pause, used] => {
                let (ask, cause) = (ask(name, pause), cause(rule));
                let load = Load { used: used.parse().unwrap(), most, is_crowd, recent: SECOND };
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
            _ => match change.message_rate() {
                Some(rate) => format!("{} {rate}", change.name()),
                None => change.name().to_owned(),
            },
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

/// Nothing stops while others go on; one more is tried when all are in use, and ever more seldom.
#[test]
fn one_connection_fewer_is_held_and_one_more_tried_seldom() {
    tell(
        10,
        "0s crowd many one-fewer 10m 4 => narrowed 3
         1s crowd many one-fewer 10m 4 => -
         59s taken 3 => -
         1m taken 3 => widened 4
         1m1s crowd many one-fewer 10m 4 => narrowed 3
         11m taken 3 => -
         11m1s taken 3 => widened 4
         11m2s crowd many one-fewer 10m 4 => narrowed 3
         31m1s taken 3 => -
         31m2s taken 3 => widened 4
         31m3s crowd many one-fewer 10m 4 => narrowed 3
         1h11m3s taken 3 => widened 4
         1h11m4s taken 4 => -
         1h12m3s time => widened 5
         1h12m5s crowd many one-fewer 10m 5 => narrowed 4
         1h13m5s taken 4 => widened 5",
    );
}

/// While one more is tried, others that end are dialled anew: which of these is one too many is not known.
#[test]
fn what_went_well_is_held_where_several_are_dialled_when_one_more_is_tried() {
    tell(
        10,
        "0s crowd many one-fewer 10m 3 => narrowed 2
         1m taken 2 => widened 3
         2m taken 3 => widened 4
         2m1s crowd many one-fewer 10m 3 => narrowed 3
         3m1s taken 3 => widened 4
         3m2s crowd many one-fewer 10m 3 => narrowed 3
         4m crowd many one-fewer 10m 3 => narrowed 2",
    );
}

#[test]
fn one_connection_more_is_not_tried_while_those_there_are_suffice() {
    tell(
        10,
        "0s crowd many one-fewer 10m 4 => narrowed 3
         1m taken 2 => -
         5h taken 2 => -
         5h1s taken 3 => widened 4
         5h1m taken 3 => -
         5h1m1s taken 4 => widened 5",
    );
}

#[test]
fn a_single_connection_that_is_one_too_many_is_left_alone_for_a_while() {
    tell(
        10,
        "0s crowd many one-fewer 10m 1 => shut
         10m time => widened 1
         11m taken 1 => widened 2
         11m1s crowd many one-fewer 10m 2 => narrowed 1
         11m2s crowd many one-fewer 10m 2 => -
         12m1s taken 1 => widened 2",
    );
}

#[test]
fn too_many_messages_are_fewer_and_those_that_go_are_counted() {
    // A message a second of late.
    tell(
        10,
        "0s rate slow-down 15m 4 => narrowed 450/h
         1s rate slow-down 15m 4 => -
         1s taken => -
         2s rate slow-down 15m 4 => shut
         3s rate slow-down 15m 4 => -
         11s time => -
         12s time => widened 450/h
         13s rate slow-down 15m 4 => shut
         33s time => widened 450/h
         34s rate slow-down 15m 4 => shut
         1m14s time => widened 1350/d",
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
    let load = Load { used: 4, most: 4, is_crowd: false, recent: SECOND };
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
    let load = Load { used: 4, most: 4, is_crowd: false, recent: SECOND };
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
    let load = Load { used: 4, most: 4, is_crowd: false, recent: SECOND };
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
    assert_eq!(gates.worked("two", &sender, || 1, at(611)), None, "there is none");
    assert_eq!(gates.worked("two", &Quota::Site, || 1, at(611)), None);
    assert_eq!(gates.next_at(), Some(at(640)));
    let step = gates.worked("two", &Quota::Site, || 1, at(640)).expect("it is time");
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
