//! The task that gives segments back, and carries forward the few messages that keep the
//! oldest one.

use super::error::ReadError;
use super::fate::Fate;
use super::log::Log;
use event::MessageId;
use kernel::{Buffer, Chunk, Kernel};
use spool::{PART_MAX, Place, Staged, Text, Writer};
use std::time::Duration;

/// A log of so few segments is left as it is.
const SEGMENTS_MIN: usize = 4;
/// Messages carried forward in one go.
const GROUP_MAX: usize = 32;
/// Bytes after which a go ends.
const GROUP_BYTES: usize = PART_MAX;
/// How long we wait after a failure.
const PATIENCE: Duration = Duration::from_secs(1);

/// A copy in the open batch.
struct Copied {
    id: MessageId,
    staged: Staged,
    text: Text,
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

    fn may_give_back(&self) -> bool {
        self.head_is_done() && self.catalog.borrow().head_is_free()
    }

    async fn give_back_head(&self) -> Result<(), Later> {
        let segment = self.catalog.borrow_mut().release_head();
        self.voids.borrow_mut().retain(|(void, _)| *void != segment);
        self.reader.forget(segment);
        self.give_back(segment).await.map_err(|_| Later)
    }

    /// Whether the log is mostly dead and its head is not: then a copy of what lives there
    /// frees more than it costs, before long. A full disk settles for less.
    fn should_carry(&self) -> bool {
        let catalog = self.catalog.borrow();
        let used = catalog.segments() as u64 * self.options.segment_bytes;
        let worth = if self.pool.is_full() {
            catalog.live_bytes() < used / 10 * 9
        } else {
            catalog.segments() > SEGMENTS_MIN && catalog.live_bytes() < used / 2
        };
        worth && catalog.head() < self.durable_segment.get() && !catalog.head_is_pinned()
    }

    /// Copies some messages out of the head.
    async fn carry_forward(&self) -> Result<(), Later> {
        let group: Vec<MessageId> = self.catalog.borrow().head_messages().take(GROUP_MAX).collect();
        let mut bytes = 0;
        let mut copies = Vec::with_capacity(group.len());
        for id in group {
            copies.extend(self.carry(id, &mut bytes).await?);
            if bytes >= GROUP_BYTES {
                break;
            }
        }
        self.stage(|writer, _| writer.hurry());
        for Copied { id, staged, text, fate } in copies {
            fate.known().await.map_err(|_| Later)?;
            self.catalog.borrow_mut().moved(id, staged.delivery, text);
            self.count(|counts| counts.copies += 1);
        }
        Ok(())
    }

    /// Puts a copy of one message into the open batch; nothing if it is through by then.
    async fn carry(&self, id: MessageId, bytes: &mut usize) -> Result<Option<Copied>, Later> {
        let Some((delivery, places)) = self.whereabouts(id) else { return Ok(None) };
        let delivery = match self.reader.read(&delivery).await {
            Ok(delivery) => delivery,
            Err(ReadError::Io(_)) => return Err(Later),
            Err(ReadError::Moved | ReadError::Damaged) => return Ok(self.give_up(id)),
        };
        let mut text = Text::new();
        for place in &places {
            // A text that was damaged stays so: who reads it must find out.
            let part = self.reader.read_unchecked(place).await.map_err(|_| Later)?;
            *bytes += part.len();
            self.room(Writer::<Buffer>::text_room(part.len())).await;
            text.push(self.stage(|writer, now| writer.text_as(id, &part, place.crc, now)));
        }
        Ok(self.copy(id, text, &delivery).await)
    }

    async fn copy(&self, id: MessageId, text: Text, delivery: &Chunk) -> Option<Copied> {
        let Some(envelope) = spool::envelope_of(delivery) else { return self.give_up(id) };
        let standings = self.catalog.borrow().get(id)?.open.len();
        let room = Writer::<Buffer>::delivery_room(text.len(), standings, envelope.len());
        self.room(room).await;
        let catalog = self.catalog.borrow();
        let live = catalog.get(id)?;
        if catalog.is_pinned(id) || text.iter().any(|place| self.is_void(place)) {
            return None;
        }
        let staged = self.stage(|writer, now| writer.copy(id, &text, live.open, envelope, now));
        let fate = self.fate.borrow().clone();
        Some(Copied { id, staged, text, fate })
    }

    fn whereabouts(&self, id: MessageId) -> Option<(Place, Text)> {
        let catalog = self.catalog.borrow();
        let live = catalog.get(id)?;
        Some((live.delivery, live.text.clone()))
    }

    /// The envelope on disk is damaged: only the queue in memory knows the message still.
    /// It is counted, since a restart would not find it.
    fn give_up(&self, id: MessageId) -> Option<Copied> {
        self.catalog.borrow_mut().abort(id);
        self.count(|counts| counts.damaged += 1);
        None
    }
}
