//! Carries messages forward out of the oldest segments.

use super::fate::Fate;
use super::log::Log;
use super::reclaim::Later;
use event::MessageId;
use kernel::{Buffer, Kernel};
use spool::{Envelope, PART_MAX, Place, Spot, Staged, Standing, Text, Writer};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Messages carried forward in one go.
const GROUP_MAX: usize = 256;
/// Bytes after which a go ends.
const GROUP_BYTES: usize = 2 * PART_MAX;
/// What lies between two messages is read along with them if it is no longer than this.
const GAP_MAX: u32 = 8 * 1_024;

/// A copy in the open batch.
struct Copied {
    id: MessageId,
    staged: Staged,
    fate: Fate,
}

/// Messages that lie close together, read at once: what was carried before lies in rows.
struct Run {
    place: Place,
    messages: Vec<(MessageId, Spot)>,
    /// As many as there are.
    bytes: Buffer,
}

impl Run {
    /// Cuts a group into runs.
    fn all(mut group: Vec<(MessageId, Spot)>) -> Vec<Self> {
        group.sort_unstable_by_key(|(_, spot)| (spot.segment(), spot.offset()));
        let mut runs: Vec<Self> = Vec::new();
        for message in group {
            let place = message.1.reach();
            let last = runs.last_mut().filter(|run| run.is_near(&place));
            match last {
                Some(run) => {
                    run.place.len = place.offset + place.len - run.place.offset;
                    run.messages.push(message);
                }
                None => runs.push(Self {
                    place,
                    messages: vec![message],
                    bytes: Buffer::with_capacity(1),
                }),
            }
        }
        runs
    }

    /// Whether `place`, which lies behind its messages, begins close to the last of them.
    fn is_near(&self, place: &Place) -> bool {
        let end = self.place.offset + self.place.len;
        let gap = place.offset.checked_sub(end);
        self.place.segment == place.segment && gap.is_some_and(|gap| gap <= GAP_MAX)
    }

    /// The bytes from `offset` of the segment on.
    fn from(&self, offset: u32) -> &[u8] {
        let at = offset.checked_sub(self.place.offset).map(|at| at as usize);
        at.and_then(|at| self.bytes.get(at..)).unwrap_or_default()
    }

    /// What lies at `place`, if it was read.
    fn part(&self, place: &Place) -> Option<&[u8]> {
        let here = self.place.segment == place.segment;
        here.then(|| self.from(place.offset).get(..place.len as usize))?
    }
}

impl<K: Kernel> Log<K> {
    /// Copies some messages out of the oldest segments.
    pub(super) async fn carry_forward(&self) -> Result<(), Later> {
        let runs = self.fetch(Run::all(self.group())).await?;
        let mut copies = Vec::with_capacity(GROUP_MAX);
        for run in &runs {
            for (id, spot) in &run.messages {
                copies.extend(self.carry(*id, spot, run).await?);
            }
        }
        self.stage(|writer, _| writer.hurry());
        for Copied { id, staged, fate } in copies {
            fate.known().await.map_err(|_| Later)?;
            self.catalog.borrow_mut().moved(id, staged.spot, staged.home);
            self.count(|counts| counts.copies += 1);
        }
        Ok(())
    }

    /// Messages to be carried next. From all the segments that are too many, and not from the
    /// head alone: where one holds a few of them, each would have to wait for a commit.
    fn group(&self) -> Vec<(MessageId, Spot)> {
        let catalog = self.catalog.borrow();
        let end = (catalog.head() + self.surplus(&catalog)).min(self.durable_segment.get());
        let mut bytes = 0;
        let group = catalog.iter().take_while(|live| {
            let more = bytes < GROUP_BYTES && live.home < end;
            bytes += live.spot.bytes() as usize;
            more
        });
        group.take(GROUP_MAX).map(|live| (live.id, live.spot)).collect()
    }

    /// Reads all of them at once: what was written past the page cache is not in it, and one
    /// after another each would wait for the disk.
    async fn fetch(&self, mut runs: Vec<Run>) -> Result<Vec<Run>, Later> {
        let mut reads: Vec<Option<Pin<Box<_>>>> = Vec::with_capacity(runs.len());
        for run in &runs {
            let file = self.reader.file(run.place.segment).await.map_err(|_| Later)?;
            let Place { offset, len, .. } = run.place;
            let len = len as usize;
            reads.push(Some(Box::pin(async move {
                super::open::read_upto(&*file, Buffer::with_capacity(len), offset.into(), len).await
            })));
        }
        let mut failed = false;
        poll_fn(|context| {
            for (slot, run) in reads.iter_mut().zip(&mut runs) {
                let polled = slot.as_mut().map(|read| read.as_mut().poll(context));
                let Some(Poll::Ready(result)) = polled else { continue };
                *slot = None;
                match result {
                    Ok(bytes) => run.bytes = bytes,
                    Err(_) => failed = true,
                }
            }
            // None is left behind, whatever became of the others.
            if reads.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        if failed { Err(Later) } else { Ok(runs) }
    }

    /// Puts a copy of one message into the open batch; nothing if it is through by then.
    async fn carry(&self, id: MessageId, spot: &Spot, run: &Run) -> Result<Option<Copied>, Later> {
        if self.catalog.borrow().get(id).is_none_or(|live| live.spot != *spot) {
            return Ok(None);
        }
        let record = run.from(spot.record_offset());
        let Some((envelope, places)) = spool::message_in(record, id, spot) else {
            return Ok(self.give_up(id, spot));
        };
        let mut text = Text::new();
        for place in &places {
            let apart;
            // A text that was damaged stays so: who reads it must find out.
            let part = if let Some(part) = run.part(place) {
                part
            } else {
                apart = self.reader.read_unchecked(place).await.map_err(|_| Later)?;
                &apart[..]
            };
            self.room(Writer::<Buffer>::text_room(part.len())).await;
            text.push(self.stage(|writer, now| writer.text_as(id, part, place.crc, now)));
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
    /// It is told and counted, since a restart would not find it.
    fn give_up(&self, id: MessageId, spot: &Spot) -> Option<Copied> {
        self.blame(id, &[spot.reach()]);
        self.catalog.borrow_mut().abort(id);
        None
    }
}
