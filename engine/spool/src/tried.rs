//! How often recipients were tried, as it is counted on disk.

/// Set in the number once a recipient was late: its sender was told, if it had asked for that.
const LATE: u16 = 1 << 15;

/// How often recipients were tried, and whether that went on for long.
///
/// More of it is a larger number, so of two that are on disk the larger one is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tried(u16);

impl Tried {
    /// What the number on disk means.
    #[must_use]
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// The number on disk.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Attempts made.
    #[must_use]
    pub const fn count(self) -> u16 {
        self.0 & !LATE
    }

    /// Whether it was late at one of them.
    #[must_use]
    pub const fn is_late(self) -> bool {
        self.0 & LATE != 0
    }

    /// One more attempt; `late` if it is late by now, which it then stays.
    #[must_use]
    pub const fn again(self, late: bool) -> Self {
        let count = self.count() + (self.count() < LATE - 1) as u16;
        Self(count | self.0 & LATE | if late { LATE } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::{LATE, Tried};

    #[test]
    fn a_count_grows_and_lateness_stays() {
        let first = Tried::default().again(false);
        let late = first.again(true);
        assert_eq!((first.count(), first.is_late()), (1, false));
        assert_eq!((late.count(), late.is_late()), (2, true));
        assert_eq!((late.again(false).count(), late.again(false).is_late()), (3, true));
        assert_eq!(Tried::from_number(late.number()), late);
        assert!(late > Tried::from_number(LATE - 1), "what is late was tried last");
    }

    #[test]
    fn a_count_ends_where_there_is_no_room() {
        let most = Tried::from_number(LATE - 1).again(false);
        assert_eq!((most.count(), most.is_late()), (LATE - 1, false));
        assert_eq!(most.again(true).again(true).count(), LATE - 1);
    }
}
