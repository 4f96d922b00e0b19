//! What callers put into a log.

use super::error::JournalError;
use super::fate::Fate;
use super::log::Log;
use super::{Accepted, Journal};
use event::{MessageId, Tick};
use kernel::{Buffer, Kernel};
use spool::{Deferral, Draft, Open, PART_MAX, PARTS_MAX, Place, Settlement, Staged, Text, Writer};
use std::fmt;
use std::rc::Rc;

impl<K: Kernel> Journal<K> {
    /// A name for a message that is coming in.
    #[must_use]
    pub fn next_id(&self) -> MessageId {
        let log = &self.0;
        log.counter.set(log.counter.get() + 1);
        MessageId { log: log.number, boot: log.boot, count: log.counter.get() }
    }

    /// Says that a message is being received, so that a commit may wait a moment for it. It
    /// is no longer expected once what this returns is dropped, or when it takes long.
    #[must_use]
    pub fn announce(&self) -> Announced<K> {
        let span = self.0.company.come(self.0.kernel.now());
        self.0.announced();
        Announced { log: Rc::clone(&self.0), span }
    }

    /// Writes a part of a large text ahead of the rest. Waits for room, not for the disk: the
    /// message comes to exist with [`Self::accept`]. Who does not get there calls
    /// [`Self::forget`].
    ///
    /// # Errors
    /// If no mail is accepted, or the text is longer than [`spool::PART_MAX`].
    pub async fn part(&self, id: MessageId, text: &[u8]) -> Result<Place, JournalError> {
        if text.len() > PART_MAX {
            return Err(JournalError::TooLarge);
        }
        self.0.room_for(Writer::<Buffer>::text_room(text.len())).await?;
        let place = self.0.stage(|writer, now| writer.text(id, text, now));
        self.0.catalog.borrow_mut().pin(id, place.segment);
        Ok(place)
    }

    /// The message whose parts were written will not come.
    pub fn forget(&self, id: MessageId) {
        self.0.catalog.borrow_mut().unpin_all(id);
        self.0.mind_space();
    }

    /// Makes a message durable: `parts` already written, then `last`. Returns when it is, as
    /// far as [`Durability`](super::Durability) asks. Dropped before, it takes the message back.
    ///
    /// # Errors
    /// If it is not ours, and will not be after a restart either.
    pub async fn accept(
        &self,
        id: MessageId,
        parts: Text,
        last: &[u8],
        draft: &Draft<'_>,
    ) -> Result<Accepted, JournalError> {
        self.take_in(&Intake { id, draft, settled: None }, parts, last).await
    }

    /// As [`Self::accept`] for a bounce: the message comes to exist together with the
    /// settlement it tells of, or neither does.
    ///
    /// # Errors
    /// As [`Self::accept`]. The settled recipients are still open then.
    pub async fn accept_and_settle(
        &self,
        id: MessageId,
        text: &[u8],
        draft: &Draft<'_>,
        settled: &Settlement<'_>,
    ) -> Result<Accepted, JournalError> {
        let hold = Hold::new(&self.0, settled.id);
        let intake = Intake { id, draft, settled: Some(settled) };
        let accepted = self.take_in(&intake, Text::new(), text).await?;
        let recipients = settled.recipients.iter().copied();
        self.0.catalog.borrow_mut().settle(settled.id, recipients);
        drop(hold);
        Ok(accepted)
    }

    /// Records that recipients are through. Durable within some 10 ms; not waited for.
    pub fn settle(&self, settled: &Settlement<'_>) {
        self.0.stage(|writer, now| writer.done(settled, now));
        let recipients = settled.recipients.iter().copied();
        if self.0.catalog.borrow_mut().settle(settled.id, recipients) {
            self.0.mind_space();
        }
    }

    /// Records that recipients are to be tried again. Durable within some 10 ms.
    pub fn defer(&self, deferred: &Deferral<'_>) {
        self.0.stage(|writer, now| writer.defer(deferred, now));
        let Deferral { id, recipients, attempt, due, .. } = *deferred;
        self.0.catalog.borrow_mut().defer(id, recipients.iter().copied(), attempt, due);
    }

    /// Returns when all that was put in until now is durable, or cannot be made so, or that moment has
    /// come.
    pub async fn recorded(&self, deadline: Tick) {
        let log = &self.0;
        let wanted = log.writer.borrow().staged();
        loop {
            let seen = log.written.rings();
            let is_durable = log.writer.borrow().durable() >= wanted;
            if is_durable || log.is_stuck() || log.kernel.now() >= deadline {
                return;
            }
            log.ring_or(&log.written, seen, deadline).await;
        }
    }

    /// Returns when all that was put in is durable, or cannot be made so.
    pub async fn drain(&self) {
        let log = &self.0;
        loop {
            let seen = log.written.rings();
            let idle = log.writing.get().is_none();
            let empty = log.writer.borrow().flush_at().is_none();
            if idle && (empty || log.is_stuck()) {
                return;
            }
            log.stage(|writer, _| writer.hurry());
            log.written.after(seen).await;
        }
    }

    /// Drains, with a block behind the last that says so, and ends the tasks of the log. It
    /// takes nothing more.
    pub async fn close(&self) {
        self.drain().await;
        self.0.stage(|writer, _| writer.close());
        self.drain().await;
        self.0.ended.set(true);
        self.0.work.ring();
        self.0.space.ring();
        self.0.alarm.ring();
    }

    async fn take_in(
        &self,
        intake: &Intake<'_>,
        mut text: Text,
        mut last: &[u8],
    ) -> Result<Accepted, JournalError> {
        let envelope_len = intake.draft.envelope_len().ok_or(JournalError::TooLarge)?;
        if text.len() + last.len().div_ceil(PART_MAX) > PARTS_MAX {
            return Err(JournalError::TooLarge);
        }
        while let Some((part, rest)) = last.split_at_checked(PART_MAX)
            && !rest.is_empty()
        {
            text.push(self.part(intake.id, part).await?);
            last = rest;
        }
        let done =
            intake.settled.map_or(0, |done| Writer::<Buffer>::done_room(done.recipients.len()));
        let delivery = Writer::<Buffer>::delivery_room(text.len() + 1, 0, envelope_len);
        let log = &self.0;
        log.room_for(Writer::<Buffer>::text_room(last.len()) + delivery + done).await?;
        if text.iter().any(|place| log.is_void(place)) {
            return Err(JournalError::Failed);
        }
        let parts = !text.is_empty();
        let (accepted, fate) = log.put(intake, text, last);
        let pending = Pending { log, id: intake.id, parts, done: false };
        fate.known().await?;
        pending.keep();
        Ok(accepted)
    }
}

/// A message about to be put in.
struct Intake<'a> {
    id: MessageId,
    draft: &'a Draft<'a>,
    settled: Option<&'a Settlement<'a>>,
}

/// A message that is being received.
pub struct Announced<K: Kernel> {
    log: Rc<Log<K>>,
    span: u64,
}

impl<K: Kernel> Drop for Announced<K> {
    fn drop(&mut self) {
        self.log.company.go(self.span, self.log.kernel.now());
        self.log.announced();
    }
}

impl<K: Kernel> fmt::Debug for Announced<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Announced").field(&self.log.company).finish()
    }
}

impl<K: Kernel> Log<K> {
    /// Puts a message into the open batch. The catalog knows it from now on. Its last segment
    /// is not given back before it is durable, and earlier ones are pinned.
    fn put(&self, intake: &Intake<'_>, mut text: Text, last: &[u8]) -> (Accepted, Fate) {
        let Intake { id, draft, settled } = *intake;
        let (staged, envelope) = self.stage(|writer, now| {
            if !last.is_empty() || text.is_empty() {
                text.push(writer.text(id, last, now));
            }
            match settled {
                Some(settled) => writer.bounce(id, &text, draft, settled, now),
                None => writer.delivery(id, &text, draft, now),
            }
        });
        let Staged { spot, home, .. } = staged;
        let open = Open::All(draft.recipients.len() as u16);
        self.catalog.borrow_mut().insert(id, spot, home, open);
        (Accepted { envelope, spot }, self.fate.borrow().clone())
    }

    /// Whether a write failed that held this place or something before it.
    pub(super) fn is_void(&self, place: &Place) -> bool {
        let voids = self.voids.borrow();
        voids
            .iter()
            .any(|(segment, from)| place.segment == *segment && u64::from(place.offset) >= *from)
    }
}

/// A message put in, not yet durable. Taken back on drop.
struct Pending<'a, K: Kernel> {
    log: &'a Log<K>,
    id: MessageId,
    parts: bool,
    done: bool,
}

impl<K: Kernel> Pending<'_, K> {
    fn keep(mut self) {
        self.done = true;
    }
}

impl<K: Kernel> Drop for Pending<'_, K> {
    fn drop(&mut self) {
        if self.parts {
            self.log.catalog.borrow_mut().unpin_all(self.id);
        }
        if !self.done {
            self.log.catalog.borrow_mut().abort(self.id);
            self.log.stage(|writer, now| writer.abort(self.id, now));
        }
    }
}

/// Keeps a message where it is while a bounce about it is on its way to the disk: a copy
/// made meanwhile would open again what the bounce settles.
struct Hold<'a, K: Kernel> {
    log: &'a Log<K>,
    id: MessageId,
}

impl<'a, K: Kernel> Hold<'a, K> {
    fn new(log: &'a Log<K>, id: MessageId) -> Self {
        log.catalog.borrow_mut().hold(id);
        Self { log, id }
    }
}

impl<K: Kernel> Drop for Hold<'_, K> {
    fn drop(&mut self) {
        self.log.catalog.borrow_mut().unpin(self.id);
        self.log.mind_space();
    }
}
