//! When a deferred recipient is tried again, and when it is given up.

mod all;

pub use all::{Own, Schedules};

use crate::part;
use event::Wall;
use std::sync::Arc;
use std::time::Duration;

/// The most pauses of a list.
pub const WAITS_MAX: usize = 64;

/// How long each try is followed by a pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waits {
    /// The n-th is `first * factor^(n-1)`, at most `longest`.
    Growing {
        /// The pause after the first try.
        first: Duration,
        /// What each pause is to the one before, in percent: 100 to 1000.
        factor_percent: u32,
        /// The longest pause before jitter.
        longest: Duration,
    },
    /// These, one after the other, and the last one again and again: one at least, [`WAITS_MAX`] at
    /// most.
    Listed(Arc<[Duration]>),
}

/// A schedule.
///
/// To each pause up to `jitter_percent` is added, so that a crowd deferred together does not come back
/// together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The pauses.
    pub waits: Waits,
    /// How much may be added to a pause, in percent of it: 0 to 100.
    pub jitter_percent: u32,
    /// How old a message may grow.
    pub expire: Duration,
    /// How old a message grows before a sender who asked to hear of delays is told of one.
    pub delay_notice: Duration,
}

impl Default for Waits {
    /// 30 minutes, then twice as long each time up to 4 hours.
    ///
    /// [RFC 5321 §4.5.4.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.4.1) asks for at
    /// least 30 minutes. Doubling is what `KumoMTA` does; 4 hours is ours and keeps a late recipient
    /// within half a working day.
    fn default() -> Self {
        Self::Growing {
            first: Duration::from_mins(30),
            factor_percent: 200,
            longest: Duration::from_hours(4),
        }
    }
}

impl Default for Schedule {
    /// For 3 days.
    ///
    /// [RFC 5321 §4.5.4.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.4.1) asks for a give-up
    /// time of 4 to 5 days in general. Ours is shorter because bulk mail is stale by then; a sender of
    /// letters raises it.
    fn default() -> Self {
        Self {
            waits: Waits::default(),
            jitter_percent: 20,
            expire: Duration::from_hours(72),
            delay_notice: Duration::from_hours(4),
        }
    }
}

impl Waits {
    /// The pause after `attempt` tries (the first is 1) of a recipient that a host has asked to
    /// spare for so long, if one has: no pause is shorter, and one that grows, grows from there.
    fn pause(&self, attempt: u16, spared: Option<Duration>) -> Duration {
        match self {
            Self::Growing { first, factor_percent, longest } => {
                let longest = spared.map_or(*longest, |spared| spared.max(*longest));
                grown(spared.unwrap_or(*first), *factor_percent, longest, attempt)
            }
            Self::Listed(all) => {
                let at = usize::from(attempt.saturating_sub(1));
                let pause = all.get(at).or(all.last()).copied().unwrap_or_default();
                pause.max(spared.unwrap_or_default())
            }
        }
    }

    /// The longest of them.
    fn longest(&self) -> Duration {
        match self {
            Self::Growing { first, longest, .. } => *longest.max(first),
            Self::Listed(all) => all.iter().max().copied().unwrap_or_default(),
        }
    }
}

impl Schedule {
    /// The pause after `attempt` tries (the first is 1), as in [`Self::next`].
    ///
    /// Jitter is only ever added: the pauses are promises to the other side.
    #[must_use]
    pub fn delay(&self, attempt: u16, spared: Option<Duration>, random: u64) -> Duration {
        let base = self.waits.pause(attempt, spared);
        base.saturating_add(part(self.jitter_max(base), random))
    }

    /// The longest pause there can be, jitter and all, where no host asks for more.
    #[must_use]
    pub fn longest_delay(&self) -> Duration {
        let longest = self.waits.longest();
        longest.saturating_add(self.jitter_max(longest))
    }

    /// When to try again after `attempt` tries of a message accepted then, or `None` if its
    /// time is up. The last try is made when it is up, never later. A recipient that a host has asked to
    /// spare for so long waits at least that.
    #[must_use]
    pub fn next(
        &self,
        (accepted, now): (Wall, Wall),
        attempt: u16,
        spared: Option<Duration>,
        random: u64,
    ) -> Option<Wall> {
        let end = self.expires(accepted);
        let due = now + self.delay(attempt, spared, random);
        if now >= end { None } else { Some(due.min(end)) }
    }

    /// When the time of a message accepted then is up.
    #[must_use]
    pub fn expires(&self, accepted: Wall) -> Wall {
        accepted + self.expire
    }

    fn jitter_max(&self, pause: Duration) -> Duration {
        pause.saturating_mul(self.jitter_percent) / 100
    }
}

fn grown(first: Duration, factor_percent: u32, longest: Duration, attempt: u16) -> Duration {
    let mut pause = first;
    // Ends early: a pause that does not grow, or that has reached the longest, stays.
    for _ in 1..attempt {
        let longer = pause.saturating_mul(factor_percent) / 100;
        if longer <= pause || pause >= longest {
            break;
        }
        pause = longer;
    }
    pause.min(longest)
}

#[cfg(test)]
mod tests;
