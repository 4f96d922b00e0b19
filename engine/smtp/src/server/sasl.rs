//! An authentication: who has the word, and what is said. What it means is the caller's business.

use super::{Mechanism, Refusal, SASL_LINE_MAX, Session, State, Step};
use crate::command;
use crate::reply::{self, Reply};
use std::fmt;

/// What the peer said in an authentication. All of it is base64 still, if it is that at all, and
/// all of it may be a password: its debug form keeps it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sasl<'i> {
    /// AUTH. Forget what was begun before.
    Begin {
        /// The way it chose.
        mechanism: Mechanism,
        /// What it says without being asked.
        initial: Option<&'i [u8]>,
    },
    /// The answer to a challenge.
    Answer(&'i [u8]),
    /// It broke off, and was told so: nothing is to be answered.
    Cancelled,
}

impl fmt::Debug for Sasl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { mechanism, .. } => write!(f, "Begin({mechanism:?}, ***)"),
            Self::Answer(_) => f.write_str("Answer(***)"),
            Self::Cancelled => f.write_str("Cancelled"),
        }
    }
}

/// Why an authentication failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Wrong name or password, and which of them is not said.
    Credentials,
    /// What the peer said cannot be understood.
    Malformed,
    /// We cannot check it now.
    Temporary,
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Credentials => Self::AuthDenied,
            Denial::Malformed => Self::AuthMalformed,
            Denial::Temporary => Self::AuthUnavailable,
        }
    }
}

impl Refusal {
    /// A line of an authentication that is too long is told by a code of its own.
    ///
    /// [RFC 4954 §4](https://www.rfc-editor.org/rfc/rfc4954#section-4)
    pub(super) fn of_authentication(self) -> Self {
        if self == Self::LineTooLong { Self::AuthLineTooLong } else { self }
    }
}

const NOT_ASKED: &str = "no answer is being judged";

impl Session {
    /// Asks the peer for more: `base64` is what it is asked.
    ///
    /// # Panics
    /// If no answer is being judged, or `base64` is none.
    pub fn challenge(&mut self, base64: &[u8], replies: &mut Vec<u8>) {
        assert_eq!(self.state, State::Authenticating, "{NOT_ASKED}");
        assert!(base64.iter().all(u8::is_ascii_graphic), "a challenge is one word");
        self.state = State::Challenged;
        reply::challenge(base64, replies);
    }

    /// The peer is who it says: tell it so. What it may now, [`Self::grant`] it.
    ///
    /// # Panics
    /// If no answer is being judged.
    pub fn authenticated(&mut self, replies: &mut Vec<u8>) {
        assert_eq!(self.state, State::Authenticating, "{NOT_ASKED}");
        self.state = State::Ready;
        self.authenticated = true;
        Reply::Authenticated.write(&self.config, replies);
    }

    /// It is not. It has a few more tries.
    ///
    /// # Panics
    /// If no answer is being judged.
    pub fn denied(&mut self, denial: Denial, replies: &mut Vec<u8>) {
        assert_eq!(self.state, State::Authenticating, "{NOT_ASKED}");
        self.state = State::Ready;
        self.refuse(denial.into(), replies);
        if denial != Denial::Temporary {
            self.auth_failures = self.auth_failures.saturating_add(1);
        }
        if self.auth_failures >= self.config.auth_failures_max {
            self.state = State::Closing;
        }
    }

    /// The next line is an answer, whatever it looks like.
    pub(super) fn answer<'i>(
        &mut self,
        input: &'i [u8],
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        let (line, used) = command::first_line(input, SASL_LINE_MAX)?;
        self.state = State::Ready;
        let sasl = match line {
            Ok(b"*") => {
                self.refuse(Refusal::AuthCancelled, replies);
                Sasl::Cancelled
            }
            Ok(answer) => {
                self.state = State::Authenticating;
                Sasl::Answer(answer)
            }
            Err(refusal) => {
                self.refuse(refusal.of_authentication(), replies);
                Sasl::Cancelled
            }
        };
        Some((used, Step::Sasl(sasl)))
    }
}
