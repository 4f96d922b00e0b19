//! The server's side of a SASL exchange: messages in, and what to do next out.
//!
//! The caller owns the conversation, the users and the time:
//!
//! 1. [`Exchange::new`], then [`Exchange::begin`] with what came behind the mechanism's name;
//! 2. do what [`Next`] says; what the peer answers to a challenge goes to [`Exchange::answer`];
//! 3. [`Next::Check`] and [`Next::Proved`] are the end of it, as is every [`Fault`].
//!
//! ```text
//!  PLAIN            begin --------------------------------------> Check
//!  LOGIN            begin --"Username:"--> --"Password:"--------> Check
//!  SCRAM-SHA-256    begin --> Look --keys--> challenge --proof--> signature --> Proved
//! ```
//!
//! Nothing here is random and nothing looks anybody up, so what is said depends on the
//! messages, the nonce and the keys alone. A name or password beyond ASCII is prepared by
//! [SASLprep](https://www.rfc-editor.org/rfc/rfc4013), so that it is the same however a
//! keyboard spells it; what `SASLprep` forbids is nobody's.

mod keys;
mod login;
mod plain;
mod scram;
mod secret;

pub use keys::{ITERATIONS_MAX, ITERATIONS_MIN, ITERATIONS_USUAL, Keys, SALT_BYTES_USUAL};
pub use secret::{NAME_BYTES_MAX, PASSWORD_BYTES_MAX, Secret, name, password};

use crate::command::{Mechanism, SASL_LINE_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// The longest message of an exchange, decoded.
pub const MESSAGE_BYTES_MAX: usize = SASL_LINE_MAX / 4 * 3;

const _: () = assert!(
    2 * NAME_BYTES_MAX + PASSWORD_BYTES_MAX + 2 <= MESSAGE_BYTES_MAX,
    "the longest name and password fit into a message"
);

/// A name and a password somebody came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name, prepared: 1 to [`NAME_BYTES_MAX`] bytes.
    pub name: Box<str>,
    /// The password, prepared: 1 to [`PASSWORD_BYTES_MAX`] bytes.
    pub password: Secret,
}

/// What the caller must do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Say this, in base64, and bring the answer.
    Challenge(Vec<u8>),
    /// Ask whether it is so. The exchange is over.
    Check(Login),
    /// Find the keys of the user with this name, and go on with [`Exchange::keys`]. Who has
    /// none needs some that look real: the exchange then fails like one with a wrong password.
    Look(Box<str>),
    /// The peer is who it says it is. The exchange is over.
    Proved,
}

/// Why an exchange ended without a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A message is not base64, or not what the mechanism says it is.
    Malformed,
    /// It cannot be right, whoever is asked.
    Denied,
}

/// One exchange.
pub struct Exchange(State);

/// What we wait for.
enum State {
    /// The whole of it.
    Plain,
    /// The name.
    LoginName,
    /// The password.
    LoginPassword(Box<str>),
    /// The client's first message; we have our half of the nonce.
    ScramFirst(Box<str>),
    /// The caller, for the keys.
    ScramKeys(Box<scram::First>),
    /// The client's proof.
    ScramProof(Box<scram::Offer>),
    /// The client's consent to our signature: an empty message.
    ScramConsent,
    /// Nothing any more.
    Over,
}

// A thousand sessions in the middle of it cost what a thousand short strings do.
const _: () = assert!(size_of::<Exchange>() <= 24, "an exchange is small");

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchange")
    }
}

impl Exchange {
    /// An exchange in which nothing was said. `nonce` is our half of what SCRAM is bound to:
    /// printable characters without a comma, used once and not to be guessed.
    #[must_use]
    pub fn new(mechanism: Mechanism, nonce: &str) -> Self {
        Self(match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::LoginName,
            Mechanism::ScramSha256 => State::ScramFirst(nonce.into()),
        })
    }

    /// Takes the initial response, in base64: `=` is an empty one, `None` is none.
    ///
    /// # Errors
    /// If it cannot be right. The exchange is over.
    pub fn begin(&mut self, initial: Option<&[u8]>) -> Result<Next, Fault> {
        match (initial, &self.0) {
            (None, State::LoginName) => Ok(Next::Challenge(login::NAME_PROMPT.to_vec())),
            (None, _) => Ok(Next::Challenge(Vec::new())),
            (Some(b"="), _) => self.message(&[]),
            (Some(initial), _) => self.answer(initial),
        }
    }

    /// Takes an answer to a challenge, in base64.
    ///
    /// # Errors
    /// If it cannot be right. The exchange is over.
    pub fn answer(&mut self, line: &[u8]) -> Result<Next, Fault> {
        match decode(line) {
            Ok(message) => self.message(&message),
            Err(fault) => {
                self.0 = State::Over;
                Err(fault)
            }
        }
    }

    /// Takes the keys that [`Next::Look`] asked for, and returns the challenge that follows.
    ///
    /// # Panics
    /// If it did not ask.
    #[must_use]
    pub fn keys(&mut self, keys: &Keys) -> Vec<u8> {
        let State::ScramKeys(first) = std::mem::replace(&mut self.0, State::Over) else {
            panic!("nobody asked for keys");
        };
        let offer = first.offer(keys);
        let challenge = offer.message().to_vec();
        self.0 = State::ScramProof(Box::new(offer));
        challenge
    }

    fn message(&mut self, message: &[u8]) -> Result<Next, Fault> {
        let (state, next) = match std::mem::replace(&mut self.0, State::Over) {
            State::Plain => (State::Over, Next::Check(plain::login(message)?)),
            State::LoginName => {
                let prompt = Next::Challenge(login::PASSWORD_PROMPT.to_vec());
                (State::LoginPassword(name(message)?), prompt)
            }
            State::LoginPassword(name) => {
                (State::Over, Next::Check(Login { name, password: password(message)? }))
            }
            State::ScramFirst(nonce) => {
                let (name, first) = scram::First::parse(message, &nonce)?;
                (State::ScramKeys(Box::new(first)), Next::Look(name))
            }
            State::ScramProof(offer) => {
                (State::ScramConsent, Next::Challenge(offer.verify(message)?))
            }
            State::ScramConsent if message.is_empty() => (State::Over, Next::Proved),
            State::ScramConsent => return Err(Fault::Malformed),
            State::ScramKeys(_) | State::Over => unreachable!("the caller has to act first"),
        };
        self.0 = state;
        Ok(next)
    }
}

/// Strict: no white space, no missing padding, no stray bits, so that a message has one
/// spelling.
fn decode(line: &[u8]) -> Result<Vec<u8>, Fault> {
    if line.len() > MESSAGE_BYTES_MAX / 3 * 4 {
        return Err(Fault::Malformed);
    }
    STANDARD.decode(line).map_err(|_| Fault::Malformed)
}

#[cfg(test)]
mod tests;
