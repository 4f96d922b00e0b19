//! What is noted of TLS with hosts, for the reports that domains ask for.

use crate::bounds::{met, pause};
use crate::host::{Host, Manner, NAME};
use crate::outward::give;
use crate::policy::answer;
use crate::relay::{REPORTER, Relay};
use event::TlsResult;
use kernel::sim::World;
use policy::tls_report::{Cover, Session};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Each session as a line: whose it was, the host, what came of it.
fn line((session, _): &(Session, u64)) -> String {
    let cover = match &session.cover {
        Cover::Proven => "proven".to_owned(),
        Cover::Doubtful(result) => format!("doubtful: {result:?}"),
        Cover::Failed(result, why) => format!("{result:?}: {why}"),
    };
    let where_to = if session.addresses.is_some() { " at an address" } else { "" };
    format!("{} {}{where_to} {cover}", session.domain, session.host)
}

/// Mail for one domain to each manner of host.
#[test]
fn what_came_of_a_session_is_noted_for_its_domain() {
    let at = "at an address";
    let bare = format!(
        "b.test {NAME} {at} {:?}: does not offer STARTTLS",
        TlsResult::StarttlsNotSupported
    );
    let other = |why: &str| format!("b.test {NAME} {at} {:?}: {why}", TlsResult::ValidationFailure);
    for (manner, enforced, trusted, noted) in [
        (Manner::Sound, None, true, vec![format!("b.test {NAME} proven")]),
        (Manner::Sound, Some(NAME), true, vec![format!("b.test {NAME} proven")]),
        (
            Manner::Sound,
            None,
            false,
            vec![format!("b.test {NAME} {at} doubtful: CertificateNotTrusted")],
        ),
        (Manner::Stripped, None, true, vec![bare.clone()]),
        (Manner::Stripped, Some(NAME), true, vec![bare]),
        (Manner::Refuses, None, true, vec![other("refuses STARTTLS: 454 4.7.0 not now")]),
        (
            Manner::Goes,
            None,
            true,
            vec![
                other("failed in a handshake within the hour"),
                other("the connection was lost in the handshake"),
            ],
        ),
        (
            Manner::Sound,
            Some("other.test"),
            true,
            vec![format!(
                "b.test  ValidationFailure: the MTA-STS policy of b.test (enforce, id 1) names \
                 other.test, and none of the MX hosts: {NAME}"
            )],
        ),
    ] {
        let world = World::new(1);
        let host = Host::start(&world, manner);
        let stranger = Host::start(&world, manner);
        let root = if trusted { &host.root } else { &stranger.root };
        let answer = answer(host.address.ip(), enforced);
        let relay = Relay::by_mx(&world, host.address.port(), answer, root);
        world.block_on(async {
            give(&world, &relay, &["b.test"], "x\r\n").await;
            pause(&world, Duration::from_secs(25)).await;
        });
        let mut lines: Vec<String> = relay.ledger.take().iter().map(line).collect();
        lines.sort();
        assert_eq!(lines, noted, "{manner:?} {enforced:?}");
    }
}

/// A connection is one session for each domain whose mail it carries, however much that is; and
/// none for what carries reports.
#[test]
fn a_session_is_noted_once_for_each_domain() {
    let world = World::new(1);
    let host = Host::start(&world, Manner::Sound);
    let answer = answer(host.address.ip(), None);
    let relay = Relay::by_mx(&world, host.address.port(), answer, &host.root);
    world.block_on(async {
        for _ in 0..4 {
            give(&world, &relay, &["b.test", "c.test"], "x\r\n").await;
        }
        let mut client = met(&world, &relay).await;
        client.say(format!("MAIL FROM:<{REPORTER}>\r\nRCPT TO:<b@d.test>\r\nDATA\r\n")).await;
        client.hear(3).await;
        client.say("Subject: x\r\n\r\n.\r\n".to_owned()).await;
        assert!(client.hear(1).await.starts_with("250 "));
        pause(&world, Duration::from_secs(10)).await;
    });
    assert_eq!(host.sealed().len(), 9);
    let connections = u64::from(host.seen.connections.get());
    let taken = relay.ledger.take();
    let count = |domain: &str| -> u64 {
        taken.iter().filter(|(session, _)| *session.domain == *domain).map(|(_, count)| count).sum()
    };
    for domain in ["b.test", "c.test"] {
        assert!((1..=connections).contains(&count(domain)), "{domain}: {taken:?}");
    }
    assert!(connections < 9, "they were used again");
    assert_eq!(count("d.test"), 0);
}

/// RFC 8460 section 5.3: it gets through where its domain's own policy keeps all other mail back;
/// and no report tells of it.
#[test]
fn a_report_is_sent_whatever_the_policy_and_the_host() {
    for manner in [Manner::Sound, Manner::Stripped, Manner::Goes] {
        let world = World::new(1);
        let host = Host::start(&world, manner);
        let address = host.address.ip();
        let kept_back = answer(address, Some("other.test"));
        let relay = Relay::by_mx(&world, host.address.port(), kept_back, &host.root);
        let heard = world.block_on(async {
            give(&world, &relay, &["b.test"], "x\r\n").await;
            pause(&world, Duration::from_secs(2)).await;
            relay.ledger.take();
            let heard = relay.submit("tls@b.test", answer(address, None));
            pause(&world, Duration::from_secs(25)).await;
            heard
        });
        assert_eq!(heard.load(Ordering::Relaxed), 2, "{manner:?}: it is ours");
        let texts = host.seen.texts.borrow();
        assert!(
            matches!(&texts[..], [(_, text)] if text.contains("report")),
            "{manner:?}: {texts:?}"
        );
        let noted: Vec<_> = relay.ledger.take().iter().map(line).collect();
        assert!(noted.iter().all(|line| line.contains("handshake")), "{manner:?}: {noted:?}");
    }
}

#[test]
fn a_relay_that_stops_takes_no_report() {
    let world = World::new(1);
    let host = Host::start(&world, Manner::Sound);
    let answer = answer(host.address.ip(), None);
    let relay = Relay::by_mx(&world, host.address.port(), answer.clone(), &host.root);
    let heard = world.block_on(async {
        pause(&world, Duration::from_secs(1)).await;
        relay.drain();
        let heard = relay.submit("tls@b.test", answer);
        pause(&world, Duration::from_secs(2)).await;
        heard
    });
    assert!(heard.load(Ordering::Relaxed) < 2 && host.sealed().is_empty());
}
