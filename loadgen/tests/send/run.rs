//! One run of the generator against a sink, and the proof.

use loadgen::ledger::{Reader, Row};
use loadgen::send::{self, Options, Report};
use loadgen::sink::{self, Provider, Simulated, Sink};
use loadgen::verify::{self, Proof};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// Folders so far.
static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder of its own, gone at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let (process, number) = (std::process::id(), FOLDERS.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(format!("ringload-send-{name}-{process}-{number}"));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// What came of sending to a sink.
pub(crate) struct Run {
    pub(crate) report: Report,
    pub(crate) proof: Proof,
    /// The sink's ledger.
    pub(crate) received: Vec<Row>,
    pub(crate) provider: Arc<Simulated>,
}

/// Sends straight to a sink that behaves as `spec` says.
pub(crate) fn run(name: &str, spec: &str, adjust: impl FnOnce(&mut Options)) -> Run {
    let scratch = Scratch::new(name);
    let (sent, received) = (scratch.file("sent"), scratch.file("received"));
    let sink = sink_of(spec, Some(received.clone()));
    let provider = Arc::clone(&sink.providers()[0]);
    let mut options = Options {
        messages: 200,
        sessions: 4,
        ledger: Some(sent.clone()),
        retry_after: Duration::from_millis(5),
        ..Options::new(provider.addresses[0])
    };
    adjust(&mut options);
    let report = send::start(options).unwrap().join().unwrap();
    sink.stop();
    sink.join().unwrap();
    let rows = Reader::open(&received).unwrap().map(Result::unwrap).collect();
    Run { report, proof: prove(sent, received), received: rows, provider }
}

/// A sink of one provider that behaves as `spec` says.
pub(crate) fn sink_of(spec: &str, ledger: Option<PathBuf>) -> Sink {
    let provider = Provider::read_line(&format!("listen=127.0.0.1:0{spec}")).unwrap();
    sink::start(sink::Options { providers: vec![provider], seed: 3, ledger, threads: 1 }).unwrap()
}

/// What the ledgers of both sides say together.
pub(crate) fn prove(sent: PathBuf, received: PathBuf) -> Proof {
    let (sent, received) = (vec![sent], vec![received]);
    verify::verify(&verify::Options { sent, received, ..verify::Options::default() }).unwrap()
}
