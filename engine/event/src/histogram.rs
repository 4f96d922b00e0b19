//! How long something took, in fixed buckets.

use crate::Count;
use std::time::Duration;

/// Durations sorted into buckets. One writer; costs two adds.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Count; Self::BOUNDS.len() + 1],
    micros: Count,
}

/// What a [`Histogram`] held when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How many fell into each bucket: one per bound, and the last for all above.
    pub buckets: [u64; Histogram::BOUNDS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

impl Histogram {
    /// The upper bound of each bucket but the last, inclusive. They reach from a fast disk's
    /// commit to the 5 and 30 seconds at which the spool loses patience.
    pub const BOUNDS: [Duration; 16] = [
        Duration::from_micros(50),
        Duration::from_micros(100),
        Duration::from_micros(200),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_millis(2),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(20),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(200),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(5),
        Duration::from_secs(30),
    ];

    /// Counts one that took `span`.
    pub fn record(&self, span: Duration) {
        self.buckets[Self::BOUNDS.partition_point(|bound| *bound < span)].add(1);
        self.micros.add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
    }

    /// What it holds now.
    #[must_use]
    pub fn read(&self) -> Reading {
        Reading {
            buckets: std::array::from_fn(|bucket| self.buckets[bucket].get()),
            sum: Duration::from_micros(self.micros.get()),
        }
    }
}

impl Reading {
    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bound that `share` (0 to 1) of them did not exceed; the last bound if some did
    /// that; zero if there are none.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rank need not be exact past 2^52"
    )]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut below = 0;
        for (bound, count) in Histogram::BOUNDS.iter().zip(self.buckets) {
            below += count;
            if below >= rank {
                return *bound;
            }
        }
        if self.count() == 0 {
            Duration::ZERO
        } else {
            Histogram::BOUNDS[Histogram::BOUNDS.len() - 1]
        }
    }
}

#[cfg(test)]
mod tests;
