//! What a peer may cost: memory, time and places.

use crate::client::Client;
use crate::relay::{INTAKE_BYTES_MAX, Relay, clear, proxied};
use crate::{HEARD, SWEEP, ehlo, greeted};
use arc_swap::ArcSwap;
use kernel::Kernel;
use kernel::sim::World;
use policy::rate::Rate;
use policy::source::{Source, Terms};
use rustls::version::TLS13;
use shard::{Begin, Gate, Guard, SourceRule, Sources};
use smtp::server;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use wire::Clients;

/// A client that has said EHLO in the clear.
pub(crate) async fn met(world: &World, relay: &Relay) -> Client {
    let mut client = Client::dial(world, relay, &TLS13, 100_000).await;
    client.hear(1).await;
    client.say("EHLO client.test\r\n").await;
    ehlo(&mut client).await;
    client
}

/// Says `line`, and hears one line.
async fn ask(client: &mut Client, line: &str) -> String {
    client.say(format!("{line}\r\n")).await;
    client.hear(1).await
}

pub(crate) async fn pause(world: &World, time: Duration) {
    world.shard(world.host()).sleep_until(world.now() + time).await;
}

/// A relay behind `open`, once a client that it has met in the clear has done what it does.
fn visited(
    open: impl FnOnce(SocketAddr) -> Gate,
    intake_bytes_max: u64,
    visit: impl AsyncFnOnce(&World, &Relay, Client),
) -> Relay {
    let world = World::new(1);
    let relay = Relay::behind(&world, open, intake_bytes_max);
    world.block_on(async {
        let client = met(&world, &relay).await;
        visit(&world, &relay, client).await;
    });
    relay
}

const ENVELOPE: &str = "MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n";

/// The system keeps a connection whose peer takes nothing for ever.
#[test]
fn who_does_not_read_the_answers_is_let_go_of() {
    let relay = visited(clear, INTAKE_BYTES_MAX, async |world, relay, mut client| {
        let message = format!("{ENVELOPE}BDAT 6 LAST\r\nA: b\r\n");
        let talk = message.repeat(5_000);
        let kernel = world.shard(world.host());
        kernel.spawn(async move {
            client.say(talk).await;
            std::future::pending::<()>().await;
        });
        pause(world, Duration::from_mins(4)).await;
        assert_eq!(relay.meters.shard(0).connections_in.get(), 1, "it has five minutes");
        pause(world, Duration::from_mins(2)).await;
    });
    assert_eq!(relay.meters.shard(0).connections_in.get(), 0);
}

/// What is asked for in few words and answered in many is not all held at once.
#[test]
fn answers_are_sent_before_more_are_made() {
    // It comes whole in most of these worlds, and in some in pieces.
    for seed in 0..8 {
        let world = World::new(seed);
        let relay = Relay::behind(&world, clear, INTAKE_BYTES_MAX);
        world.block_on(async {
            let mut client = met(&world, &relay).await;
            let helps = 600;
            let end = "BDAT 6 LAST\r\nA: b\r\n";
            client.say(format!("{ENVELOPE}{}{end}", "HELP\r\n".repeat(helps))).await;
            pause(&world, Duration::from_secs(10)).await;
            assert_eq!(relay.meters.shard(0).accepted_messages.get(), 0, "it has not read so far");
            let said = client.hear(2 + 3 * helps + 1).await;
            assert_eq!(said.matches("214-").count(), 2 * helps);
            assert!(said.lines().last().unwrap().starts_with("250 2.0.0 accepted"), "{said}");
        });
    }
}

#[test]
fn who_is_idle_behind_a_text_is_not_told_that_it_was_slow() {
    visited(clear, INTAKE_BYTES_MAX, async |_, _, mut client| {
        client.say(format!("{ENVELOPE}DATA\r\n")).await;
        client.hear(3).await;
        assert!(ask(&mut client, "A: b\r\n\r\n.").await.starts_with("250 "));
        let said = client.last_words().await;
        assert_eq!(said, server::Refusal::IdleTooLong.line());
    });
}

#[test]
fn between_chunks_a_client_may_think() {
    visited(clear, INTAKE_BYTES_MAX, async |world, _, mut client| {
        client.say(ENVELOPE).await;
        client.hear(2).await;
        for _ in 0..3 {
            assert!(ask(&mut client, "BDAT 6\r\nA: b").await.starts_with("250 "));
            pause(world, Duration::from_mins(4)).await;
        }
        assert!(ask(&mut client, "BDAT 2 LAST\r\n").await.starts_with("250 "));
        // But not in one.
        client.say(format!("{ENVELOPE}BDAT 100\r\nA: b")).await;
        assert!(client.last_words().await.ends_with(server::Refusal::TextTooSlow.line()));
    });
}

/// What TLS had opened ahead was counted twice.
#[test]
fn a_slow_text_is_slow_under_tls_too() {
    let world = World::new(1);
    let relay = Relay::start(&world, Begin::AtOnce, &Clients::Unasked);
    world.block_on(async {
        let mut client = greeted(&world, &relay, Begin::AtOnce, &TLS13, 100_000).await;
        client.say(format!("{ENVELOPE}DATA\r\n")).await;
        client.hear(3).await;
        client.say("A line of the text.\r\n".repeat(2_000)).await;
        pause(&world, Duration::from_secs(110)).await;
        client.say(".\r\n").await;
        assert_eq!(client.last_words().await, server::Refusal::TextTooSlow.line());
    });
}

/// One door with `guard`.
fn guarded(guard: Guard) -> impl FnOnce(SocketAddr) -> Gate {
    move |address| Gate { guard: Arc::new(guard), ..clear(address) }
}

#[test]
fn commands_are_counted_in_a_transaction_and_never_added_up() {
    let commands = Rate::new(3, Duration::from_secs(1)).unwrap();
    let open = guarded(Guard { commands, ..Guard::default() });
    visited(open, INTAKE_BYTES_MAX, async |world, _, mut client| {
        for _ in 0..10 {
            pause(world, Duration::from_secs(1)).await;
            client.say("MAIL FROM:<a@a.test>\r\nRSET\r\n").await;
            client.hear(2).await;
        }
        assert!(ask(&mut client, "NOOP").await.starts_with("250 "));
        client.say("MAIL FROM:<a@a.test>\r\nRSET\r\n".repeat(10)).await;
        assert!(client.last_words().await.ends_with(server::Refusal::TooManyCommands.line()));
    });
}

/// For good, or its sender would try for days; and it does not go to disk.
#[test]
fn a_header_without_end_is_too_large() {
    let relay = visited(clear, INTAKE_BYTES_MAX, async |world, _, mut client| {
        client.say(format!("{ENVELOPE}DATA\r\n")).await;
        client.hear(3).await;
        let said = ask(&mut client, &format!("{}.", "A: b\r\n".repeat(150_000))).await;
        assert_eq!(said, server::Refusal::HeaderTooBig.line());
        pause(world, Duration::from_secs(1)).await;
    });
    let written = relay.meters.shard(0).commit_bytes.get();
    assert!(written < 100_000, "{written}");
}

#[test]
fn a_text_that_would_go_on_with_our_own_field_is_refused() {
    visited(clear, INTAKE_BYTES_MAX, async |_, _, mut client| {
        for begin in [" ", "\t"] {
            client.say(format!("{ENVELOPE}DATA\r\n")).await;
            client.hear(3).await;
            let said = ask(&mut client, &format!("{begin}x\r\nA: b\r\n\r\n.")).await;
            assert_eq!(said, server::Refusal::FieldName.line());
        }
    });
}

/// The longest that may be said of a recipient.
fn recipient(number: usize) -> String {
    format!("RCPT TO:<b{number}@b.test> ORCPT=rfc822;{}", "x".repeat(490))
}

/// Begins a message, and names such recipients until one is refused: how many were taken, and why
/// no more.
async fn fill(client: &mut Client) -> (usize, String) {
    client.say("MAIL FROM:<a@a.test>\r\n").await;
    client.hear(1).await;
    for taken in 0.. {
        let said = ask(client, &recipient(taken)).await;
        if !said.starts_with("250 ") {
            return (taken, said);
        }
    }
    unreachable!("an envelope has an end")
}

#[test]
fn a_long_list_of_recipients_takes_from_the_memory_for_reception() {
    visited(clear, 64 * 1_024, async |_, _, mut client| {
        for _ in 0..2 {
            let (taken, refused) = fill(&mut client).await;
            assert_eq!(refused, server::Refusal::IntakeFull.line());
            assert!((20..100).contains(&taken), "{taken}");
            // It is given back.
            assert!(ask(&mut client, "RSET").await.starts_with("250 "));
        }
    });
}

/// Whose a message is goes with it, however much was said of its recipients.
#[test]
fn a_full_envelope_has_room_for_whose_it_is() {
    let words = || Some("w".repeat(255).into());
    let terms = Terms { tenant: words(), pool: words(), ..Terms::default() };
    let source = Arc::new(Source::new("shop", terms));
    let rule = SourceRule { from: None, listeners: None, users: None, source };
    let sources = Arc::new(ArcSwap::from_pointee(Sources::new(vec![rule])));
    let open = guarded(Guard { sources, ..Guard::default() });
    let relay = visited(open, INTAKE_BYTES_MAX, async |_, _, mut client| {
        let (_, refused) = fill(&mut client).await;
        assert_eq!(refused, server::Refusal::EnvelopeFull.line());
        assert!(ask(&mut client, "DATA").await.starts_with("354 "));
        assert!(ask(&mut client, "A: b\r\n\r\n.").await.starts_with("250 "));
    });
    assert_eq!(relay.meters.shard(0).panics.get(), 0);
}

#[test]
fn in_front_of_a_handshake_nobody_is_turned_away_with_words() {
    for begin in [Begin::AtOnce, Begin::WhenAsked] {
        let world = World::new(1);
        let open = |gate: Gate| Gate { connections_max: 0, ..gate };
        let relay = Relay::changed(&world, begin, open);
        world.block_on(async {
            let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
            let words = server::Refusal::TooManyConnections.line();
            let heard = if begin == Begin::AtOnce { "" } else { words };
            assert_eq!(client.last_words().await, heard);
        });
    }
}

/// What TLS holds of records that are not whole is memory that is used, and with much of it in use
/// nobody may dawdle.
#[test]
fn half_a_record_takes_from_the_memory_for_reception() {
    let world = World::new(1);
    let relay = Relay::within(&world, Begin::AtOnce, 32 * 1_024);
    world.block_on(async {
        let mut halves = Vec::new();
        for _ in 0..2 {
            let mut client = greeted(&world, &relay, Begin::AtOnce, &TLS13, 100_000).await;
            let sealed = client.seal(&[b'x'; 15_000]);
            client.send(&sealed[..sealed.len() - 1]).await;
            halves.push(client);
        }
        pause(&world, SWEEP).await;
        assert!(relay.meters.shard(0).tls_bytes.get() > 30_000, "it is told");
        let mut idle = greeted(&world, &relay, Begin::AtOnce, &TLS13, 100_000).await;
        let began = world.now();
        assert_eq!(idle.last_words().await, server::Refusal::IdleTooLong.line());
        let took = world.now().since(began).as_secs();
        assert!((30..34).contains(&took), "{took} s, and not five minutes");
    });
}

/// For want of memory a text goes to disk in small parts, of which a message has no more than of
/// large ones: it is put off, not refused for good, and not written any more.
#[test]
fn a_text_has_so_many_parts_and_no_more() {
    const PART: usize = 20 * 1_024;
    let lines = |bytes: usize| format!("{}\r\n", "x".repeat(998)).repeat(bytes / 1_000);
    let most = spool::PARTS_MAX * PART;
    let few = PART as u64 + 1;
    let relay = visited(clear, few, async |_, _, mut client| {
        for (bytes, said) in
            [(most - PART, "250 2.0.0 accepted"), (most + PART, server::Refusal::IntakeFull.line())]
        {
            client.say(format!("{ENVELOPE}DATA\r\n")).await;
            client.hear(3).await;
            client.say(format!("A: b\r\n\r\n{}.\r\n", lines(bytes))).await;
            let heard = client.hear(1).await;
            assert!(heard.starts_with(said), "{heard}");
        }
    });
    assert_eq!(relay.meters.shard(0).accepted_messages.get(), 1);
}

/// Whose client it is nobody knows yet, so nobody is told anything.
#[test]
fn a_drain_does_not_wait_for_a_balancers_header() {
    for said in ["", "PROXY TCP4 192.0.2.1"] {
        let world = World::new(1);
        let relay = Relay::behind(&world, proxied, INTAKE_BYTES_MAX);
        world.block_on(async {
            let mut client = Client::dial(&world, &relay, &TLS13, 100_000).await;
            client.say(said).await;
            pause(&world, Duration::from_secs(1)).await;
            assert_eq!(relay.meters.shard(0).connections_in.get(), 1);
            let began = world.now();
            relay.drain();
            assert_eq!(client.last_words().await, "");
            assert!(world.now().since(began) <= SWEEP);
            pause(&world, HEARD).await;
        });
        assert_eq!(relay.meters.shard(0).connections_in.get(), 0);
    }
}

/// Who has begun a message may end it, and begins no other.
#[test]
fn a_drain_lets_messages_end_and_none_begin() {
    let relay = visited(clear, INTAKE_BYTES_MAX, async |world, relay, mut client| {
        client.say(format!("{ENVELOPE}DATA\r\n")).await;
        client.hear(3).await;
        relay.drain();
        pause(world, SWEEP).await;
        client.say(format!("A: b\r\n\r\n.\r\n{ENVELOPE}DATA\r\n")).await;
        assert!(client.hear(1).await.starts_with("250 2.0.0 accepted"));
        assert_eq!(client.last_words().await, server::Refusal::ShuttingDown.line());
    });
    assert_eq!(relay.meters.shard(0).accepted_messages.get(), 1);
}
