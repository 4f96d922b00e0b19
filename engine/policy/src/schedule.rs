//! When a deferred recipient is tried again, and when it is given up.

use crate::{part, span};
use event::Wall;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An exponential schedule.
///
/// The n-th try is followed by a pause of `first * factor^(n-1)`, at most `longest`, and up
/// to `jitter_percent` more, so that a crowd deferred together does not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// The pause after the first try, written such as `"30m"`.
    #[serde(with = "span")]
    pub first: Duration,
    /// What each pause is to the one before, in percent: 100 to 1000.
    pub factor_percent: u32,
    /// The longest pause before jitter.
    #[serde(with = "span")]
    pub longest: Duration,
    /// How much may be added to a pause, in percent of it: 0 to 100.
    pub jitter_percent: u32,
    /// How old a message may grow.
    #[serde(with = "span")]
    pub expire: Duration,
    /// How old a message grows before a sender who asked to hear of delays is told of one.
    #[serde(with = "span")]
    pub delay_notice: Duration,
}

impl Default for Schedule {
    /// 30 minutes, then twice as long each time up to 4 hours, for 3 days.
    ///
    /// [RFC 5321 §4.5.4.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.4.1) asks for at
    /// least 30 minutes, and for a give-up time of 4 to 5 days in general. Ours is shorter
    /// because bulk mail is stale by then; a sender of letters raises it. Doubling is what
    /// `KumoMTA` does; 4 hours is ours and keeps a late recipient within half a working day.
    fn default() -> Self {
        Self {
            first: Duration::from_mins(30),
            factor_percent: 200,
            longest: Duration::from_hours(4),
            jitter_percent: 20,
            expire: Duration::from_hours(72),
            delay_notice: Duration::from_hours(4),
        }
    }
}

impl Schedule {
    /// The pause after `attempt` tries (the first is 1).
    ///
    /// Jitter is only ever added: the pauses are promises to the other side.
    #[must_use]
    pub fn delay(&self, attempt: u16, random: u64) -> Duration {
        let base = self.pause(attempt);
        let jitter_max = base.saturating_mul(self.jitter_percent) / 100;
        base.saturating_add(part(jitter_max, random))
    }

    /// The same for a recipient that a host has asked to spare for this long: it is the first pause,
    /// and no pause is shorter.
    #[must_use]
    pub fn sparing(&self, pause: Duration) -> Self {
        Self { first: pause, longest: self.longest.max(pause), ..*self }
    }

    /// The longest pause there can be, jitter and all.
    #[must_use]
    pub fn longest_delay(&self) -> Duration {
        let longest = self.longest.max(self.first);
        longest.saturating_add(longest.saturating_mul(self.jitter_percent) / 100)
    }

    /// When to try again after `attempt` tries of a message accepted then, or `None` if its
    /// time is up. The last try is made when it is up, never later.
    #[must_use]
    pub fn next(&self, accepted: Wall, attempt: u16, now: Wall, random: u64) -> Option<Wall> {
        let end = self.expires(accepted);
        let due = now + self.delay(attempt, random);
        if now >= end { None } else { Some(due.min(end)) }
    }

    /// When the time of a message accepted then is up.
    #[must_use]
    pub fn expires(&self, accepted: Wall) -> Wall {
        accepted + self.expire
    }

    fn pause(&self, attempt: u16) -> Duration {
        let mut pause = self.first;
        // Ends early: a pause that does not grow, or that has reached the longest, stays.
        for _ in 1..attempt {
            let longer = pause.saturating_mul(self.factor_percent) / 100;
            if longer <= pause || pause >= self.longest {
                break;
            }
            pause = longer;
        }
        pause.min(self.longest)
    }
}

#[cfg(test)]
mod tests;
