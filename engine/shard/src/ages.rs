//! How old the oldest open recipient is, at the same cost whatever is queued.

use event::Wall;
use std::collections::BTreeMap;

/// Moments nearer to each other than this are not told apart, so that five days of mail are
/// some forty thousand entries at most.
const STEP_MS: u64 = 10_000;

/// Open recipients, counted by when their message was accepted.
#[derive(Debug, Default)]
pub(crate) struct Ages(BTreeMap<u64, u64>);

impl Ages {
    /// So many recipients of a message accepted then are open.
    pub(crate) fn opened(&mut self, accepted: Wall, recipients: u64) {
        if recipients > 0 {
            *self.0.entry(accepted.0 / STEP_MS).or_default() += recipients;
        }
    }

    /// So many of them are through.
    pub(crate) fn closed(&mut self, accepted: Wall, recipients: u64) {
        if recipients == 0 {
            return;
        }
        let step = accepted.0 / STEP_MS;
        let open = self.0.get_mut(&step).map(|open| {
            *open = open.saturating_sub(recipients);
            *open
        });
        debug_assert!(open.is_some(), "who is through was open");
        if open == Some(0) {
            self.0.remove(&step);
        }
    }

    /// When the oldest was accepted, or up to ten seconds before.
    pub(crate) fn oldest(&self) -> Option<Wall> {
        self.0.first_key_value().map(|(step, _)| Wall(step * STEP_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::Ages;
    use event::Wall;

    #[test]
    fn the_oldest_open_recipient_counts_in_whatever_order_they_end() {
        let mut ages = Ages::default();
        assert_eq!(ages.oldest(), None);
        ages.opened(Wall(65_000), 2);
        ages.opened(Wall(31_000), 1);
        ages.opened(Wall(39_000), 1);
        ages.opened(Wall(90_000), 0);
        assert_eq!(ages.oldest(), Some(Wall(30_000)));
        ages.closed(Wall(31_000), 1);
        ages.closed(Wall(65_000), 1);
        assert_eq!(ages.oldest(), Some(Wall(30_000)), "one of that time is open still");
        ages.closed(Wall(39_000), 1);
        assert_eq!(ages.oldest(), Some(Wall(60_000)));
        ages.closed(Wall(65_000), 1);
        assert_eq!(ages.oldest(), None);
    }
}
