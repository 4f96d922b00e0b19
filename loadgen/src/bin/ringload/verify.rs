//! `ringload verify`.

use crate::report::Part;
use loadgen::report::Verified;
use loadgen::verify::{self, Options};
use std::error::Error;
use std::path::PathBuf;

/// What was written on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A generator's ledger (may be repeated)
    #[arg(long, required = true, value_name = "FILE")]
    sent: Vec<PathBuf>,
    /// A sink's ledger (may be repeated)
    #[arg(long, required = true, value_name = "FILE")]
    received: Vec<PathBuf>,
    /// Compare bodies only: the relay rewrites header fields
    #[arg(long)]
    body_only: bool,
    /// What was last seen deferred may still be in the relay's queue
    #[arg(long)]
    may_be_queued: bool,
    /// Duplicates that are no fault, because the relay was killed
    #[arg(long, default_value_t = 0)]
    duplicates_allowed: u64,
    /// Rows held in memory, 48 bytes each; the others are sorted on disk
    #[arg(long, default_value_t = Options::default().rows_max)]
    rows_max: usize,
    /// The folder for what is sorted on disk: up to 96 bytes a row, in files without a name
    #[arg(long, value_name = "FOLDER", default_value_os_t = std::env::temp_dir())]
    scratch: PathBuf,
    /// Write what came of it into this folder, for `ringload report`
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// Joins the ledgers. True if the proof holds.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let part = Part::begin(arguments.report.as_deref())?;
    let proof = verify::verify(&Options {
        sent: arguments.sent.clone(),
        received: arguments.received.clone(),
        body_only: arguments.body_only,
        may_be_queued: arguments.may_be_queued,
        duplicates_allowed: arguments.duplicates_allowed,
        rows_max: arguments.rows_max,
        scratch: arguments.scratch.clone(),
    })?;
    part.write_verified(|origin| Verified {
        origin,
        duplicates_allowed: arguments.duplicates_allowed,
        may_be_queued: arguments.may_be_queued,
        proof: proof.clone(),
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&proof)?);
    } else {
        println!("{proof}");
    }
    Ok(proof.holds)
}
