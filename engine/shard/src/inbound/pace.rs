//! How long we wait for a peer: less while there are many, and within a text only as long as
//! enough of it comes.
//!
//! Somebody who sends a byte a second keeps a buffer from others for as long as a text may be
//! long. So a text has to come with so many bytes a second, on average since its beginning. Only
//! the time counts in which we waited for the peer, not that in which it waited for our disk.

use event::Tick;
use std::time::Duration;

/// What a listener asks of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long a silent peer is kept while there are many, where that is less than usual.
    pub idle_crowded: Duration,
    /// Bytes a second of a text; 0 for any.
    pub rate_min: u64,
    /// How much later than that a text may come.
    pub grace: Duration,
}

/// More than this share of what there is, in percent, and it is a crowd.
pub(crate) const CROWDED_PERCENT: u64 = 80;

/// Whether so much of `most` is in use that nobody may dawdle.
pub(crate) const fn is_crowded(used: u64, most: u64) -> bool {
    used.saturating_mul(100) > most.saturating_mul(CROWDED_PERCENT)
}

impl Pace {
    /// How long a silent peer is kept now, where that is `usual` otherwise.
    pub(crate) fn idle(&self, usual: Duration, crowded: bool) -> Duration {
        if crowded { usual.min(self.idle_crowded) } else { usual }
    }
}

/// How a text has come so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    bytes: u64,
    waited: Duration,
}

impl Progress {
    /// So many bytes came after so long a wait.
    pub(crate) fn add(&mut self, bytes: usize, waited: Duration) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.waited = self.waited.saturating_add(waited);
    }

    /// When the next bytes have to be there at the latest. `None`: whenever they like.
    pub(crate) fn deadline(&self, pace: &Pace, now: Tick) -> Option<Tick> {
        let nanos = self.bytes.saturating_mul(1_000_000_000).checked_div(pace.rate_min)?;
        let earned = Duration::from_nanos(nanos).saturating_add(pace.grace);
        Some(now + earned.saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests;
