//! Who we say we are.
//!
//! [RFC 4954](https://www.rfc-editor.org/rfc/rfc4954) with PLAIN of
//! [RFC 4616](https://www.rfc-editor.org/rfc/rfc4616); LOGIN was never written down, every
//! server has it.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::fmt;
use std::str::FromStr;

/// How the password is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// In one line.
    Plain,
    /// Name and password by themselves, each when asked for.
    Login,
}

impl FromStr for Mechanism {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "plain" => Ok(Self::Plain),
            "login" => Ok(Self::Login),
            _ => Err("give plain or login"),
        }
    }
}

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// How they are said; `None`: PLAIN where it is offered, else LOGIN.
    pub mechanism: Option<Mechanism>,
}

/// Without the password: options are printed.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, mechanism, .. } = self;
        f.debug_struct("Credentials").field("user", user).field("mechanism", mechanism).finish()
    }
}

/// What the next 334 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    User,
    Password,
    /// Nothing: the next answer is the verdict.
    Verdict,
}

impl Credentials {
    /// Appends the command that begins, and says what comes next.
    pub(super) fn begin(&self, mechanism: Mechanism, out: &mut Vec<u8>) -> Step {
        match mechanism {
            Mechanism::Plain => {
                out.extend_from_slice(b"AUTH PLAIN ");
                line(&format!("\0{}\0{}", self.user, self.password), out);
                Step::Verdict
            }
            Mechanism::Login => {
                out.extend_from_slice(b"AUTH LOGIN\r\n");
                Step::User
            }
        }
    }

    /// Appends the answer to a 334, and says what comes next; `None` if there is nothing more
    /// to say.
    pub(super) fn go_on(&self, step: Step, out: &mut Vec<u8>) -> Option<Step> {
        match step {
            Step::User => {
                line(&self.user, out);
                Some(Step::Password)
            }
            Step::Password => {
                line(&self.password, out);
                Some(Step::Verdict)
            }
            Step::Verdict => None,
        }
    }
}

fn line(secret: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(BASE64_STANDARD.encode(secret).as_bytes());
    out.extend_from_slice(b"\r\n");
}
