//! What became of one recipient.

use std::fmt;

/// What became of one recipient. The numbers are those on disk: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// The next host has taken responsibility.
    Delivered = 1,
    /// Not now; tried again later. The only outcome that is not final.
    Deferred = 2,
    /// Refused for good; the sender is told.
    Failed = 3,
    /// Deferred until its time was up; the sender is told.
    Expired = 4,
    /// Taken out by an operator, or a bounce that nobody can be told about.
    Dropped = 5,
}

impl Outcome {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Delivered, Self::Deferred, Self::Failed, Self::Expired, Self::Dropped];

    /// Whether nothing further will happen to the recipient.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Deferred)
    }

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
        }
    }

    /// The outcome with this number on disk.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| *outcome as u8 == number)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
