//! One run of the generator against a sink, and the proof.

use loadgen::ledger::{Reader, Row};
use loadgen::send::{self, Options, Report};
use loadgen::sink::{self, Provider};
use loadgen::verify::{self, Proof};
use std::fs;
use std::path::PathBuf;
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
    /// Bodies that were not what their header said.
    pub(crate) corrupt: u64,
}

/// Sends straight to a sink that behaves as `spec` says.
pub(crate) fn run(name: &str, spec: &str, adjust: impl FnOnce(&mut Options)) -> Run {
    let scratch = Scratch::new(name);
    let (sent, received) = (scratch.file("sent"), scratch.file("received"));
    let sink = sink::start(sink::Options {
        providers: vec![Provider::read_line(&format!("listen=127.0.0.1:0{spec}")).unwrap()],
        seed: 3,
        ledger: Some(received.clone()),
        threads: 1,
    })
    .unwrap();
    let mut options = Options {
        messages: 200,
        sessions: 4,
        ledger: Some(sent.clone()),
        retry_after: Duration::from_millis(5),
        ..Options::new(sink.providers()[0].addresses[0])
    };
    adjust(&mut options);
    let report = send::start(options).unwrap().join().unwrap();
    let corrupt = sink.providers()[0].counters.corrupt.load(Relaxed);
    sink.stop();
    sink.join().unwrap();
    let rows = Reader::open(&received).unwrap().map(Result::unwrap).collect();
    let options = verify::Options {
        sent: vec![sent],
        received: vec![received],
        ..verify::Options::default()
    };
    let proof = verify::verify(&options).unwrap();
    Run { report, proof, received: rows, corrupt }
}
