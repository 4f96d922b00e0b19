//! Counts by reason, where the reasons are a fixed list.

use crate::Count;
use std::sync::OnceLock;

/// The most reasons of a [`Tally`].
pub const REASONS_MAX: usize = 80;

/// How often each of a list of reasons occurred. One writer.
#[derive(Debug)]
pub struct Tally {
    reasons: OnceLock<&'static [&'static str]>,
    counts: [Count; REASONS_MAX],
}

impl Default for Tally {
    fn default() -> Self {
        Self { reasons: OnceLock::new(), counts: std::array::from_fn(|_| Count::default()) }
    }
}

impl Tally {
    /// Says what the reasons are called. The first time counts.
    ///
    /// # Panics
    /// If they are more than [`REASONS_MAX`].
    pub fn name(&self, reasons: &'static [&'static str]) {
        assert!(reasons.len() <= REASONS_MAX, "a tally has a fixed size");
        self.reasons.get_or_init(|| reasons);
    }

    /// Counts the reason at this place of the list.
    ///
    /// # Panics
    /// If there can be no such place.
    pub fn add(&self, reason: usize) {
        self.counts[reason].add(1);
    }

    /// All reasons in order, with how often each occurred; none before they have names.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let reasons = self.reasons.get().copied().unwrap_or_default();
        reasons.iter().copied().zip(self.counts.iter().map(Count::get))
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn reasons_are_counted_in_their_places() {
        let tally = Tally::default();
        tally.add(1);
        assert_eq!(tally.rows().count(), 0, "nobody has said what that is");
        tally.name(&["here", "there"]);
        tally.add(1);
        assert_eq!(tally.rows().collect::<Vec<_>>(), [("here", 0), ("there", 2)]);
    }
}
