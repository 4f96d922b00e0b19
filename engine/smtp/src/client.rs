//! The client session: one peer, envelopes said ahead of their answers.
//!
//! The caller owns the socket and runs one loop:
//!
//! 1. while [`Session::wants`] and there is work, [`Session::begin`] it;
//! 2. call [`Session::say`] until it returns `None`: it appends commands, and for
//!    [`Say::Text`] the caller puts that transaction's text and `.` CRLF in their place, for
//!    [`Say::Chunk`] its octets and nothing else;
//! 3. send all that, reading while the peer does not take it (or both ends would wait); if a text
//!    is sent in parts, [`Session::text_begins`] and [`Session::text_ends`] say so;
//! 4. give what was read to [`Session::hear`] until it asks for more bytes, acting on each
//!    [`Heard`]; wait no longer than [`Session::waiting`] says.
//!
//! At [`Heard::StartTls`] the caller shakes hands and calls [`Session::secured`]: all else is sealed.
//!
//! When the connection ends, however it ends, [`Session::lost`] gives what is left: every
//! recipient gets exactly one verdict, there or with [`Heard::Done`].
//!
//! On a warm connection the next envelope leaves behind the last message's final dot: while the
//! peer judges one message, the answers to the next envelope are already on their way. To a peer
//! that offers CHUNKING small messages leave whole, as many at once as [`Session::set_depth`] says.
//! [RFC 2920 §3.1](https://www.rfc-editor.org/rfc/rfc2920#section-3.1)

mod answer;
mod config;
mod envelope;
mod fault;
mod flight;
mod introduction;
mod offers;
mod patience;
mod transaction;

use answer::{Answer, Class};
use event::{EnhancedCode, Response};
use flight::Flight;
use introduction::{Introduction, Progress};
use offers::Offers;
use std::collections::VecDeque;
use transaction::{End, Line, Transaction};

pub use crate::command::{Body, Notify, Ret};
pub use answer::{REPLY_BYTES_MAX, REPLY_LINE_BYTES_MAX, REPLY_LINES_MAX};
pub use config::{Config, Tls};
pub use envelope::{Envelope, Recipient};
pub use fault::PeerFault;
pub use flight::{AHEAD_BYTES_MAX, DEPTH_MAX, IN_FLIGHT_BYTES_MAX};
pub use introduction::NO_STARTTLS;
pub use patience::Patience;

/// What to send besides the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say<'s, T> {
    /// The text of this transaction, dot-stuffed, and `.` CRLF.
    Text(&'s T),
    /// The text of this transaction as it is: as many octets as its envelope said.
    Chunk(&'s T),
}

/// What an answer meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<T> {
    /// Something that changes nothing for the caller.
    Nothing,
    /// The peer is ready for the handshake of TLS: shake hands, and call [`Session::secured`].
    StartTls,
    /// The peer is ready for the first transaction.
    Ready,
    /// A transaction is over: a verdict for each recipient, in the envelope's order.
    Done(T, Vec<Verdict>),
    /// The peer ends the conversation (421, or a no before it had the whole text), or would not
    /// begin it. Call [`Session::lost`].
    Closing(Response),
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The peer has taken responsibility for the message.
    Delivered(Response),
    /// Not now; try again later.
    Deferred(Response),
    /// Not ever; tell the sender.
    Failed(Response),
    /// The connection ended before the text left: it counts as no attempt.
    NotTried,
    /// The text left and no answer came: it may have been delivered.
    Unknown,
}

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Each is told who the other is.
    Introducing,
    /// Transactions come and go.
    Open,
    /// Those begun are finished, then QUIT is said.
    Leaving,
    /// We wait for the last word.
    Quit,
    /// Nothing more is said, and nothing heard.
    Closed,
}

/// One SMTP conversation, seen from the client. `T` is the caller's token for a transaction.
#[derive(Debug)]
pub struct Session<T> {
    introduction: Introduction,
    phase: Phase,
    offers: Offers,
    /// In the order in which they are said, and answered. Only the last may have something left
    /// to say.
    transactions: VecDeque<Transaction<T>>,
    flight: Flight,
    begun: u32,
    /// The peer may still hold an envelope we gave up: RSET goes first.
    stale: bool,
    /// A part of the text said last has not left.
    sending: bool,
    fault: Option<PeerFault>,
}

impl<T> Session<T> {
    /// A connection just made.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            introduction: Introduction::new(config),
            phase: Phase::Introducing,
            offers: Offers::default(),
            transactions: VecDeque::new(),
            flight: Flight::default(),
            begun: 0,
            stale: false,
            sending: false,
            fault: None,
        }
    }

    /// How many messages may be on their way at once from now on, where the peer lets us: one
    /// (so it is at first) up to [`DEPTH_MAX`]. At one, no text leaves before its envelope was
    /// answered, so that nothing is in doubt when a peer closes between two messages. The first
    /// message of a connection is on its way alone.
    pub fn set_depth(&mut self, depth: u16) {
        self.flight.set_depth(depth);
    }

    /// A transaction may begin now.
    #[must_use]
    pub fn wants(&self) -> bool {
        let room = match self.transactions.back() {
            None => true,
            Some(last) => {
                let has_room = self.flight.has_room(self.transactions.len());
                has_room && self.offers.pipelining && last.lets_follow(&self.flight)
            }
        };
        room && self.phase == Phase::Open && !self.is_spent()
    }

    /// The peer takes no more messages on this connection (RFC 9422, MAILMAX).
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.offers.messages_max.is_some_and(|max| self.begun >= max)
    }

    /// Begins a transaction. If the peer cannot take it at all, nothing will be said, and its
    /// verdicts come back at once.
    ///
    /// # Panics
    /// If not [`Self::wants`], or an envelope has no recipient: the caller asks first.
    #[must_use]
    pub fn begin(&mut self, token: T, envelope: Envelope<'_>) -> Option<(T, Vec<Verdict>)> {
        assert!(self.wants(), "a transaction begins when the session wants one");
        assert!(!envelope.recipients.is_empty(), "an envelope has a recipient");
        if let Some(refused) = self.offers.refuse(&envelope) {
            return Some((token, vec![Verdict::Failed(refused); envelope.recipients.len()]));
        }
        let carrier = self.flight.carrier(&envelope, &self.offers);
        let reset = self.stale || self.transactions.back().is_some_and(Transaction::may_linger);
        let transaction = Transaction::new(token, &envelope, carrier, &self.offers, reset);
        self.flight.begin(transaction.octets);
        self.stale = false;
        self.begun += 1;
        self.transactions.push_back(transaction);
        None
    }

    /// Appends to `out` what may be said now, up to the next text or the next answer we need.
    ///
    /// `Some`: the caller puts that text behind what is in `out` so far, and calls again: the
    /// next envelope rides in the same write. `None`: nothing more for now.
    pub fn say(&mut self, out: &mut Vec<u8>) -> Option<Say<'_, T>> {
        match self.phase {
            Phase::Introducing => self.introduction.say(out),
            Phase::Leaving if self.transactions.is_empty() => {
                out.extend_from_slice(b"QUIT\r\n");
                self.phase = Phase::Quit;
            }
            Phase::Open | Phase::Leaving => {
                // None begins before all behind which it stands may be said (see `wants`).
                let first = self.transactions.partition_point(Transaction::is_said);
                for transaction in self.transactions.range_mut(first..) {
                    if let Some(line) = transaction.say(self.offers.pipelining, out) {
                        let token = &transaction.token;
                        let chunk = line == Line::Chunk;
                        return Some(if chunk { Say::Chunk(token) } else { Say::Text(token) });
                    }
                }
            }
            _ => {}
        }
        None
    }

    /// The text said last leaves in parts. A peer that takes it before the last of them is at fault,
    /// for it has not had it. A no is a verdict, and [`Heard::Closing`]: what such a peer makes of
    /// the rest is not known.
    pub const fn text_begins(&mut self) {
        self.sending = true;
    }

    /// The last part is about to leave.
    pub const fn text_ends(&mut self) {
        self.sending = false;
    }

    /// Takes the first reply in `input`: how many bytes it took, and what it meant; or zero and
    /// `None` when it has not all arrived.
    ///
    /// # Errors
    /// The peer's fault: hang up and call [`Self::lost`].
    pub fn hear(&mut self, input: &[u8]) -> Result<(usize, Option<Heard<T>>), PeerFault> {
        let heard = match Answer::read(input) {
            Ok(None) => return Ok((0, None)),
            Ok(Some((answer, used))) => match self.take(&answer) {
                // What stands there was said by whoever listened to the line, to be taken for
                // what the peer says under TLS.
                Ok(Heard::StartTls) if used < input.len() => Err(PeerFault::BeforeTls),
                heard => heard.map(|heard| (used, Some(heard))),
            },
            Err(fault) => Err(fault),
        };
        if let Err(fault) = heard {
            self.fault = Some(fault);
            self.phase = Phase::Closed;
        }
        heard
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<Heard<T>, PeerFault> {
        if answer.code == 421 && self.phase != Phase::Closed {
            return Ok(self.closing(answer));
        }
        match self.phase {
            Phase::Introducing => self.introduced(answer),
            Phase::Open | Phase::Leaving => self.transaction(answer),
            Phase::Quit => Ok(self.closing(answer)),
            Phase::Closed => Err(PeerFault::AnswerToNothing),
        }
    }

    /// A step of the introduction. If the peer will not have us, we say QUIT, as
    /// [RFC 5321 §3.1](https://www.rfc-editor.org/rfc/rfc5321#section-3.1) has it wait for that.
    fn introduced(&mut self, answer: &Answer<'_>) -> Result<Heard<T>, PeerFault> {
        Ok(match self.introduction.hear(answer)? {
            Progress::Underway => Heard::Nothing,
            Progress::Ready(offers) => {
                self.offers = offers;
                self.phase = Phase::Open;
                Heard::Ready
            }
            Progress::StartTls => Heard::StartTls,
            Progress::Refused(response) => {
                self.phase = Phase::Leaving;
                Heard::Closing(response)
            }
        })
    }

    /// The handshake is complete: the peer is asked again what it offers.
    ///
    /// # Panics
    /// If it was not [`Heard::StartTls`] that was heard last.
    pub fn secured(&mut self) {
        self.introduction.secured();
    }

    /// Why there is no TLS although it was asked for, once the peer is ready: what "the host" did.
    #[must_use]
    pub fn bare(&self) -> Option<&str> {
        self.introduction.bare()
    }

    fn transaction(&mut self, answer: &Answer<'_>) -> Result<Heard<T>, PeerFault> {
        if self.sending && self.is_early() {
            return match answer.class() {
                Class::Done | Class::GoOn => Err(PeerFault::WrongAnswer(answer.code)),
                Class::Transient | Class::Permanent => Ok(self.closing(answer)),
            };
        }
        let first = self.transactions.front_mut().ok_or(PeerFault::AnswerToNothing)?;
        first.hear(answer)?;
        if !first.is_over() {
            return Ok(Heard::Nothing);
        }
        let over = self.transactions.pop_front().expect("it was there a line ago");
        self.flight.end(over.octets);
        if over.text_is_said() {
            self.flight.prove();
        }
        // What is on its way behind it has said RSET.
        self.stale = over.was_left_open() && self.transactions.is_empty();
        let (token, verdicts) = over.finish(End::Lost);
        Ok(Heard::Done(token, verdicts))
    }

    /// The next answer is to a text of which a part has not left: one said last, and alone.
    fn is_early(&self) -> bool {
        let mut open = self.transactions.iter();
        open.next().is_some_and(Transaction::awaits_verdict) && open.all(Transaction::is_unsaid)
    }

    /// 421 may come at any time. As the answer to a text it is a verdict on it, as is any no that
    /// ends the conversation; whatever else it came for was not tried.
    ///
    /// [RFC 5321 §3.8](https://www.rfc-editor.org/rfc/rfc5321#section-3.8)
    fn closing(&mut self, answer: &Answer<'_>) -> Heard<T> {
        self.phase = Phase::Closed;
        let (response, is_final) = (answer.response(), answer.class() == Class::Permanent);
        if let Some(first) = self.transactions.front_mut().filter(|first| first.awaits_verdict()) {
            let verdict = if is_final { Verdict::Failed } else { Verdict::Deferred };
            first.settle_open(&verdict(response.clone()));
        }
        Heard::Closing(response)
    }

    /// The connection has ended: each transaction not done yet, with a verdict for each
    /// recipient. After a [`PeerFault`] what was not tried is deferred: the next time would
    /// be no better.
    #[must_use]
    pub fn lost(self) -> Vec<(T, Vec<Verdict>)> {
        let end = match self.fault {
            Some(fault) => End::Fault(fault),
            None if self.phase == Phase::Closed => End::Closing,
            None => End::Lost,
        };
        let open = self.transactions.into_iter();
        open.map(|transaction| transaction.finish(end)).collect()
    }

    /// Begins no more transactions, and says QUIT when those begun are over.
    pub fn quit(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Leaving;
        }
    }

    /// What we wait for now; `None` when it is for us to say something.
    #[must_use]
    pub fn waiting(&self) -> Option<Patience> {
        match self.phase {
            Phase::Introducing => self.introduction.waiting(),
            Phase::Open | Phase::Leaving => {
                self.transactions.iter().find_map(Transaction::patience)
            }
            Phase::Quit => Some(Patience::Quit),
            Phase::Closed => None,
        }
    }

    /// The peer reports to senders itself, as they asked (RFC 3461): it was told.
    #[must_use]
    pub const fn reports(&self) -> bool {
        self.offers.dsn
    }

    /// Between two messages, as the peer sees it: of no message begun anything was answered.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.transactions.front().is_none_or(Transaction::is_unanswered)
    }

    /// Warm and free: greeted, nothing begun, nothing outstanding.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Open && self.transactions.is_empty()
    }
}

/// What we say ourselves of a message the peer cannot take.
fn refused(code: u16, enhanced: (u16, u16), text: &str) -> Response {
    let class = if code < 500 { 4 } else { 5 };
    Response::local(code, EnhancedCode::new(class, enhanced.0, enhanced.1), text)
}

#[cfg(test)]
mod tests;
