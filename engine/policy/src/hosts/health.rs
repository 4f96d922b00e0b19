//! Whether a host can be reached.
//!
//! Each dial is told of: [`Health::dialled`] when it begins; [`Health::answered`] when the host
//! is ready for mail, or the dial has ended; and [`Health::failed`] or [`Health::worked`] when it
//! is known what it was good for. A host is passed over, as long as there is another, while
//!
//! - it rests, because a dial failed;
//! - it has asked for other hosts to be taken;
//! - it has rested, and one dial finds out whether it is back;
//! - it has been silent for [`Health::SILENCE`] to dials that wait for it.

use crate::pause;
use event::Tick;
use std::time::Duration;

/// What the dials of a host came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Dials that failed since the last connection that was of use; those that failed while it
    /// rested already are not counted.
    failures: u16,
    /// Dials that wait for its answer.
    unanswered: u16,
    /// When it was last heard of, or the first of them began; nothing while none waits.
    heard: Tick,
    /// The end of its rest; nothing if it never failed.
    rests_until: Tick,
    /// Until when it wants others to be taken.
    skipped_until: Tick,
}

impl Health {
    /// The rest after the first failed dial. It doubles with each further one; up to a fifth is
    /// taken off at random.
    pub const FIRST: Duration = Duration::from_secs(5);
    /// The longest rest. What failed longer ago than this behind its rest is forgiven.
    pub const LONGEST: Duration = Duration::from_mins(10);
    /// A host that keeps a dial waiting for so long is slow, dead, or a trap: further dials go to
    /// another one, if there is one. Servers that delay their greeting on purpose do so for less.
    pub const SILENCE: Duration = Duration::from_secs(10);

    /// A dial begins.
    pub fn dialled(&mut self, now: Tick) {
        if self.unanswered == 0 {
            self.heard = now;
        }
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// It waits no longer: the host was ready for mail, or the dial has ended.
    pub fn answered(&mut self, now: Tick) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.heard = if self.unanswered == 0 { Tick::ZERO } else { now };
    }

    /// A dial came to nothing: the host rests from now on. Dials that began together and fail
    /// together are one failure.
    pub fn failed(&mut self, now: Tick, random: u64) {
        if self.rests_until + Self::LONGEST < now {
            self.failures = 0;
        }
        if self.rests_until <= now {
            self.failures = self.failures.saturating_add(1);
        }
        self.rests_until = now + pause(Self::FIRST, Self::LONGEST, self.failures, random);
    }

    /// A connection was of use: what failed before is forgotten.
    pub fn worked(&mut self) {
        (self.failures, self.rests_until) = (0, Tick::ZERO);
    }

    /// The host wants others of its site to be taken until then, whatever connections come about.
    pub fn skip(&mut self, until: Tick) {
        self.skipped_until = self.skipped_until.max(until);
    }

    /// Whether it has not asked for others to be taken.
    #[must_use]
    pub fn is_wanted(&self, now: Tick) -> bool {
        self.skipped_until <= now
    }

    /// Whether there is no reason to pass it over.
    #[must_use]
    pub fn is_well(&self, now: Tick) -> bool {
        let is_probed = self.failures > 0 && self.unanswered > 0;
        let is_silent = self.unanswered > 0 && self.heard + Self::SILENCE <= now;
        self.rests_until() <= now && !is_probed && !is_silent
    }

    /// Dials that wait for its answer.
    #[must_use]
    pub const fn unanswered(&self) -> u16 {
        self.unanswered
    }

    /// The end of its rest, or a moment that is past.
    #[must_use]
    pub fn rests_until(&self) -> Tick {
        self.rests_until.max(self.skipped_until)
    }
}

#[cfg(test)]
mod tests;
