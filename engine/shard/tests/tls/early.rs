//! Clients that speak before they are greeted (T5): found out where their words are there by then,
//! and waited for by nobody.

use crate::client::Client;
use crate::relay::{INTAKE_BYTES_MAX, Relay, clear, proxied};
use kernel::sim::{Fault, Operation, Physics, When, World};
use rustls::version::TLS13;
use shard::{Begin, Gate, Guard};
use smtp::server::Refusal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const WORDS: &str = "EHLO client.test\r\nQUIT\r\n";
const HEADER: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n";
/// A balancer that speaks for itself.
const PROBE: &str = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A door at which anybody may speak first.
fn patient(address: SocketAddr) -> Gate {
    let guard = Guard { early_talk: true, ..Guard::default() };
    Gate { guard: Arc::new(guard), ..clear(address) }
}

/// What is heard by a client that says `words` at once, and has said them when the relay takes its
/// connection; and how often the relay has counted it as early.
fn heard(open: fn(SocketAddr) -> Gate, words: &[&str]) -> (String, u64) {
    let world = World::new(1);
    let relay = Relay::behind(&world, open, INTAKE_BYTES_MAX);
    let later = Fault::Slow(Duration::from_secs(1));
    world.plan(relay.host, Operation::Accept, When::Nth(1), later);
    let said = world.block_on(async {
        let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
        client.say(words.concat()).await;
        client.last_words().await
    });
    (said, counted(&relay))
}

fn counted(relay: &Relay) -> u64 {
    let rows = relay.meters.shard(0).refusals.rows();
    rows.filter(|(rule, _)| *rule == "early-talk").map(|(_, count)| count).sum()
}

#[test]
fn who_has_spoken_when_it_would_be_greeted_is_let_go_of() {
    let refused = (Refusal::EarlyTalk.line().to_owned(), 1);
    assert_eq!(heard(clear, &[WORDS]), refused);
    assert_eq!(heard(proxied, &[HEADER, WORDS]), refused);
    assert_eq!(heard(proxied, &[HEADER, "\r"]), refused);
    for (open, words) in [(patient as fn(_) -> _, vec![WORDS]), (proxied, vec![PROBE, WORDS])] {
        let (said, early) = heard(open, &words);
        assert!(said.starts_with("220 ") && said.contains("\r\n221 ") && early == 0, "{said}");
    }
}

#[test]
fn who_waits_behind_its_balancer_is_served() {
    let world = World::new(1);
    let relay = Relay::behind(&world, proxied, INTAKE_BYTES_MAX);
    world.block_on(async {
        let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
        client.say(HEADER).await;
        assert!(client.hear(1).await.starts_with("220 "));
        client.say(WORDS).await;
        assert!(client.last_words().await.contains("\r\n221 "));
    });
    assert_eq!(counted(&relay), 0);
}

/// What begins TLS is no early word; what comes with its last message is one.
#[test]
fn under_tls_the_handshake_comes_first() {
    for words in ["", WORDS] {
        // What is sent at once comes at once.
        let world = World::with(1, Physics { short_ppm: 0, ..Physics::default() });
        let relay = Relay::within(&world, Begin::AtOnce, INTAKE_BYTES_MAX);
        world.block_on(async {
            let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
            client.secure_saying(words.as_bytes()).await;
            let greeting = client.hear(1).await;
            let expected = if words.is_empty() { "220 " } else { Refusal::EarlyTalk.line() };
            assert!(greeting.starts_with(expected), "{greeting}");
        });
        assert_eq!(counted(&relay), u64::from(!words.is_empty()));
    }
}
