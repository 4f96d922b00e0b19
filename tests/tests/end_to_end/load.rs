//! Load from `loadgen`, through Ringpost, into its sink, and the proof at the end.

use crate::common::PATIENCE;
use loadgen::arrivals::Arrivals;
use loadgen::rate::Rate;
use loadgen::sink::Provider;
use loadgen::verify::Proof;
use loadgen::{send, sink, verify};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::wait;

/// More than any test here sends.
const ENDLESS: u64 = 10_000_000;

/// A sink that keeps a ledger.
pub(crate) struct Sink {
    sink: sink::Sink,
    ledger: PathBuf,
}

impl Sink {
    /// One that puts off a share of the recipients the first time, so that mail waits in the
    /// relay at any moment.
    pub(crate) fn start(folder: &Path, defer: f64) -> io::Result<Self> {
        Self::play(folder, Provider { defer, ..Provider::default() })
    }

    /// One that is as this provider.
    pub(crate) fn play(folder: &Path, provider: Provider) -> io::Result<Self> {
        let ledger = folder.join("received.ledger");
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        let provider = Provider { listen, ..provider };
        let options = sink::Options {
            providers: vec![provider],
            seed: 1,
            ledger: Some(ledger.clone()),
            threads: 1,
        };
        Ok(Self { sink: sink::start(options)?, ledger })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.sink.providers()[0].addresses[0]
    }
}

/// A proof, to be read by whoever must find out why it does not hold.
pub(crate) fn told(proof: &Proof) -> String {
    serde_json::to_string_pretty(proof).unwrap_or_default()
}

/// Sends `ringpost` so many small messages for these domains, with commas between, as fast as it takes
/// them.
pub(crate) fn fill(ringpost: &Ringpost, messages: u64, domains: &str) -> io::Result<()> {
    let domains = domains.parse().map_err(io::Error::other)?;
    let sizes = "1k".parse().map_err(io::Error::other)?;
    let options = send::Options::new(ringpost.smtp());
    let sent = send::start(send::Options { messages, domains, sizes, ..options })?.join()?;
    assert_eq!(sent.accepted, messages, "{sent:?}");
    Ok(())
}

/// A generator that sends until it is told to stop.
pub(crate) struct Load {
    sending: send::Sending,
    ledger: PathBuf,
}

impl Load {
    /// Sends `rate` messages a second of mixed sizes to `ringpost`.
    pub(crate) fn start(folder: &Path, ringpost: &Ringpost, rate: f64) -> io::Result<Self> {
        Self::start_under(folder, ringpost, rate, send::Encryption::None)
    }

    /// [`Self::start`], encrypted.
    pub(crate) fn start_under(
        folder: &Path,
        ringpost: &Ringpost,
        rate: f64,
        encryption: send::Encryption,
    ) -> io::Result<Self> {
        let plain = send::Options::new(ringpost.smtp());
        Self::start_with(folder, rate, send::Options { encryption, ..plain })
    }

    /// As [`Self::start`], to `target`, with a connection for every message.
    pub(crate) fn start_short(folder: &Path, target: SocketAddr, rate: f64) -> io::Result<Self> {
        let options = send::Options::new(target);
        Self::start_with(folder, rate, send::Options { messages_per_session: 1, ..options })
    }

    fn start_with(folder: &Path, rate: f64, options: send::Options) -> io::Result<Self> {
        let ledger = folder.join("sent.ledger");
        let options = send::Options {
            messages: ENDLESS,
            sizes: "1k-50k".parse().map_err(io::Error::other)?,
            arrivals: Arrivals::constant(Rate::per_second(rate)),
            ledger: Some(ledger.clone()),
            ..options
        };
        Ok(Self { sending: send::start(options)?, ledger })
    }

    /// Connections made so far.
    pub(crate) fn connections(&self) -> u64 {
        self.sending.counters().connections.load(Ordering::Relaxed)
    }

    /// Attempts to connect that failed.
    pub(crate) fn dials_failed(&self) -> u64 {
        self.sending.counters().dials_failed.load(Ordering::Relaxed)
    }

    /// Waits until `more` messages have been accepted since now.
    pub(crate) fn wait_for(&self, more: u64) -> io::Result<()> {
        let accepted = || self.sending.counters().accepted.load(Ordering::Relaxed);
        let enough = accepted() + more;
        wait::until("accepted mail", PATIENCE, || (accepted() >= enough).then_some(()))
    }

    /// Stops sending, lets `ringpost` deliver what it has, and joins both ledgers.
    pub(crate) fn prove(
        self,
        ringpost: &Ringpost,
        sink: Sink,
        duplicates: u64,
    ) -> io::Result<Proof> {
        self.prove_and_tell(&[ringpost], sink, duplicates).map(|(_, proof)| proof)
    }

    /// [`Self::prove`], over several relays, with what the generator saw.
    pub(crate) fn prove_and_tell(
        self,
        relays: &[&Ringpost],
        sink: Sink,
        duplicates: u64,
    ) -> io::Result<(send::Report, Proof)> {
        self.sending.stop();
        let sent = self.sending.join()?;
        wait::until("empty queues", Duration::from_mins(2), || {
            let empty = |relay: &&Ringpost| relay.queued().is_ok_and(|queued| queued == 0);
            relays.iter().all(empty).then_some(())
        })
        .map_err(|late| {
            let plights: Vec<String> = relays.iter().map(|relay| relay.plight()).collect();
            io::Error::other(format!("{late}\n{}", plights.join("\n\n")))
        })?;
        sink.sink.stop();
        sink.sink.join()?;
        assert!(sent.accepted > 0, "{sent:?}");
        let options = verify::Options {
            sent: vec![self.ledger],
            received: vec![sink.ledger],
            duplicates_allowed: duplicates,
            ..verify::Options::default()
        };
        Ok((sent, verify::verify(&options).map_err(io::Error::other)?))
    }
}
