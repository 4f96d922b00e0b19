//! Message text on its way in: where it is read to, and what goes to disk ahead of its end.

use super::commit;
use super::session::Visit;
use super::transaction::Streamed;
use super::window::{self, COMMANDS, Window};
use crate::message::Share;
use kernel::Kernel;
use smtp::server::SASL_LINE_MAX;
use std::io;

/// A buffer for the longest line there is, which is part of an authentication.
const LONG_LINE: usize = SASL_LINE_MAX.next_multiple_of(COMMANDS);

impl<K: Kernel> Visit<K> {
    /// Reads what has arrived, behind what is held.
    pub(super) async fn fill(&mut self, window: &mut Window) -> io::Result<()> {
        window.make_room(self.capacity(window));
        if window.is_full() {
            self.part(window).await;
        }
        let (result, buffer) = self.connection.read(window.lend()).await;
        window.filled(buffer);
        if result? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
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
        let transaction = self.transaction.as_mut().expect("text belongs to a transaction");
        let text = window.text();
        let streamed = transaction.streamed.get_or_insert_with(|| Streamed {
            id: self.shard.journal().next_id(),
            parts: spool::Text::new(),
            received: mail::header::scan(text).received,
            broken: None,
        });
        match self.shard.journal().part(streamed.id, text).await {
            Ok(place) => streamed.parts.push(place),
            Err(error) => {
                streamed.broken.get_or_insert(commit::refusal(error));
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
        if let Some(streamed) = self.transaction.take().and_then(|all| all.streamed) {
            self.shard.journal().forget(streamed.id);
        }
    }
}
