//! Mail that leaves under TLS, or does not: every manner of host, and everything that may be wanted.

use crate::bounds::{met, pause};
use crate::host::{Host, Manner};
use crate::relay::{Relay, clear};
use event::{Count, Tlsa, TlsaSet};
use kernel::sim::World;
use route::Tls;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

const WANTED: [Tls; 4] = [Tls::Off, Tls::Opportunistic, Tls::Required, Tls::Verified];

/// Gives the relay a message for each of these domains.
pub(crate) async fn give(world: &World, relay: &Relay, domains: &[&str], body: &str) {
    let mut client = met(world, relay).await;
    for domain in domains {
        client.say(format!("MAIL FROM:<>\r\nRCPT TO:<b@{domain}>\r\nDATA\r\n")).await;
        client.hear(3).await;
        client.say(format!("Subject: x\r\n\r\n{body}.\r\n")).await;
        assert!(client.hear(1).await.starts_with("250 "));
    }
}

/// T19: what is wanted is what is done, whatever the host says, and whatever it is.
#[test]
fn what_is_wanted_is_settled_before_a_host_is_dialled() {
    use Manner::{Babbles, Goes, Injected, Refuses, Silent, Sound, Stripped};
    let (sealed, bare) = (Some(true), Some(false));
    for (manner, trusted, outcomes) in [
        (Sound, true, [bare, sealed, sealed, sealed]),
        (Sound, false, [bare, sealed, sealed, None]),
        (Stripped, true, [bare, bare, None, None]),
        (Refuses, true, [bare, bare, None, None]),
        (Babbles, true, [bare, bare, None, None]),
        (Silent, true, [bare, bare, None, None]),
        (Goes, true, [bare, bare, None, None]),
        // Whoever does that does more: nothing goes on the same hour.
        (Injected, true, [bare, None, None, None]),
    ] {
        for (seed, (tls, outcome)) in WANTED.into_iter().zip(outcomes).enumerate() {
            let world = World::new(seed as u64);
            let host = Host::start(&world, manner);
            let roots = trusted.then_some(host.root.as_str());
            let relay = Relay::to(&world, clear, host.address, &[("b.test", tls)], roots);
            world.block_on(async {
                give(&world, &relay, &["b.test"], "x\r\n").await;
                pause(&world, Duration::from_secs(25)).await;
            });
            let wanted: Vec<bool> = outcome.into_iter().collect();
            assert_eq!(host.sealed(), wanted, "{manner:?} {tls:?}, trusted: {trusted}");
            for (began, ended) in &*host.seen.waits.borrow() {
                assert!(ended.since(*began) <= Duration::from_secs(12), "{manner:?} is let go of");
            }
            assert_eq!(relay.meters.shard(0).panics.get(), 0);
        }
    }
}

/// T19, RFC 7672: what is proven of a host settles what it gets, whatever it says, and whatever it
/// did to mail that might go in the clear. Nobody vouches for it, and its certificate is for
/// another name.
#[test]
fn what_is_proven_of_a_host_comes_first() {
    use Manner::{Goes, Sound, Stripped};
    let sealed = Some(true);
    for (manner, record, wanted, outcome) in [
        (Sound, Some(true), Tls::Opportunistic, sealed),
        (Sound, Some(true), Tls::Required, sealed),
        (Sound, Some(true), Tls::Verified, sealed),
        (Sound, Some(true), Tls::Off, Some(false)),
        (Sound, Some(false), Tls::Opportunistic, None),
        // There are records, and none of use.
        (Sound, None, Tls::Opportunistic, sealed),
        (Sound, None, Tls::Verified, None),
        (Stripped, Some(true), Tls::Opportunistic, None),
        (Stripped, None, Tls::Opportunistic, None),
        (Goes, Some(true), Tls::Opportunistic, None),
    ] {
        let world = World::new(1);
        let host = Host::start(&world, manner);
        let digest = |right: bool| {
            let mut digest = Sha256::digest(&host.certificate);
            digest[0] ^= u8::from(!right);
            Tlsa::read(3, 0, 1, &digest).unwrap()
        };
        let set = TlsaSet::new("base.test", record.map(digest));
        let relay = Relay::to_proven(&world, host.address, &[("b.test", wanted)], set);
        world.block_on(async {
            for _ in 0..2 {
                give(&world, &relay, &["b.test"], "x\r\n").await;
                pause(&world, Duration::from_secs(25)).await;
            }
        });
        let case = format!("{manner:?} {record:?} {wanted:?}");
        assert_eq!(host.sealed(), outcome.map_or(Vec::new(), |sealed| vec![sealed; 2]), "{case}");
        let meters = relay.meters.shard(0);
        let [met, known] = [&meters.tls_out_dane, &meters.tls_out_dane_failed].map(Count::get);
        let proved = outcome == sealed && record == Some(true);
        assert_eq!((met > 0, known > 0), (proved, record == Some(false)), "{case}");
        assert_eq!(meters.tls_out_in_clear.get(), 0, "{case}: nobody tried");
    }
}

/// What a host did to mail that may go in the clear says nothing of mail that may not.
#[test]
fn broken_tls_is_remembered_where_mail_may_go_without_and_nowhere_else() {
    let world = World::new(1);
    let host = Host::start(&world, Manner::Goes);
    let domains = [("may.test", Tls::Opportunistic), ("must.test", Tls::Required)];
    let relay = Relay::to(&world, clear, host.address, &domains, None);
    let meters = relay.meters.shard(0);
    world.block_on(async {
        for (round, broken) in [(1, 1), (2, 1)] {
            give(&world, &relay, &["may.test"], "x\r\n").await;
            pause(&world, Duration::from_mins(2)).await;
            assert_eq!(host.sealed(), vec![false; round]);
            assert_eq!(
                meters.tls_out_failed_lost.get(),
                broken,
                "the second is dialled in the clear"
            );
            assert_eq!(meters.tls_out_in_clear.get(), round as u64);
            assert_eq!(meters.dial_failures.get(), broken, "the log says why");
        }
        give(&world, &relay, &["must.test"], "x\r\n").await;
        pause(&world, Duration::from_mins(2)).await;
        assert_eq!(host.sealed(), [false, false]);
        assert!(meters.tls_out_failed_lost.get() > 1, "it is tried");
        // An hour later the host may have been mended.
        let before = meters.tls_out_failed_lost.get();
        pause(&world, Duration::from_hours(1)).await;
        give(&world, &relay, &["may.test"], "x\r\n").await;
        pause(&world, Duration::from_mins(1)).await;
        assert_eq!(host.sealed(), [false, false, false]);
        assert!(meters.tls_out_failed_lost.get() > before);
    });
}

#[test]
fn sessions_go_on_and_texts_arrive_whole() {
    let line = "a line of text\r\n";
    for seed in 0..4 {
        let world = World::new(seed);
        let host = Host::start(&world, Manner::Sound);
        let domains = [("b.test", Tls::Verified)];
        let relay = Relay::to(&world, clear, host.address, &domains, Some(&host.root));
        world.block_on(async {
            for lines in [1, 20_000] {
                give(&world, &relay, &["b.test", "b.test"], &line.repeat(lines)).await;
                pause(&world, Duration::from_secs(30)).await;
            }
        });
        let texts = host.seen.texts.borrow();
        let lines: Vec<usize> =
            texts.iter().map(|(_, text)| text.matches("a line of text\n").count()).collect();
        assert_eq!(lines, [1, 1, 20_000, 20_000]);
        let meters = relay.meters.shard(0);
        let met = [&meters.tls_out_handshakes, &meters.tls_out_verified].map(Count::get);
        assert_eq!(met, [u64::from(host.seen.connections.get()); 2]);
        assert!(meters.tls_out_resumed.get() > 0 && meters.tls_out_in_clear.get() == 0);
    }
}

/// Mail that comes in the moment an idle connection is given up is not said to it, where nobody
/// hears it and it would be half an hour until it is tried again: it leaves by another.
#[test]
fn nothing_is_said_to_a_connection_that_was_just_given_up() {
    let mut given_up = 0;
    for step in 0..200 {
        let world = World::new(step);
        let host = Host::start(&world, Manner::Chunking);
        let relay = Relay::to(&world, clear, host.address, &[("b.test", Tls::Off)], None);
        world.block_on(async {
            give(&world, &relay, &["b.test"], "x\r\n").await;
            // It may be idle for five seconds, and who may is looked at once a second.
            pause(&world, Duration::from_micros(5_970_000 + 200 * step)).await;
            give(&world, &relay, &["b.test"], "x\r\n").await;
            pause(&world, Duration::from_secs(1)).await;
        });
        let meters = relay.meters.shard(0);
        let again = [&meters.deferred, &meters.possible_duplicates].map(Count::get);
        assert_eq!((host.sealed().len(), again), (2, [0, 0]), "{step}");
        given_up += host.seen.connections.get() - 1;
    }
    assert!((20..180).contains(&given_up), "given up before the message came {given_up} times");
}
