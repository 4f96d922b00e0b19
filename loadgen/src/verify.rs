//! The join of both ledgers: did every accepted message arrive exactly once, unchanged, and did
//! the relay keep what its providers ask of it?
//!
//! Rows are sorted by message and recipient, and each such pair is judged by itself, so that
//! memory is bounded however long the ledgers are.

mod case;
mod contract;
mod proof;

pub use contract::Broken;
pub use proof::{Proof, Sample};

use crate::ledger::sort::{Sorter, key};
use crate::ledger::{Reader, Row, Verdict};
use case::Case;
use contract::Names;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What to join, and what to let pass.
#[derive(Clone, Debug)]
pub struct Options {
    /// Ledgers of generators.
    pub sent: Vec<PathBuf>,
    /// Ledgers of sinks.
    pub received: Vec<PathBuf>,
    /// Compare bodies only: for relays that rewrite the fields of a header.
    pub body_only: bool,
    /// Recipients last seen deferred may still be in the relay's queue.
    pub may_be_queued: bool,
    /// Duplicates that are no fault: a relay that was killed may repeat what it was not told.
    pub duplicates_allowed: u64,
    /// Rows held in memory; the rest is sorted in files in `scratch`.
    pub rows_max: usize,
    /// Where those files are (they have no names).
    pub scratch: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sent: Vec::new(),
            received: Vec::new(),
            body_only: false,
            may_be_queued: false,
            duplicates_allowed: 0,
            rows_max: 2_000_000,
            scratch: std::env::temp_dir(),
        }
    }
}

/// A ledger could not be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause.kind() {
            io::ErrorKind::InvalidData => write!(f, "{} is no ledger", self.path.display()),
            _ => write!(f, "{}: {}", self.path.display(), self.cause),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Joins the ledgers.
///
/// # Errors
/// If one cannot be read, or the scratch files cannot be written.
pub fn verify(options: &Options) -> Result<Proof, Unreadable> {
    let scratch = |cause| Unreadable { path: options.scratch.clone(), cause };
    let mut proof = Proof::new(options);
    let mut sorter = Sorter::new(options.rows_max, options.scratch.clone());
    let ledgers = options.sent.iter().map(|path| (path, true));
    for (path, sent) in ledgers.chain(options.received.iter().map(|path| (path, false))) {
        read(path, sent, &mut proof, &mut sorter)?;
    }
    let mut case: Option<Case> = None;
    for row in sorter.sorted().map_err(scratch)? {
        let row = row.map_err(scratch)?;
        let (id, recipient, _) = key(&row);
        match case.as_mut().filter(|case| case.is_about(id, recipient)) {
            Some(case) => case.add(&row),
            None => {
                if let Some(done) = case.replace(Case::of(&row)) {
                    proof.judge(&done, options);
                }
            }
        }
    }
    if let Some(done) = case {
        proof.judge(&done, options);
    }
    Ok(proof.conclude())
}

/// Puts the rows of one ledger to the others. Strangers and reports are only counted: they are
/// about no message that was offered.
fn read(path: &Path, sent: bool, proof: &mut Proof, sorter: &mut Sorter) -> Result<(), Unreadable> {
    let unreadable = |cause| Unreadable { path: path.to_owned(), cause };
    let mut closed = false;
    let mut names = Names::default();
    for row in Reader::open(path).map_err(unreadable)? {
        let row: Row = row.map_err(unreadable)?;
        closed = row.verdict == Verdict::End;
        match row.verdict {
            Verdict::End => (),
            Verdict::Provider => names.learn(&row),
            Verdict::Broken => proof.breaches.add(&row, &names),
            Verdict::Stranger => proof.strangers += 1,
            Verdict::Reported => proof.reported += 1,
            _ => sorter.push(row).map_err(unreadable)?,
        }
    }
    proof.generator_was_cut |= sent && !closed;
    Ok(())
}

#[cfg(test)]
mod tests;
