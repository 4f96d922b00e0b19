//! XCLIENT: a proxy in front of us says whom it speaks for.
//!
//! Postfix's, as its `XCLIENT_README` has it. No RFC knows it.

use super::{HELO_MAX, is_sound_in_name};
use crate::reply::Refusal;
use crate::sasl::NAME_BYTES_MAX;
use crate::xtext;
use memchr::memchr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The attributes we know, as EHLO lists them.
pub const ATTRIBUTES: &str = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

/// The longest name in DNS that a proxy may say.
const NAME_MAX: usize = 255;

/// What a proxy said of its client: at least one attribute, all of them sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'i>(&'i [u8]);

/// One thing a proxy said. `None`: it does not know, or not now. Texts are xtext, as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute<'i> {
    /// The client's name in DNS.
    Name(Option<&'i [u8]>),
    /// Its address.
    Addr(Option<IpAddr>),
    /// Its port.
    Port(Option<u16>),
    /// Whether it greeted with EHLO, not HELO.
    Proto(Option<Dialect>),
    /// The name it greeted with.
    Helo(Option<&'i [u8]>),
    /// The user it authenticated as.
    Login(Option<&'i [u8]>),
    /// The address it connected to.
    DestAddr(Option<IpAddr>),
    /// The port it connected to.
    DestPort(Option<u16>),
}

/// How a client greeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// With HELO.
    Smtp,
    /// With EHLO.
    Esmtp,
}

impl<'i> Attributes<'i> {
    /// Parses what follows `XCLIENT`.
    pub(crate) fn parse(argument: &'i [u8]) -> Result<Self, Refusal> {
        let mut all = words(argument).map(Attribute::parse).peekable();
        let sound = all.peek().is_some() && all.all(|attribute| attribute.is_ok());
        sound.then_some(Self(argument)).ok_or(Refusal::BadArgument)
    }

    /// One by one, in the order they were said; the last word on a matter stands.
    pub fn iter(self) -> impl Iterator<Item = Attribute<'i>> {
        words(self.0).filter_map(|word| Attribute::parse(word).ok())
    }

    /// How the client greeted, if that was said: its name, with `?` for what may not stand in
    /// one, and how. Who greeted otherwise than by EHLO has to be said to have.
    pub(crate) fn greeting(self) -> Option<(Box<[u8]>, Dialect)> {
        let (mut name, mut dialect) = (None, Dialect::Smtp);
        for attribute in self.iter() {
            match attribute {
                Attribute::Helo(helo) => name = helo.and_then(xtext::decode),
                Attribute::Proto(said) => dialect = said.unwrap_or(Dialect::Smtp),
                _ => (),
            }
        }
        let plain = |byte: u8| if is_sound_in_name(byte) { byte } else { b'?' };
        name.map(|name| (name.into_iter().map(plain).collect(), dialect))
    }
}

fn words(argument: &[u8]) -> impl Iterator<Item = &[u8]> {
    argument.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

impl<'i> Attribute<'i> {
    fn parse(word: &'i [u8]) -> Result<Self, Refusal> {
        let end = memchr(b'=', word).ok_or(Refusal::BadArgument)?;
        let (name, value) = word.split_at_checked(end).ok_or(Refusal::BadArgument)?;
        let value = known(value.strip_prefix(b"=").unwrap_or_default());
        let is = |attribute: &str| name.eq_ignore_ascii_case(attribute.as_bytes());
        Ok(if is("NAME") {
            Self::Name(sound(value, |name| text(name, NAME_MAX))?)
        } else if is("ADDR") {
            Self::Addr(sound(value, address)?)
        } else if is("PORT") {
            Self::Port(sound(value, parsed)?)
        } else if is("PROTO") {
            Self::Proto(sound(value, dialect)?)
        } else if is("HELO") {
            Self::Helo(sound(value, |name| text(name, HELO_MAX))?)
        } else if is("LOGIN") {
            Self::Login(sound(value, login)?)
        } else if is("DESTADDR") {
            Self::DestAddr(sound(value, address)?)
        } else if is("DESTPORT") {
            Self::DestPort(sound(value, parsed)?)
        } else {
            return Err(Refusal::BadArgument);
        })
    }
}

/// A value, unless it says that there is none.
fn known(value: &[u8]) -> Option<&[u8]> {
    let absent: [&[u8]; 2] = [b"[UNAVAILABLE]", b"[TEMPUNAVAIL]"];
    (!absent.iter().any(|absent| absent.eq_ignore_ascii_case(value))).then_some(value)
}

fn sound<'i, T>(
    value: Option<&'i [u8]>,
    parse: impl Fn(&'i [u8]) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    value.map(|value| parse(value).ok_or(Refusal::BadArgument)).transpose()
}

fn text(value: &[u8], most: usize) -> Option<&[u8]> {
    let fits = (1..=most).contains(&xtext::decode(value)?.len());
    (fits && xtext::is_printable(value)).then_some(value)
}

/// A user's name, which need not be ASCII. It goes to a log (T7).
fn login(value: &[u8]) -> Option<&[u8]> {
    let name = String::from_utf8(xtext::decode(value)?).ok()?;
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    (fits && !name.contains(char::is_control)).then_some(value)
}

fn address(value: &[u8]) -> Option<IpAddr> {
    match value.split_at_checked(5) {
        Some((tag, v6)) if tag.eq_ignore_ascii_case(b"IPV6:") => {
            parsed::<Ipv6Addr>(v6).map(IpAddr::V6)
        }
        _ => parsed::<Ipv4Addr>(value).map(IpAddr::V4),
    }
}

fn parsed<T: FromStr>(value: &[u8]) -> Option<T> {
    str::from_utf8(value).ok()?.parse().ok()
}

fn dialect(value: &[u8]) -> Option<Dialect> {
    if value.eq_ignore_ascii_case(b"ESMTP") {
        Some(Dialect::Esmtp)
    } else {
        value.eq_ignore_ascii_case(b"SMTP").then_some(Dialect::Smtp)
    }
}
