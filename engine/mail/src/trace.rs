//! The Received field: one relay's line in a message's log of its way.

use crate::write_date;
use event::{Encryption, MessageId, Wall};
use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;

/// How a message came to us.
///
/// [RFC 3848](https://www.rfc-editor.org/rfc/rfc3848),
/// [RFC 6531 §4.3](https://www.rfc-editor.org/rfc/rfc6531#section-4.3)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The client said HELO.
    Smtp,
    /// The client said EHLO.
    Esmtp(Proofs),
    /// ... and MAIL with SMTPUTF8.
    Utf8Smtp(Proofs),
}

/// What makes a hop more than somebody's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// It was encrypted.
    pub encrypted: bool,
    /// The client proved who it is.
    pub authenticated: bool,
}

impl Protocol {
    /// Its keyword.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "SMTP",
            Self::Esmtp(proofs) => proofs.choose(["ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"]),
            Self::Utf8Smtp(proofs) => {
                proofs.choose(["UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"])
            }
        }
    }
}

impl Proofs {
    /// Of these: with nothing proved, authenticated, encrypted, both.
    const fn choose(self, [none, authenticated, encrypted, both]: [&str; 4]) -> &str {
        match (self.encrypted, self.authenticated) {
            (false, false) => none,
            (false, true) => authenticated,
            (true, false) => encrypted,
            (true, true) => both,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One step of a message's way: to us.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// The name the client gave.
    pub helo: &'a [u8],
    /// The address it came from.
    pub peer: IpAddr,
    /// The name of that address, if somebody in front of us has looked it up.
    pub name: Option<&'a [u8]>,
    /// What a balancer in front of us calls the connection, if it said so: printable ASCII, and
    /// nothing that could end a comment.
    pub connection: Option<&'a str>,
    /// Our name.
    pub hostname: &'a str,
    /// How it came.
    pub protocol: Protocol,
    /// What we call the message.
    pub id: MessageId,
    /// The recipient, where there is only one: with more, each would learn of the others.
    pub recipient: Option<&'a [u8]>,
    /// What encrypted it: printable ASCII, and nothing that could end a comment.
    pub encryption: Option<Encryption<'a>>,
    /// When it came.
    pub at: Wall,
}

/// Appends the field, folded, its last CRLF included. No line is longer than 400 octets.
///
/// [RFC 5321 §4.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.4)
pub fn received(out: &mut Vec<u8>, hop: &Hop<'_>) {
    out.extend_from_slice(b"Received: from ");
    write_name(hop.helo, out);
    if let Some(name) = hop.name {
        out.extend_from_slice(b"\r\n\t(");
        write_name(name, out);
        out.push(b' ');
    } else {
        out.extend_from_slice(b" (");
    }
    write(out, format_args!("{})\r\n", Literal(hop.peer)));
    let Hop { hostname, protocol, id, .. } = hop;
    write(out, format_args!("\tby {hostname} (Ringpost) with {protocol} id {id}"));
    if let Some(Encryption { version, cipher, .. }) = hop.encryption {
        write(out, format_args!("\r\n\t(using {version} with cipher {cipher})"));
    }
    if let Some(connection) = hop.connection {
        write(out, format_args!("\r\n\t(connection {connection})"));
    }
    if let Some(recipient) = hop.recipient.filter(|recipient| is_safe(recipient)) {
        out.extend_from_slice(b"\r\n\tfor <");
        out.extend_from_slice(recipient);
        out.push(b'>');
    }
    out.extend_from_slice(b";\r\n\t");
    write_date(hop.at, out);
    out.extend_from_slice(b"\r\n");
}

/// An address in the place of a name.
///
/// [RFC 5321 §4.1.3](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.3)
pub(crate) struct Literal(pub(crate) IpAddr);

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_canonical() {
            IpAddr::V4(v4) => write!(f, "[{v4}]"),
            IpAddr::V6(v6) => write!(f, "[IPv6:{v6}]"),
        }
    }
}

/// A name we did not choose: whatever could end the word is shown as `?`.
fn write_name(name: &[u8], out: &mut Vec<u8>) {
    if name.is_empty() {
        return out.extend_from_slice(b"unknown");
    }
    let sound = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),;<>@\\".contains(byte);
    let bytes = name.iter().take(NAME_MAX);
    out.extend(bytes.map(|byte| if sound(byte) { *byte } else { b'?' }));
}

/// The longest name there can be.
const NAME_MAX: usize = 255;

/// An address of the length and alphabet SMTP takes.
fn is_safe(address: &[u8]) -> bool {
    address.len() <= 320 && !address.iter().any(u8::is_ascii_control)
}

fn write(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

#[cfg(test)]
mod tests;
