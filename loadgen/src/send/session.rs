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

mod transaction;

use super::measured::{Phase, Phases};
use super::work::{Message, Next};
use super::{Options, Pipelining};
use crate::clock::Nanos;
use crate::message::{Composer, Print};
use std::collections::VecDeque;
use transaction::Transaction;

/// Lines of one reply that we put up with.
const REPLY_BYTES_MAX: usize = 64 * 1_024;

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
    Sender,
    Recipient(usize),
    Data,
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
            Self::Data => Some(Phase::Data),
            Self::Final => Some(Phase::Final),
            Self::Reset | Self::Bye => None,
        }
    }
}

/// What the server offered in answer to EHLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Terms {
    pipelining: bool,
    eight_bit: bool,
    size: bool,
}

/// One connection.
#[derive(Debug)]
pub struct Session<'o> {
    options: &'o Options,
    composer: &'o Composer,
    /// Each with the moment at which it was asked for.
    expected: VecDeque<(Expected, Nanos)>,
    /// What the server offered, once it has taken EHLO or HELO.
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
    /// A connection made at `now`.
    #[must_use]
    pub fn new(options: &'o Options, composer: &'o Composer, now: Nanos) -> Self {
        Self {
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
        if self.front.as_ref().is_some_and(Transaction::is_invited) {
            self.text(terms, now, next, out);
        } else if self.front.is_some() {
            self.envelope(terms, now, out);
        } else if self.expected.is_empty() {
            if std::mem::take(&mut self.stale) {
                self.command(b"RSET\r\n", Expected::Reset, now, out);
            }
            match if self.is_spent() { Next::Done } else { next() } {
                Next::Offer(message) => self.front = Some(self.begin(message, terms, now)),
                Next::Wait(until) => return Some(until),
                Next::Done => self.command(b"QUIT\r\n", Expected::Bye, now, out),
            }
            self.envelope(terms, now, out);
        }
        None
    }

    /// Says the text in front, and behind it the next envelope. That nothing is due is no
    /// reason to wait here: the answer to the final dot comes first.
    fn text(
        &mut self,
        terms: Terms,
        now: Nanos,
        mut next: impl FnMut() -> Next,
        out: &mut Vec<u8>,
    ) {
        let Some(front) = self.front.as_mut() else { return };
        front.text(self.composer, self.options, out);
        self.expected.push_back((Expected::Final, now));
        let ahead = terms.pipelining && self.options.pipelining == Pipelining::Full;
        if !ahead || self.is_spent() {
            return;
        }
        if let Next::Offer(message) = next() {
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
        Transaction::new(message, self.options, self.composer, terms.eight_bit, now)
    }

    /// Says as much as may be said of the youngest transaction's envelope.
    fn envelope(&mut self, terms: Terms, now: Nanos, out: &mut Vec<u8>) {
        let Some(youngest) = self.behind.as_mut().or(self.front.as_mut()) else { return };
        let together = terms.pipelining && self.options.pipelining != Pipelining::None;
        while together || self.expected.is_empty() {
            let Some(expected) = youngest.say(self.options, terms.size, out) else { return };
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
        while let Some(reply) = reply(&input[used..])? {
            used += reply.len();
            let waited = self.answer(reply, now, out)?;
            if let (Some(phase), asked) = waited {
                phases.record(phase, now.saturating_sub(asked));
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
        let code = code(reply);
        let text = || String::from_utf8_lossy(reply.trim_ascii_end()).into_owned();
        if code == 421 {
            return Err(Fault::Closing(text()));
        }
        let Some((expected, asked)) = self.expected.pop_front() else {
            return Err(Fault::AnswerToNothing(text()));
        };
        match (expected, code) {
            (Expected::Greeting, 200..=299) => {
                let line = format!("EHLO {}\r\n", self.options.helo);
                self.command(line.as_bytes(), Expected::Ehlo, now, out);
            }
            (Expected::Ehlo, 200..=299) => self.welcome(reply),
            (Expected::Ehlo, 500..=599) => {
                let line = format!("HELO {}\r\n", self.options.helo);
                self.command(line.as_bytes(), Expected::Helo, now, out);
            }
            (Expected::Helo, 200..=299) => self.terms = Some(Terms::default()),
            (Expected::Greeting | Expected::Ehlo | Expected::Helo, _) => {
                return Err(Fault::Unwelcome(text()));
            }
            (Expected::Reset, _) => (),
            (Expected::Bye, _) => self.over = true,
            (expected, code) => self.settle(expected, code, reply),
        }
        Ok((expected.phase(), asked))
    }

    fn welcome(&mut self, reply: &[u8]) {
        let offers = |keyword: &[u8]| {
            let mut lines = reply.split(|byte| *byte == b'\n').filter_map(|line| line.get(4..));
            lines.any(|line| {
                let word = line.split(|byte| b" \r".contains(byte)).next().unwrap_or_default();
                word.eq_ignore_ascii_case(keyword)
            })
        };
        self.terms = Some(Terms {
            pipelining: offers(b"PIPELINING"),
            eight_bit: offers(b"8BITMIME"),
            size: offers(b"SIZE"),
        });
    }

    /// An answer to the transaction in front.
    fn settle(&mut self, expected: Expected, code: u16, reply: &[u8]) {
        let Some(front) = self.front.as_mut() else { return };
        match expected {
            Expected::Sender => front.sender_answered(code, reply),
            Expected::Recipient(index) => front.recipient_answered(index, code, reply),
            Expected::Data => front.data_answered(code, reply),
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

/// The first complete reply in `input`, all its lines.
fn reply(input: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let mut start = 0;
    while let Some(length) = memchr::memchr(b'\n', &input[start..]) {
        let line = &input[start..=start + length];
        let shown =
            || Fault::NotAReply(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
        if line.len() < 5 || !line[..3].iter().all(u8::is_ascii_digit) {
            return Err(shown());
        }
        start += line.len();
        match line[3] {
            b'-' => (),
            b' ' | b'\r' => return Ok(Some(&input[..start])),
            _ => return Err(shown()),
        }
    }
    let endless = input.len() > REPLY_BYTES_MAX;
    if endless { Err(Fault::NotAReply("a reply without end".to_owned())) } else { Ok(None) }
}

/// The three digits in front.
fn code(reply: &[u8]) -> u16 {
    reply.iter().take(3).fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
}

#[cfg(test)]
mod tests;
