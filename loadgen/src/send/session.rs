//! The generator's side of one connection: what to say now, and what the answers mean.
//!
//! The driver's contract: [`Session::say`] whenever something may have become sayable, and send
//! all it appended at once; hand every received byte to [`Session::hear`]; take the
//! [`Outcome`]s. When the connection ends, [`Session::lost`] says what is still open.
//!
//! At most two messages are under way: the one in front, and behind it one whose envelope was
//! sent together with the text of the first. Replies come in the order we spoke, so those to an
//! envelope always belong to the message in front.
//! [RFC 2920 §3.1](https://www.rfc-editor.org/rfc/rfc2920#section-3.1)

mod chunks;
mod opening;
mod reply;
mod transaction;

use super::auth::Step;
use super::measured::{Phase, Phases};
use super::work::{Message, Next};
use super::{Encryption, Options, Pipelining};
use crate::clock::Nanos;
use crate::message::{Composer, Print};
use reply::{Extension, Terms};
use std::collections::VecDeque;
use transaction::Transaction;

/// What a server did that no server should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It answered what we had not said.
    AnswerToNothing(String),
    /// It said something that is no reply.
    NotAReply(String),
    /// It refused to talk: the greeting or HELO was turned down.
    Unwelcome(String),
    /// It said 421: it is closing.
    Closing(String),
    /// It does not offer what we were told to use.
    Lacking(&'static str),
    /// Bytes came behind the agreement to speak TLS that were not said under its protection.
    Injected,
}

/// What became of one message at one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The message.
    pub message: Message,
    /// Its text, if it was sent.
    pub print: Print,
    /// Reply code for each recipient meant, with its index and address hash. 0 is none.
    pub codes: Vec<(u16, u64, u16)>,
    /// The text left and the answer to it did not come.
    pub unanswered: bool,
    /// When MAIL was said.
    pub began: Nanos,
    /// The last reply that was a refusal.
    pub refusal: Option<String>,
}

/// What the next reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth(Step),
    Sender,
    Recipient(usize),
    Data,
    /// For a chunk that is not the last.
    Chunk,
    Final,
    Reset,
    Bye,
}

impl Expected {
    /// What the wait for it is called.
    const fn phase(self) -> Option<Phase> {
        match self {
            Self::Greeting => Some(Phase::Greeting),
            Self::Ehlo | Self::Helo => Some(Phase::Ehlo),
            Self::Sender => Some(Phase::Mail),
            Self::Recipient(_) => Some(Phase::Rcpt),
            Self::Auth(_) => Some(Phase::Auth),
            Self::Data | Self::Chunk => Some(Phase::Data),
            Self::Final => Some(Phase::Final),
            Self::StartTls | Self::Reset | Self::Bye => None,
        }
    }
}

/// Whether the connection is under the protection of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secured {
    No,
    /// Both have agreed; the next bytes are those of the handshake.
    Agreed,
    Yes,
}

/// One connection.
#[derive(Debug)]
pub struct Session<'o> {
    options: &'o Options,
    composer: &'o Composer,
    /// Each with the moment at which it was asked for.
    expected: VecDeque<(Expected, Nanos)>,
    secured: Secured,
    /// What the server offered in its last answer to EHLO.
    offered: Terms,
    /// The same, once messages may be sent.
    terms: Option<Terms>,
    /// A transaction was left open by the server's refusals.
    stale: bool,
    front: Option<Transaction>,
    behind: Option<Transaction>,
    begun: u64,
    over: bool,
    outcomes: Vec<Outcome>,
}

impl<'o> Session<'o> {
    /// A connection made at `now`, and with implicit TLS its handshake over.
    #[must_use]
    pub fn new(options: &'o Options, composer: &'o Composer, now: Nanos) -> Self {
        let implicit = matches!(options.encryption, Encryption::Implicit(_));
        Self {
            secured: if implicit { Secured::Yes } else { Secured::No },
            offered: Terms::default(),
            options,
            composer,
            expected: VecDeque::from([(Expected::Greeting, now)]),
            terms: None,
            stale: false,
            front: None,
            behind: None,
            begun: 0,
            over: false,
            outcomes: Vec::new(),
        }
    }

    /// QUIT was answered: nothing more is to be said or heard.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The handshake of TLS comes next: when it is over, call [`Self::secured`].
    #[must_use]
    pub fn awaits_handshake(&self) -> bool {
        self.secured == Secured::Agreed
    }

    /// No message is under way.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.front.is_none()
    }

    /// What became of messages since the last call.
    pub fn outcomes(&mut self) -> std::vec::Drain<'_, Outcome> {
        self.outcomes.drain(..)
    }

    /// Appends all that may be said now. Returns when to ask again, if `next` said to wait.
    pub fn say(
        &mut self,
        now: Nanos,
        mut next: impl FnMut() -> Next,
        out: &mut Vec<u8>,
    ) -> Option<Nanos> {
        let terms = self.terms.filter(|_| !self.over)?;
        if self.front.is_none() && self.expected.is_empty() {
            if std::mem::take(&mut self.stale) {
                self.command(b"RSET\r\n", Expected::Reset, now, out);
            }
            match if self.is_spent() { Next::Done } else { next() } {
                Next::Offer(message) => self.front = Some(self.begin(message, terms, now)),
                Next::Wait(until) => return Some(until),
                Next::Done => self.command(b"QUIT\r\n", Expected::Bye, now, out),
            }
        }
        if let Some(front) = self.front.as_mut().filter(|front| front.is_invited()) {
            front.text(self.composer, self.options, out);
            self.expected.push_back((Expected::Final, now));
        } else {
            self.envelope(terms, now, out);
        }
        self.ahead(terms, now, next, out);
        None
    }

    /// Says the next envelope behind the text in front. That nothing is due is no reason to
    /// wait here: the answer to the text comes first.
    fn ahead(
        &mut self,
        terms: Terms,
        now: Nanos,
        mut next: impl FnMut() -> Next,
        out: &mut Vec<u8>,
    ) {
        let text_is_out = self.front.as_ref().is_some_and(Transaction::is_dotted);
        let allowed = terms.offer(Extension::Pipelining)
            && self.options.pipelining == Pipelining::Full
            && text_is_out
            && self.behind.is_none();
        if !allowed || self.is_spent() {
            return;
        }
        if let Next::Offer(message) = next() {
            // Unlike with DATA, nobody knows yet whether the server took anything: if not, its
            // transaction is still open.
            if self.options.bdat.is_some() {
                self.command(b"RSET\r\n", Expected::Reset, now, out);
            }
            self.behind = Some(self.begin(message, terms, now));
            self.envelope(terms, now, out);
        }
    }

    fn is_spent(&self) -> bool {
        let limit = self.options.messages_per_session;
        limit > 0 && self.begun >= limit
    }

    fn command(&mut self, line: &[u8], expected: Expected, now: Nanos, out: &mut Vec<u8>) {
        out.extend_from_slice(line);
        self.expected.push_back((expected, now));
    }

    fn begin(&mut self, message: Message, terms: Terms, now: Nanos) -> Transaction {
        self.begun += 1;
        let eight_bit = terms.offer(Extension::EightBit);
        Transaction::new(message, self.options, self.composer, eight_bit, now)
    }

    /// Says as much as may be said of the youngest transaction's envelope.
    fn envelope(&mut self, terms: Terms, now: Nanos, out: &mut Vec<u8>) {
        let Some(youngest) = self.behind.as_mut().or(self.front.as_mut()) else { return };
        let together =
            terms.offer(Extension::Pipelining) && self.options.pipelining != Pipelining::None;
        while together || self.expected.is_empty() {
            let size = terms.offer(Extension::Size);
            let said = youngest.say(self.options, self.composer, size, out);
            let Some(expected) = said else { return };
            self.expected.push_back((expected, now));
        }
    }

    /// Takes the complete replies out of `input`, which arrived at `now`, and adds each wait to
    /// `phases`. Returns how many bytes they were.
    ///
    /// # Errors
    /// [`Fault`]: the connection is of no more use.
    pub fn hear(
        &mut self,
        input: &[u8],
        now: Nanos,
        phases: &mut Phases,
        out: &mut Vec<u8>,
    ) -> Result<usize, Fault> {
        let mut used = 0;
        while let Some(reply) = reply::first(&input[used..])? {
            used += reply.len();
            let waited = self.answer(reply, now, out)?;
            if let (Some(phase), asked) = waited {
                phases.record(phase, now.saturating_sub(asked));
            }
            if self.awaits_handshake() {
                return if used == input.len() { Ok(used) } else { Err(Fault::Injected) };
            }
        }
        Ok(used)
    }

    /// Takes one reply; says what was waited for, and since when.
    fn answer(
        &mut self,
        reply: &[u8],
        now: Nanos,
        out: &mut Vec<u8>,
    ) -> Result<(Option<Phase>, Nanos), Fault> {
        let code = reply::code(reply);
        if code == 421 {
            return Err(Fault::Closing(reply::text(reply)));
        }
        let Some((expected, asked)) = self.expected.pop_front() else {
            return Err(Fault::AnswerToNothing(reply::text(reply)));
        };
        match expected {
            Expected::Reset => (),
            Expected::Bye => self.over = true,
            Expected::Greeting
            | Expected::Ehlo
            | Expected::Helo
            | Expected::StartTls
            | Expected::Auth(_) => return self.open((expected, asked), reply, now, out),
            expected => self.settle(expected, code, reply),
        }
        Ok((expected.phase(), asked))
    }

    /// An answer to the transaction in front.
    fn settle(&mut self, expected: Expected, code: u16, reply: &[u8]) {
        let Some(front) = self.front.as_mut() else { return };
        match expected {
            Expected::Sender => front.sender_answered(code, reply),
            Expected::Recipient(index) => front.recipient_answered(index, code, reply),
            Expected::Data | Expected::Chunk => front.data_answered(code, reply),
            _ => front.text_answered(code, reply),
        }
        if front.is_over() {
            self.stale |= front.leaves_stale();
            let over = self.front.take();
            self.outcomes.extend(over.map(|over| over.outcome(false)));
            self.front = self.behind.take();
        }
    }

    /// The connection has ended: what that means for the messages under way. Those whose text
    /// had not left are given back; they were not offered.
    #[must_use]
    pub fn lost(mut self) -> (Vec<Outcome>, Vec<Message>) {
        let mut back = Vec::new();
        for open in self.front.take().into_iter().chain(self.behind.take()) {
            if open.is_dotted() {
                self.outcomes.push(open.outcome(true));
            } else {
                back.push(open.into_message());
            }
        }
        (self.outcomes, back)
    }
}

#[cfg(test)]
mod tests;
