//! Command lines, borrowed from the receive buffer.

mod envelope;
mod sasl;
mod xclient;

use crate::reply::Refusal;
use memchr::{memchr, memchr2};

pub use envelope::{Body, ENVID_MAX, Mail, Notify, ORCPT_MAX, Rcpt, Ret};
pub use sasl::{Begin, Mechanism, SASL_LINE_MAX};
pub use xclient::{ATTRIBUTES, Attribute, Attributes, Dialect};

/// The command line of every server, line ending included, and what the extensions that we
/// always offer add to it: SIZE 26, 8BITMIME 17, SMTPUTF8 10 with a longer path, REQUIRETLS 11.
///
/// [RFC 5321 §4.5.3.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.4)
pub const BASIC_LINE_MAX: usize = 512 + 26 + 17 + 10 + 11;

/// What DSN adds: RCPT has more of it than MAIL, a list of three words and an address.
///
/// [RFC 3461 §4](https://www.rfc-editor.org/rfc/rfc3461#section-4)
pub const DSN_LINE_MORE: usize = " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=".len() + ORCPT_MAX;

/// What AUTH adds to MAIL.
///
/// [RFC 4954 §3](https://www.rfc-editor.org/rfc/rfc4954#section-3)
pub const AUTH_LINE_MORE: usize = 500;

/// The longest command line we may have to read, line ending included, whatever a listener
/// offers; AUTH aside, which has [`SASL_LINE_MAX`].
pub const COMMAND_LINE_MAX: usize = BASIC_LINE_MAX + DSN_LINE_MORE + AUTH_LINE_MORE;

/// The longest name a client may greet with.
pub const HELO_MAX: usize = 255;

/// One command line. Borrows its arguments; owns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'i> {
    /// `EHLO name`
    Ehlo(&'i [u8]),
    /// `HELO name`
    Helo(&'i [u8]),
    /// `MAIL FROM:<path> ...`
    Mail(Mail<'i>),
    /// `RCPT TO:<path> ...`
    Rcpt(Rcpt<'i>),
    /// `DATA`
    Data,
    /// `BDAT bytes`, `BDAT bytes LAST`
    Bdat {
        /// Octets that follow the line.
        bytes: u64,
        /// They end the message.
        last: bool,
    },
    /// `STARTTLS`
    StartTls,
    /// `AUTH mechanism`, `AUTH mechanism initial-response`
    Auth(Begin<'i>),
    /// `XCLIENT ...`, its attributes not looked at: few may say it.
    Xclient(&'i [u8]),
    /// `RSET`
    Rset,
    /// `NOOP`, with or without an argument
    Noop,
    /// `VRFY`, whomever it asks for
    Vrfy,
    /// `HELP`, with or without an argument
    Help,
    /// `QUIT`
    Quit,
}

impl<'i> Command<'i> {
    /// Parses one line, given without its line ending.
    ///
    /// # Errors
    /// Refuses unknown verbs, malformed arguments and parameters we do not know.
    pub fn parse(line: &'i [u8]) -> Result<Self, Refusal> {
        // RFC 5321 §4.1.1: white space before the line ending is tolerated.
        let line = line.trim_ascii_end();
        let (verb, argument) = line.split_first_chunk::<4>().ok_or(Refusal::UnknownVerb)?;
        let verb = verb.map(|byte| byte.to_ascii_uppercase());
        if !matches!(argument, [] | [b' ', ..]) {
            return Self::parse_longer(line);
        }
        Ok(match &verb {
            b"EHLO" => Self::Ehlo(name(argument)?),
            b"HELO" => Self::Helo(name(argument)?),
            b"MAIL" => Self::Mail(envelope::mail(argument)?),
            b"RCPT" => Self::Rcpt(envelope::rcpt(argument)?),
            b"DATA" => alone(argument, Self::Data)?,
            b"BDAT" => chunk(argument).ok_or(Refusal::BadChunk)?,
            b"AUTH" => Self::Auth(sasl::auth(argument)?),
            b"RSET" => alone(argument, Self::Rset)?,
            b"QUIT" => alone(argument, Self::Quit)?,
            b"NOOP" => Self::Noop,
            b"VRFY" if argument.is_empty() => return Err(Refusal::BadArgument),
            b"VRFY" => Self::Vrfy,
            b"HELP" => Self::Help,
            b"EXPN" | b"TURN" | b"ETRN" => return Err(Refusal::NotImplemented),
            _ => return Err(Refusal::UnknownVerb),
        })
    }

    /// The verbs of more than four letters.
    fn parse_longer(line: &'i [u8]) -> Result<Self, Refusal> {
        let end = memchr(b' ', line).unwrap_or(line.len());
        match line.split_at_checked(end) {
            Some((verb, argument)) if verb.eq_ignore_ascii_case(b"STARTTLS") => {
                alone(argument, Self::StartTls)
            }
            Some((verb, argument)) if verb.eq_ignore_ascii_case(b"XCLIENT") => {
                Ok(Self::Xclient(argument))
            }
            _ => Err(Refusal::UnknownVerb),
        }
    }
}

/// The first line of `input`, without its CRLF, and the bytes it takes up; or `None` if it has
/// not all arrived. It has at most `line_bytes_max` bytes, CRLF included.
///
/// Only CRLF ends a line. A bare CR or LF might end one for the next server, so
/// passing it on would let a sender smuggle commands.
/// [RFC 5321 §2.3.8](https://www.rfc-editor.org/rfc/rfc5321#section-2.3.8)
#[must_use]
pub fn first_line(input: &[u8], line_bytes_max: usize) -> Option<(Result<&[u8], Refusal>, usize)> {
    let readable = input.get(..line_bytes_max).unwrap_or(input);
    let Some(end) = memchr(b'\n', readable) else {
        let full = input.len() >= line_bytes_max;
        return full.then_some((Err(Refusal::LineTooLong), line_bytes_max));
    };
    let line = readable.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let sound = line.filter(|line| memchr2(b'\r', 0, line).is_none());
    Some((sound.ok_or(Refusal::BareLineEnding), end + 1))
}

/// What `input` begins with is AUTH, and may be longer than other commands.
pub(crate) fn begins_with_auth(input: &[u8]) -> bool {
    input.split_at_checked(5).is_some_and(|(verb, _)| verb.eq_ignore_ascii_case(b"AUTH "))
}

fn alone<'i>(argument: &[u8], command: Command<'i>) -> Result<Command<'i>, Refusal> {
    argument.is_empty().then_some(command).ok_or(Refusal::BadArgument)
}

/// The name a client greets with. It is not checked against anything, as
/// [RFC 5321 §4.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.4) demands; but it will
/// stand in a header field, so it is one word without the characters that mean something there.
fn name(argument: &[u8]) -> Result<&[u8], Refusal> {
    let name = argument.strip_prefix(b" ").unwrap_or_default();
    let fits = (1..=HELO_MAX).contains(&name.len());
    let sound = name.iter().copied().all(is_sound_in_name);
    (fits && sound).then_some(name).ok_or(Refusal::BadArgument)
}

const fn is_sound_in_name(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'"' | b'(' | b')' | b',' | b';' | b'<' | b'>' | b'@' | b'\\')
}

/// [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2)
fn chunk(argument: &[u8]) -> Option<Command<'_>> {
    let argument = argument.strip_prefix(b" ")?;
    let (digits, last) = match memchr(b' ', argument) {
        None => (argument, false),
        Some(end) => {
            let (digits, word) = argument.split_at_checked(end)?;
            (digits, word.eq_ignore_ascii_case(b" LAST").then_some(true)?)
        }
    };
    Some(Command::Bdat { bytes: envelope::number(digits)?, last })
}

#[cfg(test)]
mod tests;
