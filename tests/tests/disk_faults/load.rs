//! Load from `loadgen`, a sink, both ledgers, and which acknowledgements were promises.

use crate::PATIENCE;
use loadgen::clock::{self, Nanos};
use loadgen::ledger::{Reader, Verdict, Writer};
use loadgen::send::{self, Sending};
use loadgen::sink::{self, Provider};
use loadgen::verify::{self, Proof};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::wait;

/// More than any test here sends.
pub(crate) const ENDLESS: u64 = 10_000_000;

/// Both ends of the mail, and what they wrote down.
#[derive(Debug)]
pub(crate) struct Ends {
    sink: sink::Sink,
    sent: PathBuf,
    received: PathBuf,
    /// When an acknowledgement promised nothing.
    doubts: Vec<Range<Nanos>>,
}

/// What both ledgers say.
#[derive(Debug)]
pub(crate) struct Verdicts {
    /// Without the acknowledgements in doubt.
    pub(crate) proof: Proof,
    /// Acknowledgements in doubt.
    pub(crate) doubtful: u64,
    /// Acknowledged for certain, and gone: never seen by the sink, or put off by it and not
    /// offered again, though the relay has nothing queued any more.
    pub(crate) lost: u64,
    /// How many of those in doubt were lost, which is no fault.
    pub(crate) doubtful_lost: u64,
    /// Codes the relay gave to mail it did not take, with how often it gave them.
    pub(crate) refusals: Vec<(u16, u64)>,
}

impl Ends {
    /// A sink that puts off a share of the recipients the first time, so that mail waits in
    /// the relay at any moment.
    pub(crate) fn start(folder: &Path, defer: f64) -> io::Result<Self> {
        let (sent, received) = (folder.join("sent.ledger"), folder.join("received.ledger"));
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        let provider = Provider { listen, defer, ..Provider::default() };
        let ledger = Some(received.clone());
        let sink =
            sink::start(sink::Options { providers: vec![provider], seed: 1, ledger, threads: 1 })?;
        Ok(Self { sink, sent, received, doubts: Vec::new() })
    }

    /// Where the sink listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.sink.providers()[0].addresses[0]
    }

    /// What to send to `ringpost`: mail of mixed sizes without end.
    pub(crate) fn plan(&self, ringpost: &Ringpost) -> io::Result<send::Options> {
        Ok(send::Options {
            messages: ENDLESS,
            sizes: "1k-20k".parse().map_err(io::Error::other)?,
            ledger: Some(self.sent.clone()),
            ..send::Options::new(ringpost.smtp())
        })
    }

    /// From `start` until now an acknowledgement was no promise.
    pub(crate) fn doubt_since(&mut self, start: Nanos) {
        self.doubts.push(start..clock::now());
    }

    /// Waits until `ringpost` has delivered what it has, and joins both ledgers.
    pub(crate) fn judge(self, ringpost: &Ringpost, duplicates: u64) -> io::Result<Verdicts> {
        empty(ringpost)?;
        self.sink.stop();
        self.sink.join()?;
        let promised = self.sent.with_extension("promised");
        let (doubtful, refusals) = promises(&self.sent, &promised, &self.doubts)?;
        let join = |sent: &Path| {
            verify::verify(&verify::Options {
                sent: vec![sent.to_owned()],
                received: vec![self.received.clone()],
                duplicates_allowed: duplicates,
                ..verify::Options::default()
            })
            .map_err(io::Error::other)
        };
        let proof = join(&promised)?;
        let lost = |proof: &Proof| proof.missing + proof.queued;
        let (lost, all_lost) = (lost(&proof), lost(&join(&self.sent)?));
        Ok(Verdicts { proof, doubtful, lost, doubtful_lost: all_lost - lost, refusals })
    }
}

/// Copies a generator's ledger. An answer in doubt is copied as none: after a 451 as well the
/// message may be there, since nothing could be written any more to take it back.
fn promises(from: &Path, to: &Path, doubts: &[Range<Nanos>]) -> io::Result<(u64, Vec<(u16, u64)>)> {
    let mut copy = Writer::open(to)?;
    let mut doubtful = 0;
    let mut refusals = BTreeMap::new();
    for row in Reader::open(from)? {
        let mut row = row?;
        if matches!(row.verdict, Verdict::Postponed | Verdict::Refused) {
            *refusals.entry(row.code).or_insert(0) += 1;
        }
        let text_was_sent = row.bytes > 0 && row.verdict != Verdict::Unanswered;
        if text_was_sent && doubts.iter().any(|doubt| doubt.contains(&row.at)) {
            doubtful += u64::from(row.verdict == Verdict::Accepted);
            row.verdict = Verdict::Unanswered;
        }
        copy.add(&row)?;
    }
    copy.flush()?;
    Ok((doubtful, refusals.into_iter().collect()))
}

/// Recipients accepted so far.
pub(crate) fn accepted(sending: &Sending) -> u64 {
    sending.counters().accepted.load(Ordering::Relaxed)
}

/// Waits until `more` recipients have been accepted since now.
pub(crate) fn wait_for(sending: &Sending, more: u64) -> io::Result<()> {
    let enough = accepted(sending) + more;
    wait::until("accepted mail", PATIENCE, || (accepted(sending) >= enough).then_some(()))
}

/// Waits until `ringpost` has nothing queued.
pub(crate) fn empty(ringpost: &Ringpost) -> io::Result<()> {
    wait::until("an empty queue", Duration::from_mins(2), || {
        (ringpost.queued().ok()? == 0).then_some(())
    })
}

/// Waits until exactly so many shards of `ringpost` take mail.
pub(crate) fn accepting(ringpost: &Ringpost, shards: u64) -> io::Result<()> {
    wait::until("shards that take mail, or do not", PATIENCE, || {
        (ringpost.accepting().ok()? == shards).then_some(())
    })
}

/// Verdicts, to be read by whoever must find out why they are not good.
pub(crate) fn told(verdicts: &Verdicts) -> String {
    let proof = serde_json::to_string_pretty(&verdicts.proof).unwrap_or_default();
    let Verdicts { lost, doubtful, refusals, .. } = verdicts;
    format!("{proof}\n{lost} lost; {doubtful} in doubt; refused: {refusals:?}")
}
