//! The name in a certificate, as far as people read it.
//!
//! A certificate is looked into only after its signature was found good, so this walks DER
//! of which a checker has seen every length; where it does not fit all the same, there is no
//! name. [RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
/// The version, tagged because it may be left out.
const VERSION: u8 = 0xa0;

/// The attributes that are shown, by the object identifiers of X.520.
const SHOWN: [(&[u8], &str); 6] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 6], "C"),
];

/// The longest name that is kept.
const BYTES_MAX: usize = 256;

/// The subject of a certificate in DER: `CN=mta1,O=Example`.
pub(crate) fn subject(certificate: &[u8]) -> Option<Box<str>> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.2;
    }
    // Serial number, signature algorithm, issuer, validity; then the subject.
    for _ in 0..4 {
        fields = element(fields)?.2;
    }
    let (_, mut names, _) = element(fields)?;
    let mut text = String::new();
    while let Some((SET, name, rest)) = element(names) {
        names = rest;
        append(&mut text, name);
    }
    text.truncate(text.floor_char_boundary(BYTES_MAX));
    (!text.is_empty()).then(|| text.into())
}

/// One relative name, if it is one of those we show. Names with several parts show the first.
fn append(text: &mut String, name: &[u8]) -> Option<()> {
    let (SEQUENCE, pair, _) = element(name)? else { return None };
    let (OBJECT, kind, rest) = element(pair)? else { return None };
    let (_, value, _) = element(rest)?;
    let (_, short) = SHOWN.iter().find(|(shown, _)| *shown == kind)?;
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(short);
    text.push('=');
    let harmless = |c: char| if c.is_control() || c == ',' { '?' } else { c };
    text.extend(String::from_utf8_lossy(value).chars().map(harmless));
    Some(())
}

/// The first element: its tag, what is in it, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), rest.get(2..)?),
        _ => return None,
    };
    Some((tag, rest.get(..len)?, rest.get(len..)?))
}

#[cfg(test)]
mod tests;
