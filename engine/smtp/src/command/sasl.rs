//! AUTH, and the mechanisms we know.

use crate::reply::Refusal;
use std::fmt;

/// The longest line of an authentication exchange, CRLF included, AUTH itself among them.
///
/// [RFC 4954 §4](https://www.rfc-editor.org/rfc/rfc4954#section-4)
pub const SASL_LINE_MAX: usize = 12_288;

/// A way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Name and password in one word ([RFC 4616](https://www.rfc-editor.org/rfc/rfc4616)).
    Plain,
    /// The same, asked for one after the other; never standardised, always there.
    Login,
    /// The password stays where it is ([RFC 7677](https://www.rfc-editor.org/rfc/rfc7677)).
    ScramSha256,
}

impl Mechanism {
    /// All of them, as EHLO lists them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Login, Self::ScramSha256];

    /// Its registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
        }
    }
}

/// AUTH: a mechanism (`None`: one we do not know) and what the client says at once, in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Begin<'i> {
    pub(crate) mechanism: Option<Mechanism>,
    pub(crate) initial: Option<&'i [u8]>,
}

impl fmt::Debug for Begin<'_> {
    /// Without what the client says: it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Begin({:?}, ***)", self.mechanism)
    }
}

/// Parses what follows `AUTH`.
pub(super) fn auth(argument: &[u8]) -> Result<Begin<'_>, Refusal> {
    let mut words = argument.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (Some(name), initial, None) = (words.next(), words.next(), words.next()) else {
        return Err(Refusal::BadArgument);
    };
    let named = |known: &Mechanism| name.eq_ignore_ascii_case(known.name().as_bytes());
    // A lone `=` is an answer of no octets.
    let initial = initial.map(|initial| if initial == b"=" { b"" } else { initial });
    Ok(Begin { mechanism: Mechanism::ALL.into_iter().find(named), initial })
}
