//! MAIL and RCPT, and the parameters of both.

use crate::address::Path;
use crate::reply::Refusal;
use crate::xtext;
use memchr::memchr;

/// The longest envelope identifier.
///
/// [RFC 3461 §4.4](https://www.rfc-editor.org/rfc/rfc3461#section-4.4)
pub const ENVID_MAX: usize = 100;

/// The longest original recipient.
///
/// [RFC 3461 §4.2](https://www.rfc-editor.org/rfc/rfc3461#section-4.2)
pub const ORCPT_MAX: usize = 500;

/// MAIL, with the parameters we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mail<'i> {
    /// The reverse path, without brackets; empty for `<>`.
    pub path: &'i [u8],
    /// How many octets the client says the message has (RFC 1870).
    pub size: Option<u64>,
    /// What the text is made of (RFC 6152, RFC 3030).
    pub body: Body,
    /// `SMTPUTF8` (RFC 6531).
    pub utf8: bool,
    /// `REQUIRETLS`: it goes on under TLS, to hosts that see to the same, or not at all (RFC 8689).
    pub requiretls: bool,
    /// How much of the message a report brings back (RFC 3461).
    pub ret: Option<Ret>,
    /// The sender's name for this envelope: sound xtext, as it came (RFC 3461).
    pub envid: Option<&'i [u8]>,
    /// Who wrote it, says a server we trust; empty for `<>` (RFC 4954). We trust none.
    pub auth: Option<&'i [u8]>,
}

/// What a text is made of, says its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Lines of ASCII.
    #[default]
    SevenBit,
    /// Lines.
    EightBit,
    /// Octets: CR, LF and NUL may stand anywhere.
    Binary,
}

/// How much of the message a failure report brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

/// RCPT, with the parameters we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rcpt<'i> {
    /// Whom it names. `postmaster` may come without a domain: it is ours.
    pub path: Path<'i>,
    /// What the sender wants to hear of this recipient (RFC 3461).
    pub notify: Option<Notify>,
    /// Who this was at first, `type;address`: the address is sound xtext, as it came. UTF-8
    /// only if MAIL said `SMTPUTF8` (RFC 3461, RFC 6533).
    pub orcpt: Option<&'i [u8]>,
}

/// What a sender wants to hear of a recipient. No bit at all is `NEVER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notify(u8);

impl Notify {
    /// Nothing, whatever happens.
    pub const NEVER: Self = Self(0);
    /// That it was delivered.
    pub const SUCCESS: Self = Self(1);
    /// That it was not.
    pub const FAILURE: Self = Self(2);
    /// That it takes longer than usual.
    pub const DELAY: Self = Self(4);

    const ALL: Self = Self(1 | 2 | 4);

    /// As a number, to be kept.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// What [`Self::bits`] gave. `None` for a number it never gives.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 { Some(Self(bits)) } else { None }
    }

    /// Whether all of `other` is asked for.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// `NEVER` stands alone; the others are a list.
    ///
    /// [RFC 3461 §4.1](https://www.rfc-editor.org/rfc/rfc3461#section-4.1)
    fn parse(value: &[u8]) -> Option<Self> {
        if value.eq_ignore_ascii_case(b"NEVER") {
            return Some(Self::NEVER);
        }
        value.split(|byte| *byte == b',').try_fold(Self::NEVER, |all, word| {
            let named = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let known =
                [("SUCCESS", Self::SUCCESS), ("FAILURE", Self::FAILURE), ("DELAY", Self::DELAY)];
            let (_, bit) = known.iter().find(|(name, _)| named(name))?;
            Some(Self(all.0 | bit.0))
        })
    }
}

/// Parses what follows `MAIL`.
pub(super) fn mail(argument: &[u8]) -> Result<Mail<'_>, Refusal> {
    let (path, rest) = Path::parse(after_keyword(argument, b" FROM:")?)?;
    let mut mail = Mail { path: path.mailbox, ..Mail::default() };
    let mut body = None;
    for parameter in parameters(rest)? {
        mail.take(parameter, &mut body)?;
    }
    mail.body = body.unwrap_or_default();
    if path.utf8 && !mail.utf8 {
        return Err(Refusal::NeedsUtf8);
    }
    Ok(mail)
}

/// Parses what follows `RCPT`.
pub(super) fn rcpt(argument: &[u8]) -> Result<Rcpt<'_>, Refusal> {
    let (path, rest) = Path::parse(after_keyword(argument, b" TO:")?)?;
    if path.mailbox.is_empty() {
        return Err(Refusal::BadAddress);
    }
    let mut rcpt = Rcpt { path, notify: None, orcpt: None };
    for parameter in parameters(rest)? {
        rcpt.take(parameter)?;
    }
    Ok(rcpt)
}

impl<'i> Mail<'i> {
    fn take(&mut self, parameter: &'i [u8], body: &mut Option<Body>) -> Result<(), Refusal> {
        let (keyword, value) = split(parameter);
        let is = |name: &str| keyword.eq_ignore_ascii_case(name.as_bytes());
        if is("SIZE") {
            once(&mut self.size, value.and_then(number))
        } else if is("BODY") {
            once(body, value.and_then(body_of))
        } else if is("RET") {
            once(&mut self.ret, value.and_then(ret))
        } else if is("ENVID") {
            once(&mut self.envid, value.filter(|value| is_envid(value)))
        } else if is("AUTH") {
            once(&mut self.auth, value.and_then(author))
        } else if is("SMTPUTF8") {
            flag(&mut self.utf8, value)
        } else if is("REQUIRETLS") {
            flag(&mut self.requiretls, value)
        } else {
            Err(Refusal::UnknownParameter)
        }
    }
}

impl<'i> Rcpt<'i> {
    fn take(&mut self, parameter: &'i [u8]) -> Result<(), Refusal> {
        let (keyword, value) = split(parameter);
        if keyword.eq_ignore_ascii_case(b"NOTIFY") {
            once(&mut self.notify, value.and_then(Notify::parse))
        } else if keyword.eq_ignore_ascii_case(b"ORCPT") {
            once(&mut self.orcpt, value.filter(|value| is_orcpt(value)))
        } else {
            Err(Refusal::UnknownParameter)
        }
    }
}

/// Sets what a parameter says, unless it says nothing sound or was there before.
///
/// [RFC 5321 §4.1.1.11](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.11): once each.
fn once<T>(slot: &mut Option<T>, value: Option<T>) -> Result<(), Refusal> {
    let value = value.ok_or(Refusal::BadArgument)?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::BadArgument),
    }
}

/// The same for a parameter that says all by being there.
fn flag(slot: &mut bool, value: Option<&[u8]>) -> Result<(), Refusal> {
    let was_there = std::mem::replace(slot, true);
    if was_there || value.is_some() { Err(Refusal::BadArgument) } else { Ok(()) }
}

/// `keyword=value`, or a keyword alone.
fn split(parameter: &[u8]) -> (&[u8], Option<&[u8]>) {
    let end = memchr(b'=', parameter).unwrap_or(parameter.len());
    let (keyword, rest) = parameter.split_at_checked(end).unwrap_or((parameter, b""));
    (keyword, rest.split_first().map(|(_, value)| value))
}

/// Digits: 20 of them at most, say the RFCs; more only say that it is too big.
///
/// [RFC 1870 §4](https://www.rfc-editor.org/rfc/rfc1870#section-4)
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| match digit {
        // A number too large for us is a message too large for us.
        b'0'..=b'9' => Some(number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))),
        _ => None,
    })
}

fn body_of(value: &[u8]) -> Option<Body> {
    let known =
        [("7BIT", Body::SevenBit), ("8BITMIME", Body::EightBit), ("BINARYMIME", Body::Binary)];
    let named = |(name, _): &&(&str, Body)| value.eq_ignore_ascii_case(name.as_bytes());
    known.iter().find(named).map(|(_, body)| *body)
}

fn ret(value: &[u8]) -> Option<Ret> {
    if value.eq_ignore_ascii_case(b"FULL") {
        Some(Ret::Full)
    } else {
        value.eq_ignore_ascii_case(b"HDRS").then_some(Ret::Headers)
    }
}

fn is_envid(value: &[u8]) -> bool {
    (1..=ENVID_MAX).contains(&value.len()) && xtext::is_printable(value)
}

/// [RFC 4954 §5](https://www.rfc-editor.org/rfc/rfc4954#section-5)
fn author(value: &[u8]) -> Option<&[u8]> {
    if value == b"<>" {
        return Some(b"");
    }
    (!value.is_empty() && xtext::is_printable(value)).then_some(value)
}

/// `type;address`. Only the type `utf-8` may have more than ASCII.
///
/// [RFC 6533 §3](https://www.rfc-editor.org/rfc/rfc6533#section-3)
fn is_orcpt(value: &[u8]) -> bool {
    let (kind, address) = match memchr(b';', value).and_then(|at| value.split_at_checked(at)) {
        Some((kind, [b';', address @ ..])) if !kind.is_empty() && !address.is_empty() => {
            (kind, address)
        }
        _ => return false,
    };
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let beyond = address.is_ascii()
        || (kind.eq_ignore_ascii_case(b"utf-8") && str::from_utf8(address).is_ok());
    let sound = || address.split(|byte| !byte.is_ascii()).all(xtext::is_printable);
    value.len() <= ORCPT_MAX && kind.iter().all(word) && beyond && sound()
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
