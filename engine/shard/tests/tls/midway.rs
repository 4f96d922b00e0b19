//! Hosts that speak before they listen on: who only writes would wait with them, or for long.

use crate::bounds::pause;
use crate::host::{Host, Manner};
use crate::outward::give;
use crate::relay::{Relay, clear};
use event::Count;
use kernel::sim::{Physics, Sim, SimStream, World};
use kernel::{Buffer, Gather, Kernel, Listener, Piece, Stream};
use route::Tls;
use std::net::SocketAddr;
use std::time::Duration;

const LINE: &str = "a line of text\r\n";
/// Lines of a text that is in memory, and larger than what a connection holds.
const IN_MEMORY: usize = 12_000;
/// Lines of one that is sent part by part.
const IN_PARTS: usize = 60_000;

/// RFC 2920 §3.1: "check the TCP window size", or both ends wait. Here both windows are smaller
/// than what either has to say, and each host answers before it reads on.
#[test]
fn neither_side_waits_for_the_other_with_full_buffers() {
    let domains = ["b.test"; 40];
    for tls in [Tls::Off, Tls::Required] {
        let physics = Physics { window_bytes: 700, ..Physics::default() };
        let world = World::with(1, physics);
        let host = Host::start(&world, Manner::Wordy);
        let relay = Relay::to(&world, clear, host.address, &[("b.test", tls)], Some(&host.root));
        world.block_on(async {
            give(&world, &relay, &domains, &LINE.repeat(20)).await;
            pause(&world, Duration::from_secs(25)).await;
        });
        let meters = relay.meters.shard(0);
        let again = [&meters.deferred, &meters.possible_duplicates].map(Count::get);
        assert_eq!((host.sealed().len(), again), (domains.len(), [0, 0]), "{tls:?}");
    }
}

/// A host in the middle of a text.
struct Midway(SimStream);

impl Midway {
    /// Takes a connection, and of the text that comes a first part.
    async fn meet(listener: &impl Listener<Stream = SimStream>) -> Self {
        let host = Self(listener.accept().await.unwrap());
        let replies = "250 ok\r\n250 ok\r\n354 go ahead\r\n";
        for (words, answer) in [
            ("220 mx.test ESMTP\r\n", "\r\n"),
            ("250-mx.test\r\n250 PIPELINING\r\n", "DATA\r\n"),
            (replies, LINE),
        ] {
            host.say(words).await;
            host.hear(answer).await;
        }
        host
    }

    async fn say(&self, words: &str) {
        let pieces = Gather::from_iter([Piece::Owned(words.into())]);
        self.0.write(pieces).await.unwrap();
    }

    /// Reads until this was said.
    async fn hear(&self, words: &str) {
        let mut said = String::new();
        while !said.contains(words) {
            let (result, buffer) = self.0.read(Buffer::with_capacity(1_000)).await;
            assert!(matches!(result, Ok(1..)), "it went after {said}");
            said += str::from_utf8(&buffer).unwrap();
        }
    }
}

/// One message of so many lines for a host that listens; then `visit`.
fn send(lines: usize, visit: impl AsyncFnOnce(&World, &Relay, Midway, SocketAddr)) -> Relay {
    let world = World::new(1);
    let host = world.host();
    let kernel: Sim = world.shard(host);
    let address = SocketAddr::new(world.address(host), 25);
    let listener = kernel.listen(address).unwrap();
    let relay = Relay::to(&world, clear, address, &[("b.test", Tls::Off)], None);
    world.block_on(async {
        give(&world, &relay, &["b.test"], &LINE.repeat(lines)).await;
        let host = Midway::meet(&listener).await;
        visit(&world, &relay, host, address).await;
    });
    relay
}

fn is_connected(world: &World, relay: &Relay, to: SocketAddr) -> bool {
    world.connections(relay.host).iter().any(|(_, host)| *host == to)
}

/// What a host says in the middle of a text is heard there, and not after the ten minutes for
/// which it reads nothing more.
#[test]
fn what_is_said_in_the_middle_of_a_text_is_heard_at_once() {
    for (lines, words, outcome) in [
        (IN_PARTS, "552 5.3.4 too large\r\n", (1, 0, 0)),
        (IN_PARTS, "552-5.3.4 too large\r\n552 5.3.4 by far\r\n", (1, 0, 0)),
        (IN_PARTS, "452 4.3.1 no room now\r\n", (0, 1, 0)),
        (IN_PARTS, "421 4.3.2 going down\r\n", (0, 1, 0)),
        // It cannot have what was not sent; what it has made of it, who knows.
        (IN_PARTS, "250 2.0.0 taken\r\n", (0, 1, 1)),
        (IN_PARTS, "what?\r\n", (0, 1, 1)),
        (IN_PARTS, "", (0, 1, 1)),
        (IN_MEMORY, "552 5.3.4 too large\r\n", (1, 0, 0)),
        (IN_MEMORY, "421 4.3.2 going down\r\n", (0, 1, 0)),
        (IN_MEMORY, "", (0, 1, 1)),
    ] {
        let relay = send(lines, async |world, relay, host, address| {
            if words.is_empty() {
                host.0.hang_up(b"");
            } else {
                host.say(words).await;
            }
            pause(world, Duration::from_secs(5)).await;
            // A text in memory may have left whole, for all we know: it goes on.
            let stays = lines == IN_MEMORY && words.starts_with("552");
            assert_eq!(is_connected(world, relay, address), stays, "{words} {lines}");
        });
        let meters = relay.meters.shard(0);
        let found = (meters.failed.get(), meters.deferred.get(), meters.possible_duplicates.get());
        assert_eq!(found, outcome, "{words} {lines}");
        assert_eq!(meters.panics.get(), 0);
    }
}

/// RFC 5321 §4.5.3.2: the time that a part of a text may take is not made longer by a reply that
/// never ends.
#[test]
fn a_reply_in_the_middle_of_a_text_gains_no_time() {
    for lines in [IN_MEMORY, IN_PARTS] {
        send(lines, async |world, relay, host, address| {
            for _ in 0..19 {
                host.say("552-and what is more\r\n").await;
                pause(world, Duration::from_secs(30)).await;
            }
            assert!(is_connected(world, relay, address), "it has half a minute left");
            host.say("552-and what is more\r\n").await;
            pause(world, Duration::from_secs(35)).await;
            assert!(!is_connected(world, relay, address), "its time is up");
        });
    }
}
