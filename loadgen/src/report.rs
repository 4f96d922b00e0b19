//! The report: what generator, simulator and verify found in one run, as one document.
//!
//! Each of them writes its part into the run's folder (`send.json`, `sink.json`, `verify.json`,
//! and the histograms as `*.hgrm`); [`Folder::document`] merges what is there, and
//! [`html::page`] shows it. Every part may be missing.

mod distribution;
pub mod html;
mod model;
mod origin;
mod record;

pub use distribution::{Distribution, Interval, hgrm};
pub use model::{
    Document, FORMAT, Limit, NamedDistribution, Received, Sent, Taken, Used, Verified,
};
pub use origin::{Machine, Origin};
pub use record::{Counted, Gone, ProviderPoint, Providers, Relay, Usage, UsagePoint, counted};

use crate::send::{Phase, Report};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, made if need be.
    ///
    /// # Errors
    /// What the file system says, with the path.
    pub fn create(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path).map_err(|error| named(path, &error))?;
        Ok(Self(path.to_owned()))
    }

    /// The folder at `path`, which must be there.
    ///
    /// # Errors
    /// `NotADirectory` if it is not.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Ok(Self(path.to_owned()));
        }
        let cause = format!(
            "{}: no folder; give one that `--report` of send, sink or verify wrote",
            path.display()
        );
        Err(io::Error::new(io::ErrorKind::NotADirectory, cause))
    }

    /// Writes the generator's part, and a `.hgrm` file of each histogram.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_sent(&self, sent: &Sent, report: &Report) -> io::Result<()> {
        let measured = &report.measured;
        for phase in Phase::ALL {
            self.write_hgrm(phase.name(), measured.phases.of(phase))?;
        }
        self.write_hgrm("transaction", &measured.transaction)?;
        self.write_hgrm("corrected", &measured.corrected)?;
        self.write_hgrm("own_lateness", &measured.own_lateness)?;
        self.write("send.json", sent)
    }

    /// Writes the simulator's part.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_received(&self, received: &Received) -> io::Result<()> {
        self.write("sink.json", received)
    }

    /// Writes what verify found.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_verified(&self, verified: &Verified) -> io::Result<()> {
        self.write("verify.json", verified)
    }

    /// All parts that are there.
    ///
    /// # Errors
    /// What the file system says; `InvalidData` for a part that is none; `NotFound` if there is
    /// no part at all.
    pub fn document(&self) -> io::Result<Document> {
        let document = Document {
            format: FORMAT,
            send: self.read("send.json")?,
            sink: self.read("sink.json")?,
            verify: self.read("verify.json")?,
        };
        if document == Document::default() {
            let cause = format!(
                "{}: neither send.json, sink.json nor verify.json is there; run send, sink or \
                 verify with --report and this folder",
                self.0.display()
            );
            return Err(io::Error::new(io::ErrorKind::NotFound, cause));
        }
        Ok(document)
    }

    /// Writes `report.json` and `report.html`, and returns their paths.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_report(&self, document: &Document) -> io::Result<[PathBuf; 2]> {
        self.write("report.json", document)?;
        let page = self.0.join("report.html");
        fs::write(&page, html::page(document)).map_err(|error| named(&page, &error))?;
        Ok([self.0.join("report.json"), page])
    }

    fn write_hgrm(&self, name: &str, latency: &crate::latency::Latency) -> io::Result<()> {
        if latency.is_empty() {
            return Ok(());
        }
        let path = self.0.join(format!("{name}.hgrm"));
        fs::write(&path, hgrm(latency)).map_err(|error| named(&path, &error))
    }

    fn write(&self, name: &str, part: &impl Serialize) -> io::Result<()> {
        let path = self.0.join(name);
        let text = serde_json::to_string_pretty(part)? + "\n";
        fs::write(&path, text).map_err(|error| named(&path, &error))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let path = self.0.join(name);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }
}

/// The document at `path`: a run's folder, or a `report.json`.
///
/// # Errors
/// What the file system says; `InvalidData` for what is no report, or one of another format.
pub fn read_document(path: &Path) -> io::Result<Document> {
    let document: Document =
        if path.is_dir() { Folder::open(path)?.document()? } else { read(path)? };
    if document.format == FORMAT {
        return Ok(document);
    }
    let cause = format!(
        "{}: a report of format {}, and this ringload reads {FORMAT}: write it again from its \
         folder with `ringload report`",
        path.display(),
        document.format
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, cause))
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let text = fs::read_to_string(path).map_err(|error| named(path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        let cause = format!("{}: no report of ringload: {error}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, cause)
    })
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The JSON Schema of [`Document`].
///
/// # Panics
/// Never: the schema is made of strings and numbers.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Document);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}
