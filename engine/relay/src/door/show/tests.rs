use super::{COLUMNS, order, orders, sites, span, why};
use event::Wall;
use serde_json::{Value, json};
use std::time::Duration;

const NOW: Wall = Wall(1_800_000_000_000);

fn limiter(name: &str, text: &str, at: Option<u64>) -> Value {
    json!({
        "name": name,
        "text": text,
        "setting": null,
        "next": "one connection is tried",
        "next_at": at.map(|secs| NOW.0 + 1_000 * secs),
        "change": "a host that answers; ringpost flush tries one at once",
    })
}

fn site(name: &str, limiter: &Value) -> Value {
    json!({
        "site": name, "ready": 12_001, "waiting": 4_310, "in_flight": 8,
        "open": 9, "opening": 1, "connections_max": 10,
        "limiter": limiter, "then": [], "hosts": [], "replies": [],
    })
}

/// Nothing is wider than a terminal.
fn fits(text: &str) -> &str {
    assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
    text
}

#[test]
fn sites_stand_in_a_table() {
    let told = json!({
        "sites": [
            site("google", &limiter("site-connections", "it has 10 connections", None)),
            site("a.mail.provider.test,b.mail.provider.test", &limiter("resting", "no", Some(3))),
            site("", &limiter("idle", "nothing is ready", None)),
        ],
        "sites_total": 3, "ready": 36_003, "waiting": 12_930, "in_flight": 24, "unrouted": 2,
        "takes_no_mail": [{ "shard": 1, "cause": "its disk does not answer" }],
        "silent_shards": [0, 2],
    });
    let expected = "\
site                          ready  waiting flying   conns  held by
google                       12,001    4,310      8   10/10  site-connections
a.mail.prov..rovider.test    12,001    4,310      8   10/10  resting 3 s
(not known yet)              12,001    4,310      8   10/10  -
3 sites; deliveries: 36,003 ready, 12,930 waiting for a retry, 24 on connections
2 more wait to hear from DNS where they go
shard 1 takes no new mail: its disk does not answer
no answer in time from shard 0, 2: what it has is missing here
";
    assert_eq!(fits(&sites(&told, NOW)), expected);
}

#[test]
fn a_site_says_what_keeps_it_and_why() {
    let mut one = site(
        "127.0.0.1:2626",
        &limiter("resting", "no host could be reached, 2 times in a row", Some(3)),
    );
    let flow = |tenant, campaign, class, weight| {
        json!({
            "tenant": tenant, "campaign": campaign, "class": class, "weight": weight, "ready": 6_000,
        })
    };
    one["flows"] = json!([flow("shop", "spring", "transactional", 3), flow("", "", "bulk", 1)]);
    one["then"] = json!([{ "name": "paused", "text": "paused by anna: a complaint" }]);
    one["hosts"] = json!([{ "host": "127.0.0.1:2626", "rests_until": NOW.0 + 9_000 }]);
    one["replies"] = json!([{
        "at": NOW.0 - 2_000, "peer": "127.0.0.1:2626", "code": 451, "enhanced": "4.4.1",
        "text": "the connection was refused", "times": 2, "class": "no-answer-from-host",
        "rule": "code-4.4.1",
    }]);
    let told = json!({ "kind": "site", "sites": [one], "silent_shards": [] });
    let expected = "\
site 127.0.0.1:2626
  mail      12,001 ready, 4,310 waiting for a retry, 8 on 10 connections of at
            most 10
  flow      6,000 ready of tenant shop with weight 3, campaign spring,
            transactional
  flow      6,000 ready of no tenant, no campaign, bulk
  held by   resting: no host could be reached, 2 times in a row
  next      one connection is tried, in 3 s (08:00:03 UTC)
  change    a host that answers; ringpost flush tries one at once
  then      paused: paused by anna: a complaint
  host      127.0.0.1:2626 could not be reached, rests for 9 s
  said      2 s ago, 127.0.0.1:2626, 2 times: 451 4.4.1 the connection was
            refused (no-answer-from-host by code-4.4.1)
";
    assert_eq!(fits(&why(&told, NOW)), expected);
}

#[test]
fn a_domain_and_a_message_lead_to_their_sites() {
    let keeps = json!({
        "name": "site-connections", "text": "it has 1 connection, all it may have",
        "setting": { "key": "[delivery] connections_per_site", "place": "ringpost.toml:12" },
        "next": "a connection has carried its share, or ends", "next_at": null,
        "change": "a larger number there, if the provider bears it",
    });
    let domain = json!({ "domain": "a.test", "site": "mx.a.test", "unrouted": 0, "limiter": null });
    let told = json!({ "kind": "domain", "domain": domain, "sites": [] });
    assert_eq!(fits(&why(&told, NOW)), "a.test: its mail goes to the site mx.a.test\n");
    let told = json!({
        "kind": "message", "message": "0-2-1f4", "accepted": NOW.0, "expires": NOW.0 + 7_200_000,
        "open_total": 2, "sites": [],
        "open": [{
            "recipient": "x@a.test", "attempts": 1, "site": "mx.a.test", "limiter": keeps,
        }],
    });
    let expected = "\
message 0-2-1f4: 2 open recipients, its time is up in 2 h 0 min
<x@a.test>: 1 attempt, by the site mx.a.test
  held by   site-connections: it has 1 connection, all it may have
  set by    ringpost.toml:12: [delivery] connections_per_site
  next      a connection has carried its share, or ends
  change    a larger number there, if the provider bears it
and 1 more
";
    assert_eq!(fits(&why(&told, NOW)), expected);
}

#[test]
fn an_order_says_what_it_is_about() {
    let told = json!({
        "order": "pause", "site": "mx.a.test", "dry_run": true, "ready": 5, "waiting": 1_000,
        "in_flight": 0, "until": NOW.0 + 1_800_000, "silent_shards": [],
    });
    let expected = "\
pause mx.a.test would be about 5 ready, 1,000 waiting for a retry, 0 on
connections
it ends by itself in 30 min (08:30:00 UTC)
";
    assert_eq!(fits(&order(&told, NOW)), expected);
    assert_eq!(span(Duration::ZERO), "no time");
}

#[test]
fn orders_that_hold_are_told_with_who_gave_them() {
    let one = |order: &str, source: Option<&str>, site: Option<&str>| {
        json!({
            "order": order, "source": source, "site": site, "by": "anna", "reason": "a listing",
            "until": NOW.0 + 1_800_000,
        })
    };
    let all = [
        one("pause", None, Some("mx.a.test")),
        one("disable-source", Some("192.0.2.1"), Some("mx.a.test")),
    ];
    let expected = "\
pause mx.a.test
  by        anna: a listing
  ends      in 30 min (08:30:00 UTC)
disable-source source 192.0.2.1, site mx.a.test
  by        anna: a listing
  ends      in 30 min (08:30:00 UTC)
";
    assert_eq!(fits(&orders(&json!({ "orders": all }), NOW)), expected);
    assert_eq!(orders(&json!({ "orders": [] }), NOW), "no order holds\n");
}
