//! `ringload report`, and the parts that `send`, `sink` and `verify` leave in a run's folder.

use loadgen::clock::{self, Nanos};
use loadgen::report::{self, Folder, Origin, Providers, Received, Relay, Sent, Usage};
use loadgen::send::Report;
use loadgen::sink::Simulated;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What was written on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The run's folder, as given to send, sink and verify with --report
    #[arg(required_unless_present = "schema")]
    folder: Option<PathBuf>,
    /// Print the JSON Schema of report.json, and do nothing else
    #[arg(long)]
    schema: bool,
}

/// Merges the parts in the folder.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    if arguments.schema {
        print!("{}", report::schema());
    }
    if let Some(folder) = &arguments.folder {
        let folder = Folder::open(folder)?;
        for path in folder.write_report(&folder.document()?)? {
            println!("  {}", path.display());
        }
    }
    Ok(true)
}

/// Where a part of a report goes, if it was asked for.
#[derive(Debug)]
pub(crate) struct Part {
    folder: Option<Folder>,
    started: Nanos,
}

impl Part {
    /// Makes the folder before the run, so that a bad path is known then.
    pub(crate) fn begin(folder: Option<&Path>) -> io::Result<Self> {
        let folder = folder.map(Folder::create).transpose()?;
        Ok(Self { folder, started: clock::now() })
    }

    fn since_start(&self) -> Nanos {
        clock::now().saturating_sub(self.started)
    }

    pub(crate) fn look_at_relay(&self, relay: &mut Relay) -> Result<(), report::Gone> {
        relay.look(self.since_start(), Usage::of)
    }

    /// What the relay has used when the last answer is there.
    pub(crate) fn last_look_at_relay(&self, relay: &mut Relay) -> Result<(), report::Gone> {
        relay.look_now(self.since_start(), Usage::of)
    }

    pub(crate) fn write_sent(&self, relay: &Relay, report: &Report) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let sent = Sent::new(report, relay, Origin::here(self.started));
        folder.write_sent(&sent, report)
    }

    pub(crate) fn look_at_providers(&self, watched: &mut Providers, providers: &[Arc<Simulated>]) {
        watched.look(self.since_start(), || report::counted(providers));
    }

    pub(crate) fn write_received(
        &self,
        mut watched: Providers,
        providers: &[Arc<Simulated>],
        cpu: Duration,
    ) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        watched.look_now(self.since_start(), report::counted(providers));
        let received = Received::new(providers, &watched, cpu, Origin::here(self.started));
        folder.write_received(&received)
    }

    pub(crate) fn write_verified(
        &self,
        verified: impl FnOnce(Origin) -> report::Verified,
    ) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        folder.write_verified(&verified(Origin::here(self.started)))
    }
}
