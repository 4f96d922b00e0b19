//! The task that gives segments back, and decides when the few messages that keep the oldest
//! ones are carried forward.

use super::log::Log;
use kernel::Kernel;
use spool::{BLOCK_MAX, Catalog, SEGMENT_MIN};
use std::time::Duration;

/// Segments a log may have beyond its share: one is being written, one emptied.
const SEGMENTS_SPARE: u64 = 2;
/// While a byte is carried forward under full load, so many are written, itself included.
const CARRY_SHARE: u64 = 4;
/// A message carried forward takes up at most so much more than its text and envelope: the
/// headers of two records, what aligns them, and its share of a block's. Were this less than
/// the truth, a log of small messages that all live would be copied for ever.
const FRAME: u64 = 128;
/// Bytes at the end of a segment that may stay unused: it ends where the longest block would
/// not fit, with an index behind it.
const END: u64 = (BLOCK_MAX + BLOCK_MAX / 2) as u64;
const _: () = assert!(END < SEGMENT_MIN as u64, "a segment is of use");
/// How long we wait after a failure.
const PATIENCE: Duration = Duration::from_secs(1);

/// Something could not be read or written; it is tried again later.
pub(super) struct Later;

impl<K: Kernel> Log<K> {
    /// Gives back what is free and makes free what nearly is, until the log is closed.
    pub(super) async fn reclaim(&self) {
        while !self.ended.get() {
            let seen = self.space.rings();
            let went_on = if self.may_give_back() {
                self.give_back_head().await
            } else if self.should_carry() {
                self.carry_forward().await
            } else {
                self.space.after(seen).await;
                continue;
            };
            if went_on.is_err() {
                self.kernel.sleep_until(self.kernel.now() + PATIENCE).await;
            }
        }
    }

    /// Whether nothing needs the oldest segment, and what made it free is durable: a crash
    /// must find the segment, or what became of the messages in it.
    pub(super) fn may_give_back(&self) -> bool {
        let catalog = self.catalog.borrow();
        if !(self.head_is_done() && catalog.head_is_free()) {
            return false;
        }
        let writer = self.writer.borrow();
        let freed = match self.freed.get() {
            Some((head, block)) if head == catalog.head() => block,
            _ => writer.staged(),
        };
        self.freed.set(Some((catalog.head(), freed)));
        writer.durable() >= freed
    }

    async fn give_back_head(&self) -> Result<(), Later> {
        let segment = self.catalog.borrow_mut().release_head();
        self.voids.borrow_mut().retain(|(void, _)| *void != segment);
        self.reader.forget(segment);
        self.give_back(segment).await.map_err(|_| Later)
    }

    /// Whether copies of what lives in the oldest segments will free more than they cost.
    pub(super) fn should_carry(&self) -> bool {
        let catalog = self.catalog.borrow();
        // A head that is free waits for the disk only: see `may_give_back`.
        let waits = catalog.head_is_pinned() || catalog.head_is_free();
        let possible = self.head_is_done() && !waits;
        possible && self.surplus(&catalog) > 0
    }

    /// How many of the oldest segments are too many: what is written, and what will be until
    /// the head is empty and given back, shall not go beyond a quarter more than what lives, and
    /// [`SEGMENTS_SPARE`]. A full disk settles for less.
    pub(super) fn surplus(&self, catalog: &Catalog) -> u64 {
        let (segment, used) = (self.options.segment_bytes, catalog.segments());
        if self.pool.is_full() {
            return u64::from(catalog.live_bytes() < used as u64 * segment / 10 * 9);
        }
        let live = catalog.live_bytes() + catalog.len() as u64 * FRAME;
        let due = live.div_ceil(4) * 5 * segment / (segment - END) + SEGMENTS_SPARE * segment;
        let soon = self.written(catalog) + CARRY_SHARE * catalog.head_live_bytes() + segment / 32;
        soon.saturating_sub(due).div_ceil(segment)
    }
}
