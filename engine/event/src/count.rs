//! Numbers one thread writes and any thread reads, without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A number with one writer. Adding is a load and a store, no locked instruction: two
/// writers would lose counts.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.set(self.get().wrapping_add(n));
    }

    /// Takes `n` away. A gauge does not fall under zero: that would be a bug of ours.
    pub fn sub(&self, n: u64) {
        debug_assert!(self.get() >= n, "a gauge fell under zero");
        self.set(self.get().saturating_sub(n));
    }

    /// Puts `n` in its place.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number with any number of writers.
#[derive(Debug, Default)]
pub struct SharedCount(AtomicU64);

impl SharedCount {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Takes `n` away.
    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Relaxed);
    }

    /// The number now. Where writers raced so that it is below zero for a moment, zero.
    #[must_use]
    pub fn get(&self) -> u64 {
        u64::try_from(self.0.load(Relaxed).cast_signed()).unwrap_or(0)
    }
}

/// A yes or no.
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// Says yes or no.
    pub fn set(&self, yes: bool) {
        self.0.store(yes, Relaxed);
    }

    /// Whether it says yes.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Relaxed)
    }
}
