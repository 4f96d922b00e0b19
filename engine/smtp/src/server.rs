//! The server session: one peer, one conversation, any number of messages.
//!
//! The caller owns the socket and runs one loop:
//!
//! 1. call [`Session::step`] until it returns `None`, acting on every [`Step`];
//! 2. send `replies`, all of them at once;
//! 3. read more bytes behind those not used yet, and start again.
//!
//! Pipelining needs no code of its own: a burst of commands is a burst of
//! steps, and their replies leave together.
//! [RFC 2920 §3.2](https://www.rfc-editor.org/rfc/rfc2920#section-3.2)
//!
//! ```text
//!  Fresh --EHLO--> Ready --MAIL--> Envelope --DATA--> Text --CRLF.CRLF--> Committing
//!                    ^                                  |                     |
//!                    |                           refused text             committed,
//!                    |                                  v                  rejected
//!                    +------- CRLF.CRLF ------------- Drain                   |
//!                    +--------------------------------------------------------+
//! ```

mod config;

use crate::address::Path;
use crate::command::{self, Command};
use crate::reply::Reply;
use crate::text::{Drain, Stop, TERMINATOR, Text};
use event::MessageId;
use std::sync::Arc;

pub use crate::command::Mail;
pub use crate::reply::Refusal;
pub use config::{Config, Door, RECIPIENTS_FLOOR, TEXT_LINE_MAX};

/// What the caller must do next. Borrows from the input; copies nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'i> {
    /// Nothing; the session has moved on by itself.
    Continue,
    /// Start a message from this sender; drop one that was started before.
    Sender(Mail<'i>),
    /// Add this recipient to the message. `postmaster` may come without a domain: it is ours.
    Recipient(&'i [u8]),
    /// Append these bytes to the message: wire form, dots and all, never cut inside a CRLF.
    Text(&'i [u8]),
    /// Make the message durable, then call [`Session::committed`] or [`Session::rejected`].
    Commit(Facts),
    /// Drop the message: its text is refused. The peer is told when it has all arrived.
    Discard,
    /// Send what is queued and hang up.
    Close,
}

/// What is known of a text when it has all arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Octets given as [`Step::Text`]: wire form, without the terminator.
    pub bytes: u64,
    /// Some line begins with a dot, so the text differs from its wire form.
    pub dotted: bool,
    /// Some octet is above 127.
    pub eight_bit: bool,
}

/// What we wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// EHLO.
    Fresh,
    /// MAIL.
    Ready,
    /// RCPT or DATA.
    Envelope { recipients: u16, utf8: bool },
    /// Text, and its end.
    Text(Text),
    /// The end of a refused text.
    Drain(Drain, Refusal),
    /// The caller, to make the message durable. We read nothing meanwhile.
    Committing,
    /// The caller, to hang up.
    Closing,
    /// Nothing any more.
    Closed,
}

/// One SMTP conversation, seen from the server.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    helo: Box<[u8]>,
    state: State,
    transactions: u32,
    errors: u16,
    chatter: u16,
    greeted_with_ehlo: bool,
    may_relay: bool,
}

// Ten thousand idle peers cost a megabyte, their names aside.
const _: () = assert!(size_of::<Session>() <= 96, "an idle session is small");

impl Session {
    /// A conversation with nothing said. `may_relay`: the peer is one we take mail from for
    /// anywhere; from others we take it for our postmaster only.
    #[must_use]
    pub fn new(config: Arc<Config>, may_relay: bool) -> Self {
        Self {
            config,
            helo: Box::default(),
            state: State::Fresh,
            transactions: 0,
            errors: 0,
            chatter: 0,
            greeted_with_ehlo: false,
            may_relay,
        }
    }

    /// Says the first word.
    pub fn greet(&self, replies: &mut Vec<u8>) {
        Reply::Greeting.write(&self.config, replies);
    }

    /// Takes the next step out of `input`, queueing any reply it calls for.
    ///
    /// Returns the bytes used and the step, or `None` when it needs more bytes
    /// or is waiting for [`Self::committed`].
    pub fn step<'i>(
        &mut self,
        input: &'i [u8],
        door: Door,
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        match self.state {
            State::Text(text) => self.text(text, input),
            State::Drain(drain, refusal) => self.drain(drain, refusal, input, replies),
            State::Committing | State::Closed => None,
            State::Closing => {
                self.state = State::Closed;
                Some((0, Step::Close))
            }
            _ => self.line(input, door, replies),
        }
    }

    /// The message is durable: tell the peer so, and read on.
    ///
    /// # Panics
    /// If no commit is outstanding: accepting mail we do not hold loses it.
    pub fn committed(&mut self, id: MessageId, replies: &mut Vec<u8>) {
        assert_eq!(self.state, State::Committing, "no commit is outstanding");
        self.state = State::Ready;
        self.errors = 0;
        self.chatter = 0;
        Reply::Accepted(id).write(&self.config, replies);
    }

    /// The message was not taken: tell the peer why, and read on (or [`Step::Close`] comes next).
    ///
    /// # Panics
    /// If no commit is outstanding.
    pub fn rejected(&mut self, refusal: Refusal, replies: &mut Vec<u8>) {
        assert_eq!(self.state, State::Committing, "no commit is outstanding");
        self.state = State::Ready;
        self.refuse(refusal, replies);
    }

    /// What comes next is message text: read it into a large buffer.
    #[must_use]
    pub const fn in_text(&self) -> bool {
        matches!(self.state, State::Text(_) | State::Drain(..))
    }

    /// We wait for the first byte of a command: no buffer is needed until it comes.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Fresh | State::Ready | State::Envelope { .. })
    }

    /// From MAIL until the message is answered for: a drain lets it finish.
    #[must_use]
    pub const fn in_transaction(&self) -> bool {
        matches!(
            self.state,
            State::Envelope { .. } | State::Text(_) | State::Drain(..) | State::Committing
        )
    }

    /// The name the client greeted with; empty before that.
    #[must_use]
    pub fn helo(&self) -> &[u8] {
        &self.helo
    }

    /// It greeted with EHLO, not HELO.
    #[must_use]
    pub const fn greeted_with_ehlo(&self) -> bool {
        self.greeted_with_ehlo
    }

    fn line<'i>(
        &mut self,
        input: &'i [u8],
        door: Door,
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        let (line, used) = command::first_line(input)?;
        // A peer whose lines we cannot tell apart is not worth guessing about: these refusals
        // end the connection.
        let command = line.and_then(Command::parse);
        let text_waits = input.len() > used;
        let next = command.and_then(|command| match self.transition(command, door)? {
            // RFC 2920 §3.1: DATA ends a group. What follows it unasked is not meant as text.
            (State::Text(_), ..) if text_waits => Err(Refusal::EarlyText),
            next => Ok((command, next)),
        });
        Some((
            used,
            match next {
                Ok((command, (state, reply, step))) => {
                    self.note(command);
                    self.state = state;
                    reply.write(&self.config, replies);
                    step
                }
                Err(refusal) => self.refuse(refusal, replies),
            },
        ))
    }

    /// The whole protocol. A refused command leaves the state as it was.
    ///
    /// [RFC 5321 §4.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.4)
    fn transition<'i>(
        &self,
        command: Command<'i>,
        door: Door,
    ) -> Result<(State, Reply, Step<'i>), Refusal> {
        use {Command as C, State as S};
        Ok(match (self.state, command) {
            (_, C::Quit) => (S::Closed, Reply::Bye, Step::Close),
            (state, _) if self.chatter >= self.config.chatter_max && is_chatter(state, command) => {
                return Err(Refusal::TooManyErrors);
            }
            (_, C::Ehlo(_)) => (S::Ready, Reply::Extensions, Step::Continue),
            (_, C::Helo(_)) => (S::Ready, Reply::Hello, Step::Continue),
            (state, C::Noop) => (state, Reply::Ok, Step::Continue),
            (state, C::Vrfy) => (state, Reply::Verify, Step::Continue),
            (state, C::Help) => (state, Reply::Help, Step::Continue),
            (S::Fresh, C::Rset) => (S::Fresh, Reply::Ok, Step::Continue),
            (_, C::Rset) => (S::Ready, Reply::Ok, Step::Continue),
            (S::Ready, C::Mail(mail)) => {
                self.admit(mail, door)?;
                let envelope = S::Envelope { recipients: 0, utf8: mail.utf8 };
                (envelope, Reply::Sender, Step::Sender(mail))
            }
            (S::Envelope { recipients, utf8 }, C::Rcpt(path)) => {
                self.take(path, recipients, utf8)?;
                let envelope = S::Envelope { recipients: recipients + 1, utf8 };
                (envelope, Reply::Recipient, Step::Recipient(path.mailbox))
            }
            (S::Envelope { recipients: 1.., .. }, C::Data) => {
                (S::Text(Text::default()), Reply::GoAhead, Step::Continue)
            }
            _ => return Err(Refusal::OutOfOrder),
        })
    }

    /// Whether a transaction may begin.
    fn admit(&self, mail: Mail<'_>, door: Door) -> Result<(), Refusal> {
        match door {
            Door::Open => {}
            Door::Full => return Err(Refusal::InsufficientStorage),
            Door::Draining => return Err(Refusal::ShuttingDown),
        }
        if self.transactions >= self.config.transactions_max {
            return Err(Refusal::TooManyMessages);
        }
        // RFC 1870 §6.1: what is announced too big need not be sent at all.
        if mail.size.is_some_and(|size| size > self.config.message_bytes_max) {
            return Err(Refusal::MessageTooBig);
        }
        Ok(())
    }

    /// Whether a transaction with so many recipients may have one more, this one.
    fn take(&self, path: Path<'_>, recipients: u16, utf8: bool) -> Result<(), Refusal> {
        let ours = path.is_postmaster_of(&self.config.hostname);
        if recipients >= self.config.recipients_max {
            Err(Refusal::TooManyRecipients)
        } else if path.utf8 && !utf8 {
            Err(Refusal::NeedsUtf8)
        } else if !ours && !self.may_relay {
            Err(Refusal::RelayDenied)
        } else if path.literal {
            Err(Refusal::LiteralNotRouted)
        } else {
            Ok(())
        }
    }

    /// Keeps what of a command outlives it.
    fn note(&mut self, command: Command<'_>) {
        if is_chatter(self.state, command) {
            self.chatter = self.chatter.saturating_add(1);
        }
        match command {
            Command::Mail(_) => self.transactions += 1,
            Command::Ehlo(name) | Command::Helo(name) => {
                self.helo = name.into();
                self.greeted_with_ehlo = matches!(command, Command::Ehlo(_));
            }
            _ => {}
        }
    }

    fn text<'i>(&mut self, mut text: Text, input: &'i [u8]) -> Option<(usize, Step<'i>)> {
        let (used, stop) = text.scan(input, self.config.bounds());
        self.state = State::Text(text);
        if let Stop::Fault(refusal) = stop {
            let drain = Drain::after(&text, self.config.drain_bytes_max());
            self.state = State::Drain(drain, refusal);
            return Some((used, Step::Discard));
        }
        if used > 0 {
            return Some((used, Step::Text(input.get(..used)?)));
        }
        (stop == Stop::End).then(|| self.state = State::Committing)?;
        Some((TERMINATOR.len(), Step::Commit(text.into())))
    }

    /// A refused text is read to its true end before it is answered: whoever sent it must not
    /// have the rest of it taken for commands.
    fn drain<'i>(
        &mut self,
        mut drain: Drain,
        refusal: Refusal,
        input: &'i [u8],
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        let (used, stop) = drain.scan(input);
        self.state = State::Drain(drain, refusal);
        match stop {
            Stop::End => {
                self.state = State::Ready;
                Some((TERMINATOR.len(), self.refuse(refusal, replies)))
            }
            Stop::Fault(_) => {
                self.state = State::Closed;
                replies.extend_from_slice(refusal.line().as_bytes());
                Some((used, Step::Close))
            }
            Stop::Starved => (used > 0).then_some((used, Step::Continue)),
        }
    }

    /// Says why not; and if there have been too many of these, that it is enough.
    fn refuse<'i>(&mut self, refusal: Refusal, replies: &mut Vec<u8>) -> Step<'i> {
        self.errors = self.errors.saturating_add(refusal.weight());
        self.chatter = self.chatter.saturating_add(1);
        let worn_out =
            self.errors >= self.config.errors_max || self.chatter > self.config.chatter_max;
        let last = if worn_out { Refusal::TooManyErrors } else { refusal };
        replies.extend_from_slice(last.line().as_bytes());
        if last.ends_connection() {
            self.state = State::Closing;
        }
        Step::Continue
    }
}

/// A command that brings no message nearer.
const fn is_chatter(state: State, command: Command<'_>) -> bool {
    !matches!(
        (state, command),
        (State::Fresh, Command::Ehlo(_) | Command::Helo(_))
            | (State::Ready, Command::Mail(_))
            | (State::Envelope { .. }, Command::Rcpt(_) | Command::Data)
    )
}

impl From<Text> for Facts {
    fn from(text: Text) -> Self {
        Self { bytes: text.bytes, dotted: text.dots > 0, eight_bit: text.eight_bit }
    }
}

#[cfg(test)]
mod tests;
