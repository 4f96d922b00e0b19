//! Version 2: twelve fixed bytes, four of head, addresses, and then fields with a type and a
//! length each.
//!
//! ```text
//!  0            12        13       14        16
//! | CR LF ... LF | 2 | cmd | family | length  | addresses | type length value | ...
//! ```

use super::{Flaw, Header, Origin, Tls, V2_BYTES_MAX, agrees};
use crc_fast::{CrcAlgorithm, Digest};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

const MARK: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const HEAD_LEN: usize = 16;
/// Two paths of a unix socket.
const UNIX_LEN: usize = 216;
/// "An opaque byte sequence of up to 128 bytes" (section 2.2.5).
const UNIQUE_ID_MAX: usize = 128;

pub(super) fn read(bytes: &[u8]) -> Result<Option<(Header<'_>, usize)>, Flaw> {
    if !agrees(bytes, MARK) {
        return Err(Flaw::Missing);
    }
    let Some((head, _)) = bytes.split_first_chunk::<HEAD_LEN>() else { return Ok(None) };
    let [.., command, family, high, low] = *head;
    let whole = HEAD_LEN + usize::from(u16::from_be_bytes([high, low]));
    if whole > V2_BYTES_MAX {
        return Err(Flaw::TooLong);
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Flaw::Malformed),
    };
    let Some(header) = bytes.get(..whole) else { return Ok(None) };
    let found = if is_local {
        // "The receiver must [...] discard the protocol block including the family."
        Header::of(Origin::Balancer)
    } else {
        proxied(header, family)?
    };
    Ok(Some((found, whole)))
}

fn proxied(header: &[u8], family: u8) -> Result<Header<'_>, Flaw> {
    let body = header.get(HEAD_LEN..).ok_or(Flaw::Malformed)?;
    let (origin, fields) = match family {
        0x00 => (Origin::Unknown, body),
        0x11 => client(body, |address: [u8; 4]| Ipv4Addr::from(address).into())?,
        0x21 => client(body, |address: [u8; 16]| Ipv6Addr::from(address).into())?,
        0x31 => (Origin::Unknown, body.get(UNIX_LEN..).ok_or(Flaw::Malformed)?),
        0x12 | 0x22 | 0x32 => return Err(Flaw::NoStream),
        _ => return Err(Flaw::Malformed),
    };
    let mut found = Header::of(origin);
    let mut checked = false;
    let mut rest = Fields(fields);
    while let Some((kind, value)) = rest.next()? {
        match kind {
            Field::CRC32C if !checked => check(header, value, rest.0.len())?,
            Field::UNIQUE_ID if found.unique_id.is_none() && value.len() <= UNIQUE_ID_MAX => {
                found.unique_id = Some(value);
            }
            Field::SSL if found.tls.is_none() => found.tls = tls(value)?,
            Field::CRC32C | Field::UNIQUE_ID | Field::SSL => return Err(Flaw::Malformed),
            // Namespaces, names, padding, and what balancers add of their own.
            _ => (),
        }
        checked |= kind == Field::CRC32C;
    }
    Ok(found)
}

/// Source and destination, then their ports.
fn client<const LEN: usize>(
    body: &[u8],
    address: impl Fn([u8; LEN]) -> std::net::IpAddr,
) -> Result<(Origin, &[u8]), Flaw> {
    let (source, rest) = body.split_first_chunk::<LEN>().ok_or(Flaw::Malformed)?;
    let (_destination, rest) = rest.split_first_chunk::<LEN>().ok_or(Flaw::Malformed)?;
    let ([high, low, _, _], rest) = rest.split_first_chunk::<4>().ok_or(Flaw::Malformed)?;
    let port = u16::from_be_bytes([*high, *low]);
    Ok((Origin::client(SocketAddr::new(address(*source), port)), rest))
}

/// Types of fields.
struct Field;

impl Field {
    const CRC32C: u8 = 0x03;
    const UNIQUE_ID: u8 = 0x05;
    const SSL: u8 = 0x20;
    const SSL_VERSION: u8 = 0x21;
    const SSL_CIPHER: u8 = 0x23;
}

/// Fields not yet taken.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    /// The type and value of the next one.
    fn next(&mut self) -> Result<Option<(u8, &'b [u8])>, Flaw> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let ([kind, high, low], rest) = self.0.split_first_chunk::<3>().ok_or(Flaw::Malformed)?;
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(len).ok_or(Flaw::Malformed)?;
        self.0 = rest;
        Ok(Some((*kind, value)))
    }
}

/// Checks the sum `value`, behind which `behind` bytes of the header follow. It is taken over
/// the whole header with four zeros in its own place.
fn check(header: &[u8], value: &[u8], behind: usize) -> Result<(), Flaw> {
    let sum: [u8; 4] = value.try_into().map_err(|_| Flaw::Malformed)?;
    let (front, back) = header.split_at_checked(header.len() - behind).ok_or(Flaw::Malformed)?;
    let front = front.split_last_chunk::<4>().ok_or(Flaw::Malformed)?.0;
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for part in [front, &[0; 4], back] {
        digest.update(part);
    }
    let right = digest.finalize() == u64::from(u32::from_be_bytes(sum));
    if right { Ok(()) } else { Err(Flaw::Checksum) }
}

/// Client flags, the verdict on a certificate, then fields of its own.
fn tls(value: &[u8]) -> Result<Option<Tls<'_>>, Flaw> {
    const CLIENT_SSL: u8 = 0x01;
    let ([client, _verdict @ ..], rest) = value.split_first_chunk::<5>().ok_or(Flaw::Malformed)?;
    let mut found = Tls::default();
    let mut rest = Fields(rest);
    while let Some((kind, value)) = rest.next()? {
        match kind {
            Field::SSL_VERSION => found.version = Some(value),
            Field::SSL_CIPHER => found.cipher = Some(value),
            _ => (),
        }
    }
    Ok((client & CLIENT_SSL != 0).then_some(found))
}
