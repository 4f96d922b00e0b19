use super::{
    Accepted, Advice, Attempt, Encryption, Entrance, Event, Gate, Labels, MESSAGES_MAX, Ordered,
    Passage, Stages, Sts, Subject,
};
use crate::{EnhancedCode, MessageId, Outcome, ReplyClass, Response, ShardMeters, Tick, Wall};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const ID: MessageId = MessageId { log: 1, boot: 2, count: 500 };
const AT: Wall = Wall(1_800_000_001_500);

/// One of each kind of line. The names are a promise to whoever reads the log: this text may
/// grow, it may not change.
#[test]
fn lines_have_these_fields() {
    let response = Response::new(451, Some(EnhancedCode::new(4, 4, 1)), "nobody \"there\"");
    let peer = "192.0.2.1:25".parse().unwrap();
    let (id, bounce) = (ID, MessageId { count: 501, ..ID });
    let both = [id, bounce];
    let labels = Labels { tenant: Some("shop"), job: Some("a\n\"b"), ..Labels::default() };
    let entrance = entrance(peer);
    let tls = Encryption { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", client: None };
    let secure = Entrance {
        user: Some("ann"),
        protocol: "ESMTPSA",
        tls: Some(tls),
        connection: Some("F00D-1"),
        ..entrance
    };
    let events = [
        Event::Accepted(accepted(None)),
        Event::Accepted(accepted(Some(entrance))),
        Event::Accepted(Accepted { labels, ..accepted(Some(secure)) }),
        refused(451),
        Event::HeaderFaulty { id, source: "shop", peer, rules: "date-missing from-twice" },
        Event::LoginFailed { peer, user: Some("anna"), mechanism: "PLAIN" },
        Event::LoginFailed { peer, user: None, mechanism: "LOGIN" },
        Event::Bounced { id, bounce, recipient: "a@b", recipients: 1, action: "failed" },
        Event::BounceDropped { id, recipients: 3 },
        Event::SuppressionAdvised(advice(&response)),
        dial_failed(peer, &response),
        Event::Gate(gate(&response, "shut")),
        Event::Gate(Gate {
            value: None,
            connections: None,
            next: None,
            ..gate(&response, "opened")
        }),
        Event::Gate(Gate {
            connections: None,
            message_rate: Some("570/m"),
            ..gate(&response, "narrowed")
        }),
        Event::SpoolUnread { log: 3, text: "log-03/1.seg: I/O error" },
        damaged(&both, Some("quarantine/2-4096-8192.bin")),
        damaged(&[], None),
        Event::Ordered(ordered(Some(Wall(9)))),
        Event::Ordered(ordered(None)),
        Event::OrderFailed(3, ordered(None)),
        Event::Reloaded { by: "anna", changed: "retry.first, site \"b\".mx" },
        Event::ShardStarted { shard: 0, messages: 3, recipients: 4 },
        Event::ShardStopped { shard: 0, recipients: 4 },
    ];
    let mut lines = Vec::new();
    for event in attempts(&attempt(&response), peer, labels).into_iter().chain(events) {
        event.json(AT, &mut lines);
    }
    let lines = String::from_utf8(lines).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write("src/happening/lines.jsonl", &lines).unwrap();
    }
    assert_eq!(lines, std::fs::read_to_string("src/happening/lines.jsonl").unwrap());
    lines.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
}

/// Put off, expired, taken, labelled, in the clear and under TLS.
fn attempts<'a>(attempt: &Attempt<'a>, peer: SocketAddr, labels: Labels<'a>) -> [Event<'a>; 7] {
    let [bare, sealed] = passages();
    let sts = Sts { mode: "testing", failure: Some("there was no TLS") };
    [
        Event::Attempt(*attempt),
        Event::Attempt(Attempt { peer: Some(peer), next: Some(Wall(7)), ..*attempt }),
        Event::Attempt(Attempt { outcome: Outcome::Expired, ..*attempt }),
        Event::Attempt(Attempt { outcome: Outcome::Delivered, class: None, ..*attempt }),
        Event::Attempt(Attempt { labels, ..*attempt }),
        Event::Attempt(Attempt { passage: Some(bare), ..*attempt }),
        Event::Attempt(Attempt { passage: Some(sealed), sts: Some(sts), ..*attempt }),
    ]
}

fn dial_failed(peer: SocketAddr, response: &Response) -> Event<'_> {
    let (site, category) = ("mx.example", ReplyClass::NoAnswerFromHost);
    Event::DialFailed { site, peer, source_address: None, category, response }
}

const fn accepted(entrance: Option<Entrance<'_>>) -> Accepted<'_> {
    let (labels, sender) = (Labels { tenant: None, pool: None, job: None, campaign: None }, "a@b");
    Accepted { id: ID, sender, recipients: 2, bytes: 4_096, entrance, labels }
}

fn entrance(peer: SocketAddr) -> Entrance<'static> {
    let listener = "192.0.2.2:2525".parse().unwrap();
    let (source, protocol, connection) = ("shop", "ESMTP", None);
    Entrance { peer, listener, source, user: None, protocol, tls: None, connection }
}

fn refused(code: u16) -> Event<'static> {
    let (peer, enhanced) = ("192.0.2.1:25".parse().unwrap(), Some(EnhancedCode::new(5, 7, 1)));
    let (rule, text) = ("relay-denied", "relaying denied");
    Event::Refused { peer, source: Some("shop"), rule, code, enhanced, text }
}

const fn advice(response: &Response) -> Advice<'_> {
    let (recipient, site, category) =
        ("gone@example.org", "mx.example.org", ReplyClass::BadMailbox);
    Advice { id: ID, recipient, site, bounces: 3, category, response }
}

const fn ordered(until: Option<Wall>) -> Ordered<'static> {
    let (verb, by, reason) = ("pause", "anna", "a \"complaint\"");
    let about = Subject {
        site: Some("mx.example"),
        domain: Some("a.example"),
        tenant: None,
        campaign: Some("spring"),
        message: Some(ID),
        source: None,
    };
    Ordered {
        verb,
        about,
        by,
        reason,
        until,
        pool: None,
        to: None,
        due: None,
        ready: 3,
        waiting: 4,
    }
}

const fn gate<'a>(response: &'a Response, step: &'a str) -> Gate<'a> {
    Gate {
        site: "mx.example.org",
        scope: "mail-from-domain",
        value: Some("example.com"),
        step,
        connections: Some(0),
        message_rate: None,
        next: Some(Wall(1_800_000_601_500)),
        rule: "google-rate-spf",
        provider: "google",
        class: ReplyClass::SpamRelated,
        response,
        asked: Wall(1_800_000_001_400),
    }
}

const fn damaged<'a>(messages: &'a [MessageId], copy: Option<&'a str>) -> Event<'a> {
    let (log, segment, start, end, flaw) = (1, 2, 4_096, 8_192, "damaged");
    let text = if copy.is_none() { Some("No such file") } else { None };
    Event::SpoolDamaged { log, segment, start, end, flaw, messages, copy, text }
}

/// A whole segment may hold a hundred thousand messages, and a line is read by people.
#[test]
fn the_first_hundred_of_many_damaged_messages_are_named() {
    let many: Vec<MessageId> = (0..5_000).map(|count| MessageId { count, ..ID }).collect();
    let mut line = Vec::new();
    damaged(&many, None).json(AT, &mut line);
    assert!(line.len() < 5 * 1_024, "{} bytes", line.len());
    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let named: Vec<&str> =
        line["messages"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let first: Vec<String> = many[..MESSAGES_MAX].iter().map(ToString::to_string).collect();
    assert_eq!(named, first);
    assert_eq!(line["messages_total"], 5_000);
}

/// In the clear, and under TLS.
fn passages() -> [Passage<'static>; 2] {
    let bare = Passage {
        host: "mx.example",
        source_address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        ehlo: "mta7.example",
        tls: None,
        cipher: None,
        verified: None,
        dane: None,
        in_clear: Some("does not offer STARTTLS"),
    };
    let sealed = Passage {
        tls: Some("TLSv1.3"),
        cipher: Some("TLS_AES_256_GCM_SHA384"),
        verified: Some(true),
        dane: Some("usable"),
        source_address: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
        in_clear: None,
        ..bare
    };
    [bare, sealed]
}

fn attempt(response: &Response) -> Attempt<'_> {
    Attempt {
        id: ID,
        sender: "sender@example.com",
        recipient: "recipient@example.org",
        site: "mx.example.org",
        peer: None,
        passage: None,
        sts: None,
        outcome: Outcome::Deferred,
        response,
        class: Some(ReplyClass::NoAnswerFromHost),
        attempt: 2,
        bytes: 4_096,
        next: None,
        duplicate_possible: true,
        stages: Stages {
            accepted: Wall(1_800_000_000_000),
            received: Some(Tick(5_000_000_000)),
            queued: Tick(5_000_001_000),
            started: Tick(5_001_500_000),
            sent: Tick::ZERO,
            answered: Tick(6_234_567_899),
            settled: Tick(6_500_000_000),
        },
        labels: Labels::default(),
    }
}

/// Every event moves these counters, and no others.
#[test]
fn events_move_these_counters() {
    let responses = [421, 550].map(|code| Response::new(code, None, ""));
    let (id, peer) = (ID, "192.0.2.1:25".parse().unwrap());
    let mut moved = String::new();
    for event in [
        Event::Accepted(Accepted { recipients: 9, ..accepted(None) }),
        refused(421),
        refused(550),
        Event::Bounced { id, bounce: id, recipient: "", recipients: 1, action: "failed" },
        Event::BounceDropped { id, recipients: 1 },
        Event::SuppressionAdvised(advice(&responses[1])),
        dial_failed(peer, &responses[0]),
        Event::Gate(gate(&responses[0], "shut")),
        Event::SpoolUnread { log: 3, text: "log-03/1.seg: I/O error" },
        damaged(&[ID], None),
        Event::ShardStarted { shard: 0, messages: 3, recipients: 4 },
        Event::ShardStopped { shard: 0, recipients: 4 },
    ] {
        note(&mut moved, event.kind(), &event);
    }
    for outcome in Outcome::ALL {
        let duplicate_possible = outcome == Outcome::Deferred;
        let attempt = Attempt { outcome, duplicate_possible, ..attempt(&responses[0]) };
        note(&mut moved, outcome.name(), &Event::Attempt(attempt));
    }
    let wanted = "\
accepted: accepted_messages+1 accepted_recipients+9 accepted_bytes+4096 queued_recipients+9
refused: refused_for_now+1
refused: refused_for_good+1
bounced: bounces+1
bounce_dropped: bounces_dropped+1
suppression_advised: suppressions_advised+1
dial_failed: dial_failures+1
gate:
spool_unread:
spool_damaged: spool_damage+1
shard_started:
shard_stopped:
delivered: queued_recipients-1 delivered+1
deferred: deferred+1 possible_duplicates+1
failed: queued_recipients-1 failed+1
expired: queued_recipients-1 expired+1
dropped: queued_recipients-1 dropped+1
";
    assert_eq!(moved, wanted);
}

#[test]
fn what_is_slowed_is_counted_by_class() {
    let (meters, response) = (ShardMeters::default(), Response::new(421, None, ""));
    for step in ["shut", "widened", "narrowed", "opened"] {
        Event::Gate(gate(&response, step)).count(&meters);
    }
    let counted: Vec<_> = meters.slowed.rows().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [("spam-related", 2)]);
}

/// Writes down what one event does to meters that have ten recipients queued.
fn note(moved: &mut String, name: &str, event: &Event<'_>) {
    let meters = ShardMeters::default();
    meters.resumed(10);
    let before = meters.rows();
    event.count(&meters);
    assert!(meters.balance().holds(), "{name}");
    write!(moved, "{name}:").unwrap();
    for (before, after) in before.iter().zip(meters.rows()) {
        let change = after.value.cast_signed() - before.value.cast_signed();
        if change != 0 {
            write!(moved, " {}{change:+}", after.name).unwrap();
        }
    }
    moved.push('\n');
}
