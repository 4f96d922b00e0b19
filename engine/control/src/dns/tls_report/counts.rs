//! What became of reports.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of reports, and what they do not tell.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    reports: [AtomicU64; Outcome::NAMES.len()],
    /// Sessions that shards had no room for, and those that the day had none for.
    lost: [AtomicU64; 2],
}

/// What became of the report to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Somebody has it.
    Sent,
    /// It is tried again later.
    Deferred,
    /// It was tried for a day.
    GivenUp,
    /// The domain asks for none.
    Unwanted,
}

impl Outcome {
    const NAMES: [&str; 4] = ["sent", "deferred", "given_up", "unwanted"];
}

impl Counts {
    pub(super) fn add(&self, outcome: Outcome, count: usize) {
        self.reports[outcome as usize].fetch_add(count as u64, Ordering::Relaxed);
    }

    /// So many sessions more had no room in the day, and so many in all none with the shards.
    pub(super) fn lose(&self, more: u64, all: u64) {
        self.lost[1].fetch_add(more, Ordering::Relaxed);
        self.lost[0].store(all, Ordering::Relaxed);
    }

    /// Each outcome with how often it came about.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Outcome::NAMES.into_iter().zip(self.reports.iter().map(|one| one.load(Ordering::Relaxed)))
    }

    /// Sessions that no report tells of.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.iter().map(|one| one.load(Ordering::Relaxed)).sum()
    }
}
