//! One inbound connection, from greeting to close.
//!
//! Between messages it waits for readiness and owns no buffer. A burst is read, stepped
//! through, and answered in one write; the wait for the disk is inside it, so the 250 of a
//! message and the answers to what was pipelined behind it leave together.

use super::accept::{Door, Inside};
use super::connection::Connection;
use super::transaction::{Streamed, Transaction};
use super::window::{self, Window};
use crate::intake::{Incoming, RECEIVED_MAX};
use crate::journal::{Announced, Closed, JournalError};
use crate::message::Share;
use crate::shard::Shard;
use event::Tick;
use kernel::{Kernel, Piece};
use mail::trace::{self, Hop, Protocol};
use smallvec::smallvec;
use smtp::server::{self, Facts, Refusal, Session, Step};
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;

/// Serves one connection.
pub(super) async fn serve<K: Kernel>(
    shard: Rc<Shard<K>>,
    door: Rc<Door<K>>,
    stream: K::Stream,
    inside: Inside<K>,
) {
    let deadline = shard.kernel.now() + door.gate.idle;
    let last_words = Refusal::IdleTooLong.line().as_bytes();
    let connection = Connection::new(&shard.watches, stream, deadline, last_words);
    let may_relay = (door.gate.relay_from.0)(connection.peer().ip());
    let session = Session::new(door.gate.server.clone(), may_relay);
    let mut visit = Visit { shard, door, connection, session, transaction: None, announced: None };
    // An error here is the peer's going away; there is nobody left to tell.
    let _gone: io::Result<()> = visit.last().await;
    drop(inside);
}

struct Visit<K: Kernel> {
    shard: Rc<Shard<K>>,
    door: Rc<Door<K>>,
    connection: Connection<K>,
    session: Session,
    transaction: Option<Box<Transaction>>,
    /// The log expects the message of this transaction.
    announced: Option<Announced<K>>,
}

impl<K: Kernel> Drop for Visit<K> {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl<K: Kernel> Visit<K> {
    /// Until the peer or we have enough.
    async fn last(&mut self) -> io::Result<()> {
        let mut greeting = Vec::new();
        self.session.greet(&mut greeting);
        self.connection.write(smallvec![Piece::Owned(greeting)]).await?;
        loop {
            self.rest();
            self.connection.readable().await?;
            // Boxed, so that a connection at rest is as small as can be.
            if Box::pin(self.burst()).await?.is_break() {
                return Ok(());
            }
        }
    }

    /// Between messages, a peer may be dismissed when we drain.
    fn rest(&mut self) {
        self.abandon();
        self.connection.watch().idle_until(self.shard.kernel.now() + self.door.gate.idle);
    }

    /// Reads and answers until nothing is left half said, and no transaction is under way:
    /// within one the peer is about to speak, and waiting for readiness first would only cost.
    async fn burst(&mut self) -> io::Result<ControlFlow<()>> {
        let mut window = Window::new(&self.shard.shelf);
        loop {
            self.connection.watch().busy_until(self.shard.kernel.now() + self.door.gate.idle);
            self.fill(&mut window).await?;
            let mut replies = Vec::with_capacity(256);
            let flow = self.answer(&mut window, &mut replies).await;
            if !replies.is_empty() {
                self.connection.write(smallvec![Piece::Owned(replies)]).await?;
            }
            if flow.is_break() || (window.is_spent() && !self.session.in_transaction()) {
                return Ok(flow);
            }
        }
    }

    async fn fill(&mut self, window: &mut Window) -> io::Result<()> {
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
        let Some(transaction) = self.transaction.as_mut().filter(|_| self.session.in_text()) else {
            return now;
        };
        let wanted = if window.is_full() { now * 4 } else { now };
        let wanted = wanted.max(window::text_capacity(transaction.declared)).min(window::TEXT_MAX);
        let granted = transaction.share.as_ref().map_or(now, Share::bytes);
        if wanted <= granted {
            return wanted;
        }
        let Some(share) = self.shard.intake.take(wanted) else { return granted.max(now) };
        transaction.share = Some(share);
        wanted
    }

    /// Takes every step that can be taken.
    async fn answer(&mut self, window: &mut Window, replies: &mut Vec<u8>) -> ControlFlow<()> {
        loop {
            let (door, share) = self.door();
            let said = replies.len();
            let Some((used, step)) = self.session.step(window.unread(), door, replies) else {
                return ControlFlow::Continue(());
            };
            self.count_refusal(replies.get(said));
            match step {
                Step::Text(_) => {
                    window.keep(used);
                    continue;
                }
                Step::Sender(mail) => {
                    self.transaction = Some(Box::new(Transaction::new(&mail, share)));
                    self.announced = Some(self.shard.journal().announce());
                }
                Step::Recipient(path) => {
                    let transaction = self.transaction.as_mut().expect("a sender came first");
                    transaction.add(path, &self.shard.hostname);
                }
                Step::Commit(facts) => self.commit(window, &facts, replies).await,
                Step::Discard => self.discard(window),
                Step::Close => return ControlFlow::Break(()),
                Step::Continue => (),
            }
            window.skip(used);
        }
    }

    /// Counts a reply, by its first digit, if it is a refusal.
    fn count_refusal(&self, digit: Option<&u8>) {
        match digit {
            Some(b'4') => self.shard.meters().refused_for_now.add(1),
            Some(b'5') => self.shard.meters().refused_for_good.add(1),
            _ => (),
        }
    }

    /// Whether a MAIL would be welcome now, and the memory it gets if so.
    fn door(&self) -> (server::Door, Option<Share>) {
        if self.session.in_transaction() {
            return (server::Door::Open, None);
        }
        if self.shard.draining() {
            return (server::Door::Draining, None);
        }
        match self.shard.intake.take(window::text_capacity(None)) {
            Some(share) if self.shard.accepting() => (server::Door::Open, Some(share)),
            _ => (server::Door::Full, None),
        }
    }

    fn discard(&mut self, window: &mut Window) {
        window.release();
        window.shrink();
        self.abandon();
    }

    /// The transaction comes to nothing: parts of it on disk are nobody's.
    fn abandon(&mut self) {
        self.announced = None;
        if let Some(streamed) = self.transaction.take().and_then(|all| all.streamed) {
            self.shard.journal().forget(streamed.id);
        }
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
                streamed.broken.get_or_insert(refusal(error));
            }
        }
        window.release();
        window.make_room(0);
    }

    /// The final dot: makes the message durable, and only then says so.
    async fn commit(&mut self, window: &mut Window, facts: &Facts, replies: &mut Vec<u8>) {
        let transaction = self.transaction.take().expect("a commit ends a transaction");
        let streamed = transaction.streamed.as_ref().map(|streamed| streamed.id);
        self.announced = None;
        // The peer waits for us now, not we for it.
        self.connection.watch().busy_until(Tick::NEVER);
        match self.receive(*transaction, window.text(), facts).await {
            Ok(id) => self.session.committed(id, replies),
            Err(refusal) => {
                let said = replies.len();
                self.session.rejected(refusal, replies);
                self.count_refusal(replies.get(said));
            }
        }
        if let Some(id) = streamed {
            // Its parts are held by the message now, or by nobody.
            self.shard.journal().forget(id);
        }
        window.release();
        window.shrink();
    }

    /// The keyword behind `with`.
    ///
    /// [RFC 3848](https://www.rfc-editor.org/rfc/rfc3848),
    /// [RFC 6531 §4.3](https://www.rfc-editor.org/rfc/rfc6531#section-4.3)
    fn protocol(&self, utf8: bool) -> Protocol {
        match (self.session.greeted_with_ehlo(), utf8) {
            (true, true) => Protocol::Utf8Smtp,
            (true, false) => Protocol::Esmtp,
            (false, _) => Protocol::Smtp,
        }
    }

    async fn receive(
        &self,
        transaction: Transaction,
        text: &[u8],
        facts: &Facts,
    ) -> Result<event::MessageId, Refusal> {
        let (id, parts, received) = match &transaction.streamed {
            Some(Streamed { broken: Some(refusal), .. }) => return Err(*refusal),
            Some(streamed) => (streamed.id, streamed.parts.clone(), streamed.received),
            None => (
                self.shard.journal().next_id(),
                spool::Text::new(),
                mail::header::scan(text).received,
            ),
        };
        if received > RECEIVED_MAX {
            return Err(Refusal::Loop);
        }
        let recipients: smallvec::SmallVec<[&[u8]; 8]> = transaction.recipients().collect();
        let mut prefix = Vec::with_capacity(256);
        let hop = Hop {
            helo: self.session.helo(),
            peer: self.connection.peer().ip(),
            hostname: &self.shard.hostname,
            protocol: self.protocol(transaction.utf8),
            id,
            recipient: (recipients.len() == 1).then(|| recipients[0]),
            at: self.shard.kernel.wall(),
        };
        trace::received(&mut prefix, &hop);
        let incoming = Incoming {
            id,
            sender: &transaction.sender,
            recipients: &recipients,
            prefix: &prefix,
            parts,
            text,
            bytes: facts.bytes,
            dotted: facts.dotted,
            eight_bit: facts.eight_bit,
            utf8: transaction.utf8,
        };
        self.shard.take_in(incoming).await.map_err(refusal)?;
        Ok(id)
    }
}

/// What the peer is told about mail that the log did not take. A disk may have become full
/// since MAIL was welcome.
const fn refusal(error: JournalError) -> Refusal {
    match error {
        JournalError::Closed(Closed::Full) => Refusal::InsufficientStorage,
        _ => Refusal::LocalError,
    }
}
