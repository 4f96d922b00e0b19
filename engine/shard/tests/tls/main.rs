//! The engine under TLS, on a simulated host: mail at any cut, and what no client should do. And
//! what a client may cost us, with TLS or without.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]
#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod bounds;
mod client;
mod early;
mod host;
mod midway;
mod outward;
mod policy;
mod relay;
mod reports;
mod requiretls;

use bounds::pause;
use client::Client;
use kernel::sim::World;
use relay::Relay;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use shard::Begin;
use std::time::Duration;
use wire::Clients;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const BEGINNINGS: [Begin; 2] = [Begin::AtOnce, Begin::WhenAsked];

/// How late a deadline may be.
const SWEEP: Duration = Duration::from_secs(2);

/// After this the relay has heard of the end of a connection that it hung up itself.
const HEARD: Duration = Duration::from_millis(10);

/// A client that has been greeted under TLS, and has said EHLO.
async fn greeted(
    world: &World,
    relay: &Relay,
    begin: Begin,
    version: &'static SupportedProtocolVersion,
    most: usize,
) -> Client {
    let mut client = Client::dial(world, relay, version, most).await;
    if begin == Begin::WhenAsked {
        assert!(client.hear(1).await.starts_with("220 "));
        client.say("EHLO client.test\r\n").await;
        assert!(ehlo(&mut client).await.contains("STARTTLS"));
        client.say("STARTTLS\r\n").await;
        assert!(client.hear(1).await.starts_with("220 2.0.0 "));
    }
    client.secure().await;
    if begin == Begin::AtOnce {
        assert!(client.hear(1).await.starts_with("220 "));
    }
    client.say("EHLO client.test\r\n").await;
    assert!(!ehlo(&mut client).await.contains("STARTTLS"), "it is offered once");
    client
}

/// All lines of an answer.
async fn ehlo(client: &mut Client) -> String {
    let mut answer = String::new();
    loop {
        let line = client.hear(1).await;
        answer.push_str(&line);
        if line.as_bytes().get(3) != Some(&b'-') {
            return answer;
        }
    }
}

fn accepted(relay: &Relay) -> (u64, u64) {
    let meters = relay.meters.shard(0);
    (meters.accepted_messages.get(), meters.accepted_bytes.get())
}

#[test]
fn mail_is_taken_whole_at_any_cut() {
    let body = "a line of text\r\n..a line with a dot\r\n".repeat(1_500);
    let text = format!("Subject: x\r\nFrom: <a@a.test>\r\nDate: x\r\n\r\n{body}");
    for (seed, begin) in BEGINNINGS.into_iter().enumerate() {
        for version in VERSIONS {
            for most in [1, 7, 1_000, 100_000] {
                let world = World::new(seed as u64);
                let relay = Relay::start(&world, begin, &Clients::Unasked);
                world.block_on(async {
                    let mut client = greeted(&world, &relay, begin, version, most).await;
                    client.say("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n").await;
                    let said = client.hear(3).await;
                    assert!(said.ends_with("\r\n") && said.contains("\r\n354 "), "{said}");
                    let rest = "MAIL FROM:<a@a.test>\r\nQUIT\r\n";
                    client.say(format!("{text}.\r\n{rest}")).await;
                    let said = client.last_words().await;
                    assert!(said.starts_with("250 2.0.0 ") && said.contains("\r\n221 "), "{said}");
                });
                let (messages, bytes) = accepted(&relay);
                assert_eq!((messages, bytes >= text.len() as u64), (1, true), "cut at {most}");
                assert_eq!(relay.meters.shard(0).tls_handshakes.get(), 1);
            }
        }
    }
}

#[test]
fn one_record_may_hold_all_of_a_conversation_and_each_byte_may_be_one() {
    let talk = b"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nBDAT 30 LAST\r\n\
        Subject: x\r\n\r\nnineteen more.\r\nQUIT\r\n";
    for version in VERSIONS {
        for record in [1, 2, 1_000] {
            let world = World::new(1);
            let relay = Relay::start(&world, Begin::AtOnce, &Clients::Unasked);
            world.block_on(async {
                let mut client = greeted(&world, &relay, Begin::AtOnce, version, 100_000).await;
                let records = talk.chunks(record).map(|piece| client.seal(piece));
                let sealed = records.collect::<Vec<_>>().concat();
                client.send(&sealed).await;
                let said = client.last_words().await;
                assert!(said.contains("\r\n250 2.0.0 ") && said.contains("\r\n221 "), "{said}");
            });
            assert_eq!(accepted(&relay).0, 1);
        }
    }
}

/// Fifteen servers took what came in clear, behind STARTTLS, for part of what came under TLS.
#[test]
fn what_is_behind_starttls_is_never_read() {
    let world = World::new(1);
    let relay = Relay::start(&world, Begin::WhenAsked, &Clients::Unasked);
    world.block_on(async {
        for with_hello in [false, true] {
            let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
            assert!(client.hear(1).await.starts_with("220 "));
            client.say("EHLO client.test\r\n").await;
            ehlo(&mut client).await;
            let behind = if with_hello { client.seal(b"") } else { b"RSET\r\n".to_vec() };
            client.send(&[b"STARTTLS\r\n", &behind[..]].concat()).await;
            let said = client.last_words().await;
            assert!(said.starts_with("554 5.5.1 "), "{said}");
        }
    });
    assert_eq!(relay.meters.shard(0).tls_handshakes.get(), 0);
}

#[test]
fn without_tls_where_it_is_required_there_is_no_mail() {
    let world = World::new(1);
    let relay = Relay::start(&world, Begin::WhenAsked, &Clients::Unasked);
    world.block_on(async {
        let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
        client.hear(1).await;
        client.say("EHLO client.test\r\n").await;
        ehlo(&mut client).await;
        client.say("MAIL FROM:<a@a.test>\r\n").await;
        assert!(client.hear(1).await.starts_with("530 5.7.0 "));
    });
}

/// A well-known server went on in clear text after the end of TLS in the middle of a chunk, and
/// what came there was run.
#[test]
fn the_end_of_tls_in_a_chunk_is_the_end() {
    for version in VERSIONS {
        for most in [1, 100, 100_000] {
            let world = World::new(most as u64);
            let relay = Relay::start(&world, Begin::WhenAsked, &Clients::Unasked);
            world.block_on(async {
                let begin = Begin::WhenAsked;
                let mut client = greeted(&world, &relay, begin, version, most).await;
                client.say("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n").await;
                client.hear(2).await;
                let mut bytes = client.seal(b"BDAT 1000 LAST\r\nSubject: x\r\n\r\n");
                client.tls.send_close_notify();
                bytes.extend(client.seal(b""));
                bytes.extend(b"x".repeat(2_000));
                bytes.extend(b"\r\nMAIL FROM:<a@a.test>\r\nNOOP\r\n");
                client.send(&bytes).await;
                assert_eq!(client.last_words().await, "", "nobody answers");
            });
            assert_eq!(accepted(&relay), (0, 0));
            assert_eq!(relay.meters.shard(0).panics.get(), 0);
        }
    }
}

#[test]
fn slow_hands_are_let_go_of_after_ten_seconds() {
    let world = World::new(1);
    let relay = Relay::start(&world, Begin::AtOnce, &Clients::Unasked);
    world.block_on(async {
        for slow in [false, true] {
            let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
            let began = world.now();
            let hello = client.seal(b"");
            for byte in hello.iter().take(if slow { 4 } else { 0 }) {
                client.send(&[*byte]).await;
                let clock = world.shard(world.host());
                kernel::Kernel::sleep_until(&clock, world.now() + Duration::from_secs(2)).await;
            }
            assert_eq!(client.last_words().await, "");
            let took = world.now().since(began);
            assert!((10..=12).contains(&took.as_secs()), "{took:?}");
        }
        pause(&world, HEARD).await;
    });
    assert_eq!(relay.meters.shard(0).tls_failed_timeout.get(), 2);
}

#[test]
fn last_words_are_sealed_like_all_others() {
    for version in VERSIONS {
        for drained in [false, true] {
            let world = World::new(1);
            let relay = Relay::start(&world, Begin::AtOnce, &Clients::Unasked);
            world.block_on(async {
                let mut client = greeted(&world, &relay, Begin::AtOnce, version, 1_000).await;
                if drained {
                    relay.drain();
                }
                let began = world.now();
                let said = client.last_words().await;
                assert!(said.starts_with("421 4."), "{said:?}");
                let idle = if drained { Duration::ZERO } else { Duration::from_mins(5) };
                assert!(world.now().since(began) <= idle + SWEEP);
            });
        }
    }
}

#[test]
fn what_is_not_tls_hears_an_alert_and_nothing_else() {
    let world = World::new(1);
    let relay = Relay::start(&world, Begin::AtOnce, &Clients::Unasked);
    world.block_on(async {
        for sent in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"EHLO x\r\n", &[0; 5_000]] {
            let mut client = Client::dial(&world, &relay, &TLS13, 1_000).await;
            client.send(sent).await;
            let heard = client.last_bytes().await;
            assert_eq!((heard.len(), heard[0]), (7, 21), "one alert");
        }
    });
    let meters = relay.meters.shard(0);
    assert_eq!((meters.tls_failed_protocol.get(), meters.tls_handshakes.get()), (3, 0));
}
