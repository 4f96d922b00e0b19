//! What became of a gate.

use super::tempo;
use crate::rate::Rate;
use std::time::Duration;

/// What became of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing passes.
    Shut,
    /// So many connections may be, fewer than before.
    Narrowed(u16),
    /// So many may be, more than before.
    Widened(u16),
    /// Messages go so far apart, further than before.
    Slower(Duration),
    /// They go so far apart, closer than before.
    Faster(Duration),
    /// All is as if there had been no gate.
    Opened,
}

impl Change {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shut => "shut",
            Self::Narrowed(_) | Self::Slower(_) => "narrowed",
            Self::Widened(_) | Self::Faster(_) => "widened",
            Self::Opened => "opened",
        }
    }

    /// How many connections there may be; `None`: as many as ever.
    #[must_use]
    pub const fn connections(self) -> Option<u16> {
        match self {
            Self::Shut => Some(0),
            Self::Narrowed(connections) | Self::Widened(connections) => Some(connections),
            Self::Slower(_) | Self::Faster(_) | Self::Opened => None,
        }
    }

    /// How many messages may go in a time, to the nearest; `None`: as many as ever, or none.
    #[must_use]
    pub fn message_rate(self) -> Option<Rate> {
        match self {
            Self::Slower(every) | Self::Faster(every) => Some(tempo::shown(every)),
            Self::Shut | Self::Narrowed(_) | Self::Widened(_) | Self::Opened => None,
        }
    }
}
