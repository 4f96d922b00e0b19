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
//!                    ^                |  \               |                   |
//!                    |                |   BDAT        refused text           |
//!                    |                |    v             v                  |
//!                    +--- CRLF.CRLF --|-- Chunk ------ Drain              committed,
//!                    |                |   | ^  \                          rejected
//!                    |                |   v |   LAST --> Committing          |
//!                    +--- bytes ---- Skip  Chunks                            |
//!                    +-------------------------------------------------------+
//!
//!  Ready --AUTH--> Authenticating <--> Challenged      (authenticated, denied: Ready)
//!  Fresh, Ready --STARTTLS--> Handshaking              (secured: Fresh)
//! ```
//!
//! While it is Committing, Authenticating or Handshaking it reads nothing: the caller has the
//! word, and ends that by the method named there.

mod body;
mod config;
mod peer;
mod protocol;
mod sasl;

use crate::reply::Reply;
use crate::text::{Drain, Text};
use event::MessageId;
use std::sync::Arc;

pub use crate::command::{
    Attribute, Attributes, Body, Dialect, Mail, Mechanism, Notify, Rcpt, Ret, SASL_LINE_MAX,
};
pub use crate::reply::Refusal;
pub use body::CHUNK_TINY;
pub use config::{Auth, Config, Door, Porter, RECIPIENTS_FLOOR, Rights, TEXT_LINE_MAX};
pub use sasl::{Denial, Sasl};

/// What the caller must do next. Borrows from the input; copies nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'i> {
    /// Nothing; the session has moved on by itself.
    Continue,
    /// Start a message from this sender.
    Sender(Mail<'i>),
    /// Add this recipient to the message.
    Recipient(Rcpt<'i>),
    /// Append these bytes to the message: as they came. From DATA they have their dots and are
    /// never cut inside a CRLF.
    Text(&'i [u8]),
    /// Make the message durable, then call [`Session::committed`] or [`Session::rejected`].
    Commit(Facts),
    /// Drop the message: the peer began anew, or its text is refused (the peer is told so when
    /// all of that has arrived).
    Discard,
    /// Send what is queued, then do the handshake, then call [`Session::secured`].
    StartTls,
    /// Go on with an authentication: [`Session::challenge`], [`Session::authenticated`] or
    /// [`Session::denied`], unless the peer broke it off.
    Sasl(Sasl<'i>),
    /// The peer speaks for somebody else from now on: find out what that one may, and
    /// [`Session::grant`] it. The conversation has begun anew.
    Xclient(Attributes<'i>),
    /// Send what is queued and hang up.
    Close,
}

/// What is known of a text when it has all arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Octets given as [`Step::Text`], without the terminator.
    pub bytes: u64,
    /// Lines that begin with a dot: where there are some, the text is not the same in both forms.
    /// Not counted in what is binary.
    pub dots: u64,
    /// Some octet is above 127.
    pub eight_bit: bool,
    /// How it came.
    pub form: Form,
    /// It ends with a whole line, or is empty. What came by DATA always does.
    pub ends_with_crlf: bool,
}

impl Facts {
    /// Octets of the message, dots for transparency not counted.
    #[must_use]
    pub const fn size(&self) -> u64 {
        match self.form {
            Form::Stuffed => self.bytes - self.dots,
            Form::Raw => self.bytes,
        }
    }
}

/// What became of the dots that begin a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// They are doubled: the text came by DATA.
    #[default]
    Stuffed,
    /// They are as written: the text came by BDAT.
    Raw,
}

/// What we wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// EHLO.
    Fresh,
    /// MAIL.
    Ready,
    /// RCPT, DATA or BDAT.
    Envelope { recipients: u16, utf8: bool, binary: bool },
    /// Text, and its end.
    Text(Text),
    /// The end of a refused text.
    Drain(Drain, Refusal),
    /// The next chunk.
    Chunks(Text),
    /// So many more bytes of a chunk.
    Chunk { text: Text, left: u64, last: bool },
    /// So many more bytes of a refused chunk.
    Skip { left: u64, refusal: Refusal },
    /// The caller, to make the message durable. We read nothing meanwhile.
    Committing,
    /// The peer's answer to a challenge.
    Challenged,
    /// The caller, to judge an answer.
    Authenticating,
    /// The caller, to do the handshake.
    Handshaking,
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
    /// Bytes of refused chunks, since the last accepted message.
    skipped: u64,
    transactions: u32,
    errors: u16,
    chatter: u16,
    /// Commands that brought no message nearer; it wraps.
    wasted: u16,
    recipients_refused: u16,
    auth_failures: u8,
    greeted_with_ehlo: bool,
    secure: bool,
    authenticated: bool,
    /// What was refused last, until somebody asks.
    refused: Option<Refusal>,
    rights: Rights,
    /// Octets in one message of this peer; the listener's limit holds as well.
    own_bytes_max: u64,
}

// Ten thousand idle peers cost a megabyte, their names aside.
const _: () = assert!(size_of::<Session>() <= 112, "an idle session is small");

impl Session {
    /// A conversation with nothing said, with a peer who may this by where it comes from.
    #[must_use]
    pub fn new(config: Arc<Config>, rights: Rights) -> Self {
        Self {
            config,
            helo: Box::default(),
            state: State::Fresh,
            skipped: 0,
            transactions: 0,
            errors: 0,
            chatter: 0,
            wasted: 0,
            recipients_refused: 0,
            auth_failures: 0,
            greeted_with_ehlo: false,
            secure: false,
            authenticated: false,
            refused: None,
            rights,
            own_bytes_max: u64::MAX,
        }
    }

    /// Says the first word.
    pub fn greet(&self, replies: &mut Vec<u8>) {
        Reply::Greeting.write(&self.config, replies);
    }

    /// Takes the next step out of `input`, queueing any reply it calls for.
    ///
    /// Returns the bytes used and the step, or `None` when it needs more bytes
    /// or the caller has the word.
    pub fn step<'i>(
        &mut self,
        input: &'i [u8],
        porter: impl Porter,
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        match self.state {
            State::Text(text) => self.text(text, input),
            State::Drain(drain, refusal) => self.drain(drain, refusal, input, replies),
            State::Chunk { text, left, last } => self.chunk(text, left, last, input, replies),
            State::Skip { left, refusal } => self.skip(left, refusal, input, replies),
            State::Challenged => self.answer(input, replies),
            State::Committing | State::Authenticating | State::Handshaking | State::Closed => None,
            State::Closing => {
                self.state = State::Closed;
                Some((0, Step::Close))
            }
            State::Fresh | State::Ready | State::Envelope { .. } | State::Chunks(_) => {
                self.line(input, porter, replies)
            }
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
        self.skipped = 0;
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

    /// The peer has done too much of something that the caller counts: tells it so, and
    /// [`Step::Close`] comes next.
    pub fn dismiss(&mut self, refusal: Refusal, replies: &mut Vec<u8>) {
        if !matches!(self.state, State::Closing | State::Closed) {
            self.state = State::Closing;
            self.turn_down(refusal, replies);
        }
    }

    /// What the peer was refused since this was asked last. No call refuses it twice.
    pub const fn take_refusal(&mut self) -> Option<Refusal> {
        self.refused.take()
    }

    fn turn_down(&mut self, refusal: Refusal, replies: &mut Vec<u8>) {
        self.refused = Some(refusal);
        replies.extend_from_slice(refusal.line().as_bytes());
    }

    /// How many commands brought no message nearer or were refused. It wraps.
    #[must_use]
    pub const fn wasted(&self) -> u16 {
        self.wasted
    }

    /// The handshake is done, be it because of STARTTLS, before the first word, or with somebody
    /// in front of us whom the caller believes: what was said in clear text is forgotten.
    ///
    /// [RFC 3207 §4.2](https://www.rfc-editor.org/rfc/rfc3207#section-4.2)
    ///
    /// # Panics
    /// If the peer was in the middle of something else.
    pub fn secured(&mut self) {
        assert!(
            matches!(self.state, State::Handshaking | State::Fresh) && !self.secure,
            "no handshake is due"
        );
        self.secure = true;
        self.forget();
    }

    /// Back to the first word: the peer has to say anew who it is.
    fn forget(&mut self) {
        self.state = State::Fresh;
        self.helo = Box::default();
        self.greeted_with_ehlo = false;
        self.authenticated = false;
    }

    /// What comes next is message text: read it into a large buffer.
    #[must_use]
    pub const fn in_text(&self) -> bool {
        matches!(
            self.state,
            State::Text(_)
                | State::Drain(..)
                | State::Chunks(_)
                | State::Chunk { .. }
                | State::Skip { .. }
        )
    }

    /// A text is on its way: the peer has no reason to pause. Between two chunks it may think
    /// as long as in front of any other command.
    ///
    /// [RFC 5321 §4.5.3.2.7](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2.7)
    #[must_use]
    pub const fn awaits_text(&self) -> bool {
        self.in_text() && !matches!(self.state, State::Chunks(_))
    }

    /// How the text comes that is on its way.
    #[must_use]
    pub const fn form(&self) -> Form {
        match self.state {
            State::Chunks(_) | State::Chunk { .. } => Form::Raw,
            _ => Form::Stuffed,
        }
    }

    /// Octets of text that the peer has announced, beyond those taken.
    #[must_use]
    pub const fn announced(&self) -> Option<u64> {
        match self.state {
            State::Chunk { left, .. } => Some(left),
            _ => None,
        }
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
            State::Envelope { .. }
                | State::Text(_)
                | State::Drain(..)
                | State::Chunks(_)
                | State::Chunk { .. }
                | State::Skip { .. }
                | State::Committing
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

    /// The connection is encrypted.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The peer has said who it is, and proved it.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        self.authenticated
    }
}

#[cfg(test)]
mod tests;
