//! Mail whose sender requires TLS: to whom it goes, and what its sender hears where it goes to nobody.

use crate::bounds::pause;
use crate::client::Client;
use crate::ehlo;
use crate::host::{Host, Manner, NAME};
use crate::relay::{Relay, sealed};
use kernel::sim::World;
use route::{Answer, Dane, MxHost, StsPolicy};
use rustls::version::TLS13;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What a balancer says of a client that came under TLS, by a header of version 2.
const UNDER_TLS: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\0\x19\
    \x20\0\x05\x01\0\0\0\0";

/// What is known of who the hosts of a domain are.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// DNSSEC proves it.
    Proven,
    /// A policy of this mode names the host, or another one.
    Named(&'static str, bool),
    /// Nothing.
    Told,
}

fn answer(hosts: &[IpAddr], known: Known) -> Answer {
    let host = |(number, address): (usize, &IpAddr)| MxHost {
        preference: number as u16,
        name: if number == 0 { NAME.to_owned() } else { format!("{number}.{NAME}") },
        addresses: vec![*address],
        dane: Dane::Absent,
    };
    let policy = match known {
        Known::Named(mode, is_named) => {
            let named = if is_named { NAME } else { "other.test" };
            let text = format!("version: STSv1\nmode: {mode}\nmx: {named}\nmax_age: 86400\n");
            Some(Arc::new(StsPolicy::parse("1", text.as_bytes()).unwrap()))
        }
        Known::Proven | Known::Told => None,
    };
    Answer::Hosts {
        hosts: hosts.iter().enumerate().map(host).collect(),
        ttl: Duration::from_hours(1),
        policy,
        authentic: matches!(known, Known::Proven),
    }
}

/// Somebody who came under TLS, and may ask for it.
async fn entered(world: &World, relay: &Relay) -> Client {
    let mut client = Client::dial(world, relay, &TLS13, 100_000).await;
    client.send(UNDER_TLS).await;
    client.hear(1).await;
    client.say("EHLO client.test\r\n").await;
    assert!(ehlo(&mut client).await.contains("250-REQUIRETLS\r\n"), "it is offered under TLS");
    client
}

/// Gives the relay a message whose MAIL ends with these words.
async fn give(world: &World, relay: &Relay, mail: &str) {
    let mut client = entered(world, relay).await;
    client.say(format!("MAIL FROM:{mail}\r\nRCPT TO:<b@b.test>\r\nDATA\r\n")).await;
    client.hear(3).await;
    client.say("Subject: secret\r\n\r\nthe text\r\n.\r\n").await;
    let said = client.hear(1).await;
    assert!(said.starts_with("250 "), "{said}");
}

const REQUIRED: &str = "<a@a.test> RET=FULL REQUIRETLS";

/// What becomes of a message, by what the host sees of it.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It arrives, and the host is asked for the same.
    Passed,
    /// It comes back, to a sender whose host is the same one: by a report that says this.
    Returned(&'static str),
    /// It fails at once, and the report has to wait.
    Failed,
    /// It fails when it is tried once more, and so does the report.
    FailedLater,
    /// It waits.
    Waits,
}

fn met(host: &Host, relay: &Relay) -> End {
    let senders = host.seen.senders.borrow();
    let texts = host.seen.texts.borrow();
    assert!(texts.iter().all(|(sealed, _)| *sealed), "nothing is in the clear");
    let meters = relay.meters.shard(0);
    match (senders.as_slice(), texts.as_slice()) {
        ([sender], [_]) if sender.starts_with("MAIL FROM:<a@a.test>") => {
            assert!(sender.ends_with(" REQUIRETLS"), "{sender}");
            End::Passed
        }
        ([sender], [(_, text)]) => {
            assert_eq!(sender, "MAIL FROM:<>", "it offers nothing");
            assert!(text.contains("Subject: secret") && !text.contains("the text"), "{text}");
            let codes = ["5.7.30", "5.7.10"];
            let found = codes.into_iter().find(|code| text.contains(&format!("Status: {code}")));
            End::Returned(found.expect("one of the codes"))
        }
        ([], []) if meters.failed.get() == 1 => End::Failed,
        ([], []) if meters.failed.get() == 0 => End::Waits,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_goes_under_tls_to_a_host_that_sees_to_the_same_or_comes_back() {
    use Known::{Named, Proven, Told};
    use Manner::{Goes, Onward, Refuses, Sound, Stripped};
    for (manner, known, trusted, end) in [
        (Onward, Proven, true, End::Passed),
        (Onward, Named("enforce", true), true, End::Passed),
        (Onward, Named("testing", true), true, End::Passed),
        (Sound, Proven, true, End::Returned("5.7.30")),
        (Onward, Proven, false, End::Failed),
        (Stripped, Proven, true, End::Failed),
        (Onward, Named("testing", false), true, End::FailedLater),
        (Onward, Named("none", true), true, End::FailedLater),
        (Onward, Told, true, End::FailedLater),
        (Refuses, Proven, true, End::Waits),
        (Goes, Proven, true, End::Waits),
    ] {
        let world = World::new(1);
        let host = Host::start(&world, manner);
        let answer = answer(&[host.address.ip()], known);
        let other = Host::named(&world, manner, 9);
        let root = if trusted { &host.root } else { &other.root };
        let relay = Relay::by_mx_behind(&world, sealed, host.address.port(), answer, root);
        let case = format!("{manner:?} {known:?} {trusted}");
        world.block_on(async {
            give(&world, &relay, REQUIRED).await;
            pause(&world, Duration::from_secs(25)).await;
            if end == End::FailedLater {
                assert_eq!(met(&host, &relay), End::Waits, "{case}");
                pause(&world, Duration::from_hours(2)).await;
                let meters = relay.meters.shard(0);
                assert_eq!(meters.failed.get(), 2, "{case}: the report may not leave either");
                assert_eq!(host.seen.connections.get(), 0, "{case}");
            } else {
                assert_eq!(met(&host, &relay), end, "{case}");
            }
        });
        assert_eq!(relay.meters.shard(0).panics.get(), 0);
    }
}

/// Whoever offers it is asked for it with the report, too; and other mail of the same senders to the
/// same host goes on as ever.
#[test]
fn other_mail_is_as_ever_and_a_report_is_guarded_as_its_message() {
    let world = World::new(1);
    let host = Host::start(&world, Manner::Onward);
    let answer = answer(&[host.address.ip()], Known::Proven);
    let port = host.address.port();
    let relay = Relay::by_mx_behind(&world, sealed, port, answer, &host.root);
    world.block_on(async {
        for mail in ["<a@a.test>", REQUIRED, "<> REQUIRETLS", "<a@a.test> SIZE=100"] {
            give(&world, &relay, mail).await;
            pause(&world, Duration::from_secs(2)).await;
        }
    });
    let senders = ["<a@a.test>", "<a@a.test> REQUIRETLS", "<> REQUIRETLS", "<a@a.test>"];
    let senders = senders.map(|sender| format!("MAIL FROM:{sender}"));
    assert_eq!(*host.seen.senders.borrow(), senders);
}

/// [RFC 8689 §4.2.1](https://www.rfc-editor.org/rfc/rfc8689#section-4.2.1): each host is asked, and one
/// that has not got it is no worse for other mail.
#[test]
fn the_next_host_is_asked_and_who_was_passed_over_has_other_mail() {
    let world = World::new(1);
    let (first, second) =
        (Host::start(&world, Manner::Sound), Host::named(&world, Manner::Onward, 1));
    let answer = answer(&[first.address.ip(), second.address.ip()], Known::Proven);
    let roots = format!("{}{}", first.root, second.root);
    let port = first.address.port();
    let relay = Relay::by_mx_behind(&world, sealed, port, answer, &roots);
    world.block_on(async {
        for mail in [REQUIRED, "<a@a.test>", REQUIRED] {
            give(&world, &relay, mail).await;
            pause(&world, Duration::from_secs(3)).await;
        }
    });
    assert_eq!(*first.seen.senders.borrow(), ["MAIL FROM:<a@a.test>"]);
    assert_eq!(*second.seen.senders.borrow(), ["MAIL FROM:<a@a.test> REQUIRETLS"; 2]);
}

/// While one host may still have it, nothing is decided.
#[test]
fn a_host_that_cannot_be_asked_now_is_waited_for() {
    let world = World::new(1);
    let first = Host::start(&world, Manner::Sound);
    let nobody = world.address(world.host());
    let answer = answer(&[first.address.ip(), nobody], Known::Proven);
    let port = first.address.port();
    let relay = Relay::by_mx_behind(&world, sealed, port, answer, &first.root);
    world.block_on(async {
        give(&world, &relay, REQUIRED).await;
        pause(&world, Duration::from_mins(1)).await;
    });
    let meters = relay.meters.shard(0);
    assert_eq!((meters.failed.get(), meters.deferred.get() > 0), (0, true));
    assert!(first.seen.senders.borrow().is_empty());
}

/// Where it was not offered it is unknown.
#[test]
fn nobody_asks_for_it_in_the_clear() {
    let world = World::new(1);
    let relay = Relay::behind(&world, crate::relay::clear, crate::relay::INTAKE_BYTES_MAX);
    world.block_on(async {
        let mut client = crate::bounds::met(&world, &relay).await;
        client.say("MAIL FROM:<a@a.test> REQUIRETLS\r\n").await;
        assert_eq!(client.hear(1).await, "555 5.5.4 unknown parameter\r\n");
    });
}
