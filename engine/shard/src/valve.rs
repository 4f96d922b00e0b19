//! Something that is nearly used up lets nothing new in until enough of it is free again.

use std::cell::Cell;

/// Shuts at one mark and opens at a lower one: what hovers at a single mark would have every
/// other message refused.
#[derive(Debug)]
pub(crate) struct Valve {
    high: u64,
    low: u64,
    shut: Cell<bool>,
}

impl Valve {
    /// One that shuts when `high` is used, and opens when no more than `low` is.
    pub(crate) fn new(high: u64, low: u64) -> Self {
        Self { high, low: low.min(high.saturating_sub(1)), shut: Cell::new(false) }
    }

    /// Whether more may come in while so much is used.
    pub(crate) fn is_open(&self, used: u64) -> bool {
        let mark = if self.shut.get() { self.low + 1 } else { self.high };
        self.shut.set(used >= mark);
        !self.shut.get()
    }
}

#[cfg(test)]
mod tests {
    use super::Valve;

    #[test]
    fn it_shuts_at_one_mark_and_opens_at_a_lower_one() {
        let valve = Valve::new(100, 80);
        let marks = [(0, true), (99, true), (100, false), (99, false), (81, false), (80, true)];
        for (used, open) in marks.into_iter().chain([(99, true), (1_000, false), (0, true)]) {
            assert_eq!(valve.is_open(used), open, "{used}");
        }
    }

    #[test]
    fn without_room_between_the_marks_it_still_opens() {
        let valve = Valve::new(1, 5);
        assert!(valve.is_open(0) && !valve.is_open(1) && valve.is_open(0));
        assert!(!Valve::new(0, 0).is_open(0), "of nothing, nothing is free");
    }
}
