//! Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 25` and CRLF.

use super::{Flaw, Header, Origin, V1_BYTES_MAX, agrees};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const MARK: &[u8] = b"PROXY ";

pub(super) fn read(bytes: &[u8]) -> Result<Option<(Header<'_>, usize)>, Flaw> {
    if !agrees(bytes, MARK) {
        return Err(Flaw::Missing);
    }
    let head = bytes.get(..V1_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = memchr::memchr2(b'\r', b'\n', head) else {
        return if head.len() < V1_BYTES_MAX { Ok(None) } else { Err(Flaw::TooLong) };
    };
    match (head.get(end), head.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => (),
        (Some(b'\r'), None) if head.len() < V1_BYTES_MAX => return Ok(None),
        (Some(b'\r'), None) => return Err(Flaw::TooLong),
        _ => return Err(Flaw::Malformed),
    }
    let words = head.get(MARK.len()..end).and_then(|words| std::str::from_utf8(words).ok());
    let origin = words.and_then(origin).ok_or(Flaw::Malformed)?;
    Ok(Some((Header::of(origin), end + 2)))
}

fn origin(words: &str) -> Option<Origin> {
    let (family, rest) = words.split_once(' ').unwrap_or((words, ""));
    match family {
        // "The receiver must ignore anything presented before the CRLF."
        "UNKNOWN" => Some(Origin::Unknown),
        "TCP4" => client::<Ipv4Addr>(rest),
        "TCP6" => client::<Ipv6Addr>(rest),
        _ => None,
    }
}

/// Source, destination, source port, destination port, with exactly one space between.
fn client<A: std::str::FromStr + Into<IpAddr>>(words: &str) -> Option<Origin> {
    let mut words = words.split(' ');
    let mut address = || words.next()?.parse::<A>().ok().map(Into::into);
    let (source, _destination) = (address()?, address()?);
    let (from, _to) = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then(|| Origin::client(SocketAddr::new(source, from)))
}

/// A number as it is usually written: Rust would take `+25` and `0025` too.
fn port(word: &str) -> Option<u16> {
    let port: u16 = word.parse().ok()?;
    (port.to_string() == word).then_some(port)
}
