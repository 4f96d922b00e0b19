//! One inbound connection, from greeting to close.
//!
//! Between messages it waits for readiness and owns no buffer. A burst is read, stepped
//! through, and answered in one write; the wait for the disk is inside it, so the 250 of a
//! message and the answers to what was pipelined behind it leave together.

use super::accept::{Door, Inside};
use super::auth::Login;
use super::connection::Connection;
use super::pace::Progress;
use super::peer::Peer;
use super::porter::Porter;
use super::proxy;
use super::source::Guest;
use super::transaction::Transaction;
use super::window::Window;
use crate::journal::Announced;
use crate::shard::Shard;
use kernel::{Kernel, Piece};
use policy::login::Pass;
use smallvec::smallvec;
use smtp::server::{Refusal, Session, Step};
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

/// Serves one connection.
pub(super) async fn serve<K: Kernel>(
    shard: Rc<Shard<K>>,
    door: Rc<Door<K>>,
    stream: K::Stream,
    inside: Inside<K>,
) {
    let deadline = shard.kernel.now() + door.gate.idle;
    let last_words = Refusal::IdleTooLong.line().as_bytes();
    let mut connection = Connection::new(&shard.watches, stream, deadline, last_words);
    let Some(peer) = proxy::peer(&shard, &door.gate, &mut connection).await else { return };
    let address = peer.address.ip();
    let config = Arc::clone(door.gate.config_for(address));
    let mut session = Session::new(config, door.gate.rights(address));
    if peer.cover().is_some() {
        session.secured();
    }
    let mut visit = Visit {
        shard,
        door,
        connection,
        peer,
        session,
        guest: Guest::default(),
        transaction: None,
        announced: None,
        login: None,
        user: None,
        progress: Progress::default(),
        stepped: true,
    };
    // An error here is the peer's going away; there is nobody left to tell.
    let _gone: io::Result<()> = visit.last().await;
    drop(inside);
}

/// A peer, and what it is about.
pub(super) struct Visit<K: Kernel> {
    pub(super) shard: Rc<Shard<K>>,
    pub(super) door: Rc<Door<K>>,
    pub(super) connection: Connection<K>,
    pub(super) peer: Peer,
    pub(super) session: Session,
    pub(super) guest: Guest,
    pub(super) transaction: Option<Box<Transaction>>,
    /// The log expects the message of this transaction.
    pub(super) announced: Option<Announced<K>>,
    /// It is saying who it is.
    pub(super) login: Option<Box<Login>>,
    /// Who it is.
    pub(super) user: Option<Pass>,
    /// How the text comes, if it does.
    pub(super) progress: Progress,
    /// A step was taken since the last read began.
    pub(super) stepped: bool,
}

/// Answers that are sent before more are made: who asks much in few words does not make us
/// hold them all. The answers to a full buffer of recipients are fewer.
const REPLIES_MAX: usize = 8 * 1_024;

/// What is to be done once the answers are sent.
enum Turn {
    Listen,
    /// There is more to be answered.
    GoOn,
    Secure,
    Leave,
}

impl<K: Kernel> Drop for Visit<K> {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl<K: Kernel> Visit<K> {
    /// Until the peer or we have enough.
    async fn last(&mut self) -> io::Result<()> {
        if let Err(refusal) = self.come_in() {
            self.turn_away(refusal, self.door.gate.first_words(refusal));
            return Ok(());
        }
        if self.door.gate.begins_secure() {
            Box::pin(self.secure()).await?;
        }
        if self.talks_early() {
            self.turn_away(Refusal::EarlyTalk, Refusal::EarlyTalk.line().as_bytes());
            return Ok(());
        }
        // What follows is boxed, but for the rest itself: a connection keeps the room for all
        // that it ever waits for.
        Box::pin(self.greet()).await?;
        loop {
            self.rest();
            self.connection.readable().await?;
            if Box::pin(self.burst()).await?.is_break() {
                return Ok(());
            }
        }
    }

    fn turn_away(&self, refusal: Refusal, words: &[u8]) {
        self.shard.note_refusal(refusal, self.peer.address, self.guest.source_name());
        self.connection.hang_up(words);
    }

    /// Whether the client speaks before it is greeted, as those do who send what they have
    /// whatever they are told (T5). Nobody waits for that: it is a tell-tale only. A balancer that
    /// looks how we are may do so as it likes.
    ///
    /// [RFC 5321 §4.3.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.3.1)
    fn talks_early(&self) -> bool {
        let gate = &self.door.gate;
        !gate.guard.early_talk && !self.peer.is_balancer() && self.connection.has_unread()
    }

    async fn greet(&mut self) -> io::Result<()> {
        let mut greeting = Vec::new();
        self.session.greet(&mut greeting);
        self.connection.write(smallvec![Piece::Owned(greeting)]).await
    }

    /// Between messages, a peer may be dismissed when we drain.
    fn rest(&mut self) {
        self.abandon();
        let watch = self.connection.watch();
        watch.idle_until(self.shard.kernel.now() + self.patience());
        watch.say_last(Refusal::IdleTooLong.line().as_bytes());
        self.stepped = true;
    }

    /// Reads and answers until nothing is left half said, and no transaction is under way:
    /// within one the peer is about to speak, and waiting for readiness first would only cost.
    async fn burst(&mut self) -> io::Result<ControlFlow<()>> {
        let mut window = Window::new(&self.shard.shelf);
        self.fill(&mut window).await?;
        loop {
            let mut replies = Vec::with_capacity(256);
            let turn = self.answer(&mut window, &mut replies).await;
            self.say(replies).await?;
            match turn {
                Turn::GoOn => continue,
                Turn::Leave => return Ok(ControlFlow::Break(())),
                Turn::Secure => {
                    self.forget_user();
                    Box::pin(self.secure()).await?;
                }
                Turn::Listen => (),
            }
            if window.is_spent() && !self.session.in_transaction() {
                return Ok(ControlFlow::Continue(()));
            }
            self.fill(&mut window).await?;
        }
    }

    /// Sends the answers. Who does not read them is waited for no longer than who says nothing:
    /// a closed window is no end of a connection to the system.
    async fn say(&mut self, replies: Vec<u8>) -> io::Result<()> {
        if replies.is_empty() {
            return Ok(());
        }
        let watch = self.connection.watch();
        watch.busy_until(self.shard.kernel.now() + self.patience());
        watch.say_last(Refusal::IdleTooLong.line().as_bytes());
        self.connection.write(smallvec![Piece::Owned(replies)]).await
    }

    /// Takes every step that can be taken.
    async fn answer(&mut self, window: &mut Window, replies: &mut Vec<u8>) -> Turn {
        loop {
            if replies.len() >= REPLIES_MAX {
                return Turn::GoOn;
            }
            self.mind_terms(replies);
            let said = replies.len();
            let transaction = self.transaction.as_deref_mut();
            let mut porter = Porter::new(&self.shard, &self.guest, self.user.as_ref(), transaction);
            let Some((used, step)) = self.session.step(window.unread(), &mut porter, replies)
            else {
                return Turn::Listen;
            };
            self.stepped = true;
            let share = porter.share();
            self.note_refusal();
            match step {
                Step::Text(text) => {
                    if let Some(transaction) = &mut self.transaction {
                        transaction.came += text.len() as u64;
                    }
                    window.keep(used);
                    continue;
                }
                Step::Sender(mail) => {
                    self.transaction = Some(Box::new(Transaction::new(&mail, share)));
                    self.announced = Some(self.shard.journal().announce());
                }
                Step::Recipient(rcpt) => {
                    let transaction = self.transaction.as_mut().expect("a sender came first");
                    transaction.add(&rcpt, &self.shard.hostname);
                }
                Step::Commit(facts) => self.commit(window, &facts, replies).await,
                Step::Discard => self.discard(window),
                Step::Sasl(sasl) => self.sasl(sasl, replies).await,
                Step::Xclient(attributes) => {
                    if let Err(refusal) = self.proxied(attributes) {
                        // Instead of a greeting.
                        replies.truncate(said);
                        self.session.dismiss(refusal, replies);
                    }
                }
                Step::StartTls => {
                    window.skip(used);
                    return Turn::Secure;
                }
                Step::Close => return Turn::Leave,
                Step::Continue => (),
            }
            self.mind_commands(replies);
            self.note_refusal();
            window.skip(used);
        }
    }
}
