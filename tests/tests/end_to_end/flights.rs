//! Several messages at once on their way over one connection, to hosts that end it when they
//! like: none is lost, and none comes twice but those that are told to be in doubt.

use crate::common::{PATIENCE, RETRY_SOON, route};
use crate::load::told;
use loadgen::sink::provider::{Close, Fault, FaultKind, Provider};
use loadgen::sink::rate::Span;
use loadgen::verify::Proof;
use loadgen::{send, sink, verify};
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::wait;

/// What came of a run.
struct Seen {
    proof: Proof,
    /// Tries after which the host may have had the message although it was tried again.
    in_doubt: u64,
    connections: u64,
}

/// Sends so many messages over one connection at a time to `provider`, until it has them all; at
/// first so many at once.
#[expect(clippy::cast_sign_loss, reason = "what is counted is not negative")]
fn run(name: &str, provider: Provider, first: u16, messages: u64) -> io::Result<Seen> {
    let scratch = Scratch::new(name)?;
    let (sent, received) = (scratch.path().join("sent"), scratch.path().join("received"));
    let listen = vec![([127, 0, 0, 1], 0).into()];
    let providers = vec![Provider { listen, ..provider }];
    let options = sink::Options { providers, seed: 1, ledger: Some(received.clone()), threads: 1 };
    let sink = sink::start(options)?;
    let host = &sink.providers()[0];
    let settings = format!(
        "[delivery]\nconnections_per_site = 1\nmessages_per_connection = 1000\n\
         in_flight_first = {first}\n{RETRY_SOON}{}",
        route("site.test", host.addresses[0])
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let options = send::Options {
        messages,
        domains: "site.test".parse().map_err(io::Error::other)?,
        ledger: Some(sent.clone()),
        ..send::Options::new(ringpost.smtp())
    };
    let report = send::start(options)?.join()?;
    assert_eq!(report.accepted, messages, "{report:?}");
    wait::until("an empty queue", PATIENCE, || (ringpost.queued().ok()? == 0).then_some(()))?;
    let in_doubt = ringpost.metric("ringpost_possible_duplicates_total")? as u64;
    let connections = host.counters.connections.load(Ordering::Relaxed);
    sink.stop();
    sink.join()?;
    let options = verify::Options {
        sent: vec![sent],
        received: vec![received],
        duplicates_allowed: in_doubt,
        ..verify::Options::default()
    };
    let proof = verify::verify(&options).map_err(io::Error::other)?;
    assert!(proof.holds && proof.exact == messages, "{}", told(&proof));
    Ok(Seen { proof, in_doubt, connections })
}

/// A host that closes without a word behind its twentieth message leaves none in doubt, since it
/// has not earned it to get several at once. It does so twice, then it is left behind nineteen.
#[test]
fn a_host_that_closes_without_a_word_is_left_before_it_does() -> io::Result<()> {
    let provider =
        Provider { messages_per_connection: 20, close: Close::Silently, ..Provider::default() };
    let Seen { proof, in_doubt, connections } = run("flights-brief", provider, 1, 800)?;
    assert_eq!((proof.duplicates, in_doubt), (0, 0));
    let left_sooner = 2 + (800 - 2 * 20_u64).div_ceil(19);
    assert!(connections >= left_sooner, "{connections} connections, {left_sooner} at least");
    Ok(())
}

/// Connections that break in the middle of what is on its way, the answers to it unsaid.
#[test]
fn a_connection_that_breaks_loses_nothing_and_doubles_only_what_is_in_doubt() -> io::Result<()> {
    let pause = Span(Duration::ZERO);
    for (number, at_byte) in [9_001, 30_002].into_iter().enumerate() {
        let fault = Some(Fault { kind: FaultKind::Reset, share: 0.5, at_byte, pause });
        let provider = Provider { fault, delay_ms: 2, ..Provider::default() };
        let Seen { proof, in_doubt, .. } = run(&format!("flights-{number}"), provider, 8, 150)?;
        assert!(proof.duplicates <= in_doubt, "{} of {in_doubt}", proof.duplicates);
    }
    Ok(())
}
