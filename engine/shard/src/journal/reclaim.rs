//! The task that gives segments back, and carries forward the few messages that keep the
//! oldest one.

use super::error::ReadError;
use super::fate::Fate;
use super::log::Log;
use event::MessageId;
use kernel::{Buffer, Kernel};
use spool::{
    BLOCK_MAX, Catalog, Envelope, PART_MAX, Place, SEGMENT_MIN, Staged, Standing, Text, Writer,
};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// Segments a log may have beyond its share: one is being written, one emptied.
const SEGMENTS_SPARE: u64 = 2;
/// A message carried forward takes up at most so much more than its text and envelope: the
/// headers of two records, what aligns them, and its share of a block's. Were this less than
/// the truth, a log of small messages that all live would be copied for ever.
const FRAME: u64 = 128;
/// Bytes at the end of a segment that may stay unused: it ends where the longest block would
/// not fit, with an index behind it.
const END: u64 = (BLOCK_MAX + BLOCK_MAX / 2) as u64;
const _: () = assert!(END < SEGMENT_MIN as u64, "a segment is of use");
/// Messages carried forward in one go.
const GROUP_MAX: usize = 256;
/// Bytes after which a go ends.
const GROUP_BYTES: usize = PART_MAX;
/// How long we wait after a failure.
const PATIENCE: Duration = Duration::from_secs(1);

/// A copy in the open batch.
struct Copied {
    id: MessageId,
    staged: Staged,
    fate: Fate,
}

/// Something could not be read or written; it is tried again later.
struct Later;

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

    /// By how many segments the log takes up more than a quarter beyond what lives in it. A
    /// full disk settles for less.
    fn surplus(&self, catalog: &Catalog) -> u64 {
        let (segment, used) = (self.options.segment_bytes, catalog.segments() as u64);
        if self.pool.is_full() {
            return u64::from(catalog.live_bytes() < used * segment / 10 * 9);
        }
        let live = catalog.live_bytes() + catalog.len() as u64 * FRAME;
        let due = (live / 4 * 5).div_ceil(segment - END) + SEGMENTS_SPARE;
        used.saturating_sub(due)
    }

    /// Messages to be carried next. From all the segments that are too many, and not from the
    /// head alone: where one holds a few of them, each would have to wait for a commit.
    fn group(&self) -> Vec<MessageId> {
        let catalog = self.catalog.borrow();
        let end = (catalog.head() + self.surplus(&catalog)).min(self.durable_segment.get());
        let mut bytes = 0;
        let group = catalog.iter().take_while(|live| {
            let more = bytes < GROUP_BYTES && live.home < end;
            bytes += live.spot.bytes() as usize;
            more
        });
        group.take(GROUP_MAX).map(|live| live.id).collect()
    }

    /// Has the kernel fetch a group at once: what was written past the page cache is not in
    /// it, and one after another each would wait for the disk. Errors show when it is read.
    async fn fetch(&self, group: &[MessageId]) {
        let (mut reads, mut bytes, mut opened) = (Vec::new(), 0, None);
        for place in self.wanted(group) {
            bytes += place.len as usize;
            if bytes > 2 * GROUP_BYTES {
                break;
            }
            let read = async move { self.reader.read_unchecked(&place).await.is_ok() };
            if opened.replace(place.segment) == Some(place.segment) {
                reads.push(Box::pin(read));
            } else {
                // It opens the file for the others.
                read.await;
            }
        }
        poll_fn(|context| {
            reads.retain_mut(|read| read.as_mut().poll(context).is_pending());
            if reads.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Where the envelopes lie, and the texts beside them.
    fn wanted(&self, group: &[MessageId]) -> Vec<Place> {
        let catalog = self.catalog.borrow();
        group.iter().filter_map(|id| catalog.get(*id)).map(|live| live.spot.reach()).collect()
    }

    /// Copies some messages out of the oldest segments.
    async fn carry_forward(&self) -> Result<(), Later> {
        let group = self.group();
        self.fetch(&group).await;
        let mut copies = Vec::with_capacity(group.len());
        for id in group {
            copies.extend(self.carry(id).await?);
        }
        self.stage(|writer, _| writer.hurry());
        for Copied { id, staged, fate } in copies {
            fate.known().await.map_err(|_| Later)?;
            self.catalog.borrow_mut().moved(id, staged.spot, staged.home);
            self.count(|counts| counts.copies += 1);
        }
        Ok(())
    }

    /// Puts a copy of one message into the open batch; nothing if it is through by then.
    async fn carry(&self, id: MessageId) -> Result<Option<Copied>, Later> {
        let Some(spot) = self.catalog.borrow().get(id).map(|live| live.spot) else {
            return Ok(None);
        };
        let (envelope, places) = match self.reader.envelope(id, &spot).await {
            Ok(read) => read,
            Err(ReadError::Io(_)) => return Err(Later),
            Err(ReadError::Moved | ReadError::Damaged) => return Ok(self.give_up(id)),
        };
        let mut text = Text::new();
        for place in &places {
            // A text that was damaged stays so: who reads it must find out.
            let part = self.reader.read_unchecked(place).await.map_err(|_| Later)?;
            self.room(Writer::<Buffer>::text_room(part.len())).await;
            text.push(self.stage(|writer, now| writer.text_as(id, &part, place.crc, now)));
        }
        Ok(self.copy(id, text, &envelope).await)
    }

    async fn copy(&self, id: MessageId, text: Text, envelope: &Envelope) -> Option<Copied> {
        let standings = self.catalog.borrow().get(id)?.open.len();
        let room = Writer::<Buffer>::delivery_room(text.len(), standings, envelope.bytes().len());
        self.room(room).await;
        let catalog = self.catalog.borrow();
        let live = catalog.get(id)?;
        if catalog.is_pinned(id) || text.iter().any(|place| self.is_void(place)) {
            return None;
        }
        let open: Vec<Standing> = live.open.iter().collect();
        let staged = self.stage(|writer, now| writer.copy(id, &text, &open, envelope, now));
        let fate = self.fate.borrow().clone();
        Some(Copied { id, staged, fate })
    }

    /// The envelope on disk is damaged: only the queue in memory knows the message still.
    /// It is counted, since a restart would not find it.
    fn give_up(&self, id: MessageId) -> Option<Copied> {
        self.catalog.borrow_mut().abort(id);
        self.count(|counts| counts.damaged += 1);
        None
    }
}
