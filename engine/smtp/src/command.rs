//! Command lines, borrowed from the receive buffer.

use crate::address::Path;
use crate::reply::Refusal;
use memchr::{memchr, memchr2};

/// The longest command line we read, line ending included: the 512 octets of
/// [RFC 5321 §4.5.3.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.4) and what each
/// extension we offer adds to them: SIZE 26, 8BITMIME 17, SMTPUTF8 10 with a longer path.
pub const COMMAND_LINE_MAX: usize = 512 + 26 + 17 + 10;

/// The longest name a client may greet with.
pub const HELO_MAX: usize = 255;

/// MAIL, with the parameters we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mail<'i> {
    /// The reverse path, without brackets; empty for `<>`.
    pub path: &'i [u8],
    /// How many octets the client says the message has (RFC 1870).
    pub size: Option<u64>,
    /// `BODY=8BITMIME` (RFC 6152).
    pub eight_bit: bool,
    /// `SMTPUTF8` (RFC 6531).
    pub utf8: bool,
}

/// One command line. Borrows its arguments; owns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'i> {
    /// `EHLO name`
    Ehlo(&'i [u8]),
    /// `HELO name`
    Helo(&'i [u8]),
    /// `MAIL FROM:<path> ...`
    Mail(Mail<'i>),
    /// `RCPT TO:<path>`
    Rcpt(Path<'i>),
    /// `DATA`
    Data,
    /// `RSET`
    Rset,
    /// `NOOP`, with or without an argument
    Noop,
    /// `VRFY`, whomever it asks for
    Vrfy,
    /// `HELP`
    Help,
    /// `QUIT`
    Quit,
}

impl<'i> Command<'i> {
    /// Parses one line, given without its line ending.
    ///
    /// # Errors
    /// Refuses unknown verbs, malformed arguments and parameters we do not offer.
    pub fn parse(line: &'i [u8]) -> Result<Self, Refusal> {
        // RFC 5321 §4.1.1: white space before the line ending is tolerated.
        let line = line.trim_ascii_end();
        let (verb, argument) = line.split_first_chunk::<4>().ok_or(Refusal::UnknownVerb)?;
        let verb = verb.map(|byte| byte.to_ascii_uppercase());
        if !matches!(argument, [] | [b' ', ..]) {
            return Err(longer_verb(line));
        }
        Ok(match &verb {
            b"EHLO" => Self::Ehlo(name(argument)?),
            b"HELO" => Self::Helo(name(argument)?),
            b"MAIL" => Self::Mail(mail(argument)?),
            b"RCPT" => Self::Rcpt(recipient(argument)?),
            b"DATA" => alone(argument, Self::Data)?,
            b"RSET" => alone(argument, Self::Rset)?,
            b"QUIT" => alone(argument, Self::Quit)?,
            b"NOOP" => Self::Noop,
            b"VRFY" if argument.is_empty() => return Err(Refusal::BadArgument),
            b"VRFY" => Self::Vrfy,
            b"HELP" => Self::Help,
            b"EXPN" | b"TURN" | b"AUTH" | b"BDAT" | b"ETRN" => return Err(Refusal::NotImplemented),
            _ => return Err(Refusal::UnknownVerb),
        })
    }
}

/// The first line of `input`, without its CRLF, and the bytes it takes up; or `None` if it has
/// not all arrived.
///
/// Only CRLF ends a line. A bare CR or LF might end one for the next server, so
/// passing it on would let a sender smuggle commands.
/// [RFC 5321 §2.3.8](https://www.rfc-editor.org/rfc/rfc5321#section-2.3.8)
#[must_use]
pub fn first_line(input: &[u8]) -> Option<(Result<&[u8], Refusal>, usize)> {
    let readable = input.get(..COMMAND_LINE_MAX).unwrap_or(input);
    let Some(end) = memchr(b'\n', readable) else {
        let full = input.len() >= COMMAND_LINE_MAX;
        return full.then_some((Err(Refusal::LineTooLong), COMMAND_LINE_MAX));
    };
    let line = readable.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let sound = line.filter(|line| memchr2(b'\r', 0, line).is_none());
    Some((sound.ok_or(Refusal::BareLineEnding), end + 1))
}

fn longer_verb(line: &[u8]) -> Refusal {
    match line.split(|byte| *byte == b' ').next() {
        Some(verb) if verb.eq_ignore_ascii_case(b"STARTTLS") => Refusal::NotImplemented,
        _ => Refusal::UnknownVerb,
    }
}

fn alone<'i>(argument: &[u8], command: Command<'i>) -> Result<Command<'i>, Refusal> {
    argument.is_empty().then_some(command).ok_or(Refusal::BadArgument)
}

/// The name a client greets with. It is not checked against anything, as
/// [RFC 5321 §4.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.4) demands; but it will
/// stand in a header field, so it is one word without the characters that mean something there.
fn name(argument: &[u8]) -> Result<&[u8], Refusal> {
    let name = argument.strip_prefix(b" ").unwrap_or_default();
    let sound = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),;<>@\\".contains(byte);
    let fits = (1..=HELO_MAX).contains(&name.len());
    (fits && name.iter().all(sound)).then_some(name).ok_or(Refusal::BadArgument)
}

fn mail(argument: &[u8]) -> Result<Mail<'_>, Refusal> {
    let (path, rest) = Path::parse(after_keyword(argument, b" FROM:")?)?;
    let mut mail = Mail { path: path.mailbox, size: None, eight_bit: false, utf8: false };
    let mut seen = 0;
    for parameter in parameters(rest)? {
        let bit = mail.take(parameter)?;
        if seen & bit != 0 {
            return Err(Refusal::BadArgument);
        }
        seen |= bit;
    }
    if path.utf8 && !mail.utf8 {
        return Err(Refusal::NeedsUtf8);
    }
    Ok(mail)
}

impl Mail<'_> {
    /// Notes one parameter, and says by a bit which it was.
    fn take(&mut self, parameter: &[u8]) -> Result<u8, Refusal> {
        let Some((keyword, value)) = parameter.split_first_chunk::<5>() else {
            return Err(misnamed(parameter));
        };
        match &keyword.map(|byte| byte.to_ascii_uppercase()) {
            b"SIZE=" => {
                self.size = Some(size(value)?);
                Ok(1)
            }
            b"BODY=" => {
                self.eight_bit = eight_bit(value)?;
                Ok(2)
            }
            b"SMTPU" if value.eq_ignore_ascii_case(b"TF8") => {
                self.utf8 = true;
                Ok(4)
            }
            _ => Err(misnamed(parameter)),
        }
    }
}

/// A parameter without the value it should have, or with one it should not; or no such parameter.
fn misnamed(parameter: &[u8]) -> Refusal {
    let name = parameter.split(|byte| *byte == b'=').next().unwrap_or_default();
    let known: [&[u8]; 3] = [b"SIZE", b"BODY", b"SMTPUTF8"];
    if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        Refusal::BadArgument
    } else {
        Refusal::UnknownParameter
    }
}

/// Digits: 20 of them at most, says the RFC; more only say that the message is too big.
///
/// [RFC 1870 §4](https://www.rfc-editor.org/rfc/rfc1870#section-4)
fn size(digits: &[u8]) -> Result<u64, Refusal> {
    if digits.is_empty() {
        return Err(Refusal::BadArgument);
    }
    digits.iter().try_fold(0_u64, |size, digit| match digit {
        // A number too large for us is a message too large for us.
        b'0'..=b'9' => Ok(size.saturating_mul(10).saturating_add(u64::from(digit - b'0'))),
        _ => Err(Refusal::BadArgument),
    })
}

fn eight_bit(value: &[u8]) -> Result<bool, Refusal> {
    if value.eq_ignore_ascii_case(b"8BITMIME") {
        Ok(true)
    } else if value.eq_ignore_ascii_case(b"7BIT") {
        Ok(false)
    } else {
        Err(Refusal::BadArgument)
    }
}

/// RCPT has no parameter we offer.
fn recipient(argument: &[u8]) -> Result<Path<'_>, Refusal> {
    let (path, rest) = Path::parse(after_keyword(argument, b" TO:")?)?;
    if parameters(rest)?.next().is_some() {
        return Err(Refusal::UnknownParameter);
    }
    if path.mailbox.is_empty() {
        return Err(Refusal::BadAddress);
    }
    Ok(path)
}

/// What follows `keyword`, and the spaces some clients put behind it.
fn after_keyword<'i>(argument: &'i [u8], keyword: &[u8]) -> Result<&'i [u8], Refusal> {
    argument
        .split_at_checked(keyword.len())
        .filter(|(head, _)| head.eq_ignore_ascii_case(keyword))
        .map(|(_, rest)| rest.trim_ascii_start())
        .ok_or(Refusal::BadArgument)
}

/// The words behind a path, which a space sets off.
fn parameters(rest: &[u8]) -> Result<impl Iterator<Item = &[u8]>, Refusal> {
    if !matches!(rest, [] | [b' ', ..]) {
        return Err(Refusal::BadAddress);
    }
    Ok(rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty()))
}

#[cfg(test)]
mod tests;
