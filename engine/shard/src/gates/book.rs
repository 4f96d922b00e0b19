//! The gates of all shards, for whoever keeps them over a restart.

use policy::gate::Kept;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What each shard has. It is locked for a moment, when some gate has changed and to be kept.
#[derive(Debug, Default)]
pub struct GateBook(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    edition: u64,
    by_shard: BTreeMap<usize, Vec<Kept>>,
}

impl GateBook {
    /// All gates, and a number that is another once they have changed.
    #[must_use]
    pub fn read(&self) -> (u64, Vec<Kept>) {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (pages.edition, pages.by_shard.values().flatten().cloned().collect())
    }

    /// Those of a shard have changed.
    pub(crate) fn write(&self, shard: usize, gates: Vec<Kept>) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.edition += 1;
        pages.by_shard.insert(shard, gates);
    }
}
