use super::{Key, Limiter};
use crate::pace::Counted;
use event::Wall;
use std::collections::BTreeSet;

const KEY: Key = Key { table: "site", index: Some(1), name: "connections_max" };

fn rate(counted: Counted) -> Limiter {
    let key = Key { name: counted.key(), ..KEY };
    Limiter::Rate { counted, rate: "100/m".into(), until: Wall(9), key }
}

fn source_rate(counted: Counted, pool: Option<&str>) -> Limiter {
    let key = Key { name: counted.key_per_source(), ..KEY };
    let (pool, rate, until) = (pool.map(Into::into), "100/m".into(), Wall(9));
    Limiter::SourceRate { pool, counted, rate, until, key }
}

/// One of each.
fn all() -> Vec<Limiter> {
    let until = Wall(9);
    vec![
        Limiter::Idle,
        Limiter::Paused { until, by: "anna".into(), reason: "a complaint".into() },
        Limiter::FlowPaused {
            tenant: Some("shop".into()),
            campaign: Some("spring".into()),
            until,
            by: "anna".into(),
            reason: "a complaint".into(),
        },
        Limiter::Draining,
        Limiter::ShardConnections { most: 1_000 },
        Limiter::Served { connections: 1 },
        Limiter::Asked {
            rule: "r".into(),
            scope: "site",
            value: None,
            said: "421 slow down".into(),
            most: 0,
            message_rate: None,
            until: Some(until),
        },
        Limiter::SiteConnections { most: 2, key: KEY },
        Limiter::SharedConnections { most: 2, key: KEY },
        rate(Counted::Messages),
        rate(Counted::Bytes),
        rate(Counted::Connections),
        source_rate(Counted::Messages, Some("warm")),
        source_rate(Counted::Bytes, None),
        source_rate(Counted::Connections, Some("warm")),
        Limiter::SourceConnections { pool: "warm".into(), key: KEY },
        Limiter::Warmup {
            pool: "warm".into(),
            source: "192.0.2.1".into(),
            most: 50,
            until,
            key: Key { table: "warmup", index: Some(0), name: "per_day" },
        },
        Limiter::SourcesOut { pool: "warm".into(), until: Some(until) },
        Limiter::SourceDisabled {
            pool: "warm".into(),
            source: "192.0.2.1".into(),
            until,
            by: "anna".into(),
            reason: "a complaint".into(),
        },
        Limiter::Probing { failures: 3 },
        Limiter::Unanswered { dials: 1 },
        Limiter::Resting { until, failures: 1 },
        Limiter::Retry { due: until, attempts: 2, key: KEY },
        Limiter::PutOff { waiting: 1_000_000, key: KEY },
        Limiter::DnsAsked,
        Limiter::Unroutable { cause: "no such domain".into(), until: Some(until) },
        Limiter::UnknownPool,
        Limiter::Unreadable,
    ]
}

#[test]
fn each_has_a_name_of_its_own_and_says_what_helps() {
    let names: BTreeSet<_> = all().iter().map(Limiter::name).collect();
    assert_eq!(names.len(), all().len());
    for limiter in all() {
        let shown = limiter.to_string();
        for words in [&shown, limiter.next(), limiter.remedy()] {
            assert!(!words.is_empty() && words.len() <= 68, "{} fits a line: {words}", words.len());
        }
    }
}

#[test]
fn they_say_it_in_words() {
    let said: Vec<String> = all().iter().map(ToString::to_string).collect();
    for words in [
        "paused by anna: a complaint",
        "tenant shop, campaign spring paused by anna: a complaint",
        "192.0.2.1 of the pool warm is disabled by anna: a complaint",
        "nothing: 1 connection takes what is ready",
        "it has 2 connections, all it may have",
        "it has had the messages it may have: 100/m",
        "it has had the octets it may have: 100/m",
        "it has had the new connections it may have: 100/m",
        "each source of the pool warm has had its new connections: 100/m",
        "it has had its octets from one source: 100/m",
        "192.0.2.1 of the pool warm has had its 50 messages of today",
        "3 dials failed, and one finds out",
        "1 dial waits for an answer",
        "no host could be reached, 1 time in a row",
        "put off after 2 attempts",
    ] {
        assert!(said.iter().any(|one| one == words), "{words} is not among {said:#?}");
    }
    let mut asked = all().into_iter().find(|one| one.name() == "asked").expect("it is among them");
    assert_eq!(
        asked.to_string(),
        "0 at once for the site (all of it) by the rule r: 421 slow down"
    );
    if let Limiter::Asked { message_rate, .. } = &mut asked {
        *message_rate = Some("570/m".into());
    }
    assert_eq!(asked.to_string(), "570/m for the site (all of it) by the rule r: 421 slow down");
    assert_eq!(KEY.to_string(), "[[site]] connections_max");
    let dated = all().iter().filter(|limiter| limiter.until() == Some(Wall(9))).count();
    assert_eq!(dated, 15, "what ends by itself says when");
}
