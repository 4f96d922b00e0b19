//! What was seen of worlds.

use std::time::Duration;

/// What a world has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) trace: u64,
    pub(crate) acknowledged: u64,
    pub(crate) taken: u64,
    pub(crate) refused: u64,
    pub(crate) deferred: u64,
    pub(crate) bounces: u64,
    pub(crate) repeated: u64,
    pub(crate) crashes: u64,
    /// The most connections that shards had of sites that are at home on others.
    pub(crate) lent: u64,
    /// The longest time that no mail was accepted for after a planned fault.
    pub(crate) closed: Duration,
}

impl Summary {
    /// Counts another world in.
    pub(crate) fn add(&mut self, other: &Self) {
        self.trace ^= other.trace;
        self.acknowledged += other.acknowledged;
        self.taken += other.taken;
        self.refused += other.refused;
        self.deferred += other.deferred;
        self.bounces += other.bounces;
        self.repeated += other.repeated;
        self.crashes += other.crashes;
        self.lent += other.lent;
        self.closed = self.closed.max(other.closed);
    }
}
