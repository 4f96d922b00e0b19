//! Message text on its way in: where it is read to, and what goes to disk ahead of its end.

use super::commit;
use super::pace::{self, Progress};
use super::session::Visit;
use super::transaction::Streamed;
use super::window::{self, COMMANDS, Window};
use crate::message::Share;
use event::Tick;
use kernel::Kernel;
use smtp::server::{Refusal, SASL_LINE_MAX};
use spool::PARTS_MAX;
use std::io;
use std::time::Duration;

/// A buffer for the longest line there is, which is part of an authentication.
const LONG_LINE: usize = SASL_LINE_MAX.next_multiple_of(COMMANDS);

impl<K: Kernel> Visit<K> {
    /// Reads what has arrived, behind what is held.
    pub(super) async fn fill(&mut self, window: &mut Window) -> io::Result<()> {
        window.make_room(self.capacity(window));
        if window.is_full() {
            self.part(window).await;
        }
        let before = self.wait_for_peer();
        let (result, buffer) = self.connection.read(window.lend()).await;
        window.filled(buffer);
        let count = result?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.session.awaits_text() {
            self.progress.add(count, self.shard.kernel.now().since(before));
        }
        Ok(())
    }

    /// How long a silent peer is kept now.
    pub(super) fn patience(&self) -> Duration {
        let gate = &self.door.gate;
        gate.guard.pace.idle(gate.idle, self.door.is_crowded() || self.is_short_of_memory())
    }

    fn is_short_of_memory(&self) -> bool {
        let intake = &self.shard.intake;
        pace::is_crowded(intake.used() + self.shard.sealed_waiting.get(), intake.limit())
    }

    /// Sets the deadline of the read to come, and says when it begins. A command that has begun
    /// has no more time than one that has not: its bytes may not come one by one for ever.
    fn wait_for_peer(&mut self) -> Tick {
        let now = self.shard.kernel.now();
        if !self.session.in_text() {
            self.progress = Progress::default();
        }
        if !std::mem::take(&mut self.stepped) {
            return now;
        }
        let idle = now + self.patience();
        let text = self
            .session
            .awaits_text()
            .then(|| self.progress.deadline(&self.door.gate.guard.pace, now));
        let watch = self.connection.watch();
        let (deadline, last_words) = text
            .flatten()
            .filter(|text| *text < idle)
            .map_or((idle, Refusal::IdleTooLong), |text| (text, Refusal::TextTooSlow));
        watch.busy_until(deadline);
        watch.say_last(last_words.line().as_bytes());
        now
    }

    /// The buffer that what comes next deserves, as far as the budget goes. A text that gets
    /// no more room is written out in smaller parts.
    fn capacity(&mut self, window: &Window) -> usize {
        let now = window.capacity();
        let announced = self.session.announced();
        let Some(transaction) = self.transaction.as_mut().filter(|_| self.session.in_text()) else {
            return if window.is_full() { now.max(LONG_LINE) } else { now };
        };
        let wanted = if window.is_full() { now * 4 } else { now };
        let expected = window::text_capacity(transaction.declared.or(announced));
        let wanted = wanted.max(expected).min(window::TEXT_MAX);
        let granted = transaction.share.as_ref().map_or(now, Share::bytes);
        if wanted <= granted {
            return wanted;
        }
        let Some(share) = self.shard.intake.take(wanted) else { return granted.max(now) };
        transaction.share = Some(share);
        wanted
    }

    /// Writes a full buffer of text to disk, ahead of the rest of the message.
    async fn part(&mut self, window: &mut Window) {
        let mut transaction = self.transaction.take().expect("text belongs to a transaction");
        if transaction.streamed.is_none() {
            let passed = self.pass_first(&mut transaction, window);
            transaction.streamed = Some(Streamed {
                id: self.shard.journal().next_id(),
                parts: spool::Text::new(),
                passed: passed.unwrap_or_default(),
                broken: passed.err(),
            });
        }
        let transaction = self.transaction.insert(transaction);
        let streamed = transaction.streamed.as_mut().expect("it was made");
        if streamed.parts.len() + 1 >= PARTS_MAX {
            // Small parts are for want of memory; of the largest, a message has no more.
            let large = window.capacity() >= window::TEXT_MAX;
            let refusal = if large { Refusal::MessageTooBig } else { Refusal::IntakeFull };
            streamed.broken.get_or_insert(refusal);
        }
        // What is refused is read to its end, and nothing of it is written any more.
        if streamed.broken.is_none() {
            match self.shard.journal().part(streamed.id, window.text()).await {
                Ok(place) => streamed.parts.push(place),
                Err(error) => streamed.broken = Some(commit::refusal(error)),
            }
        }
        window.release();
        window.make_room(0);
    }

    pub(super) fn discard(&mut self, window: &mut Window) {
        window.release();
        window.shrink();
        self.abandon();
    }

    /// The transaction comes to nothing: parts of it on disk are nobody's.
    pub(super) fn abandon(&mut self) {
        self.announced = None;
        let Some(transaction) = self.transaction.take() else { return };
        self.count_lost(transaction.came, transaction.declared);
        if let Some(streamed) = transaction.streamed {
            self.shard.journal().forget(streamed.id);
        }
    }
}
