//! What a reply asks of a key.

use crate::replies::Action;
use std::time::Duration;

/// What is asked of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing for this long, then as before.
    Suspend(Duration),
    /// Nothing for this long, then one connection, and one more at a time.
    OneThenMore(Duration),
    /// Half of it, for this long at least.
    BackOff(Duration),
    /// One connection fewer than there were; nothing for this long if it was the only one.
    OneFewer(Duration),
    /// Fewer messages in a time; nothing for this long at most where none is taken at all.
    SlowDown(Duration),
}

impl Ask {
    /// What an action asks of keys that gates stand in the way of.
    #[must_use]
    pub const fn of(action: Action) -> Option<Self> {
        match action {
            Action::Suspend(pause) | Action::PullSource(pause) => Some(Self::Suspend(pause)),
            Action::OneThenMore(pause) => Some(Self::OneThenMore(pause)),
            Action::BackOff(pause) => Some(Self::BackOff(pause)),
            Action::OneFewer(pause) => Some(Self::OneFewer(pause)),
            Action::SlowDown(pause) => Some(Self::SlowDown(pause)),
            _ => None,
        }
    }

    /// The same of a key of which it is not counted what comes in a time, nor how many connections it
    /// has.
    #[must_use]
    pub const fn coarse(self) -> Self {
        match self {
            Self::OneFewer(pause) | Self::SlowDown(pause) => Self::BackOff(pause),
            other => other,
        }
    }

    pub(super) const fn pause(self) -> Duration {
        match self {
            Self::Suspend(pause)
            | Self::OneThenMore(pause)
            | Self::BackOff(pause)
            | Self::OneFewer(pause)
            | Self::SlowDown(pause) => pause,
        }
    }
}
