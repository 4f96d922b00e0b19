//! How long a site that cannot be reached is left alone.

use crate::pause;
use std::time::Duration;

/// The failed dials of a site since the last one that worked.
///
/// The pauses double from [`Self::FIRST`] to [`Self::LONGEST`], and up to a fifth of each is
/// taken off at random, so that sites which went down together do not come up together.
/// They are far shorter than a message's own [`crate::Schedule`], because they cost the
/// other side one packet and hold up everything for the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u16,
}

impl Backoff {
    /// The pause after the first failed dial.
    pub const FIRST: Duration = Duration::from_secs(1);
    /// The longest pause.
    pub const LONGEST: Duration = Duration::from_mins(5);

    /// A dial failed: the pause before the next one.
    pub fn failed(&mut self, random: u64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        pause(Self::FIRST, Self::LONGEST, self.failures, random)
    }

    /// A dial worked: all is forgotten.
    pub fn worked(&mut self) {
        self.failures = 0;
    }

    /// Failed dials since the last one that worked.
    #[must_use]
    pub const fn failures(&self) -> u16 {
        self.failures
    }
}

#[cfg(test)]
mod tests;
