//! `xtext`: a value with `+` and two hexadecimal digits for what may not stand in a parameter.
//!
//! [RFC 3461 §4](https://www.rfc-editor.org/rfc/rfc3461#section-4). What it stands for may be no
//! control character: it ends up in logs, reports and other servers' commands (T7).

/// What `xtext` stands for, or `None` if it is malformed.
#[must_use]
pub fn decode(xtext: &[u8]) -> Option<Vec<u8>> {
    Octets(xtext).collect()
}

/// It is well-formed, and stands for printable ASCII and spaces alone.
#[must_use]
pub fn is_printable(xtext: &[u8]) -> bool {
    Octets(xtext).all(|octet| matches!(octet, Some(b' '..=b'~')))
}

/// The octets it stands for, one by one; `None` for what stands for nothing.
struct Octets<'i>(&'i [u8]);

impl Iterator for Octets<'_> {
    type Item = Option<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        let (octet, rest) = match self.0 {
            [] => return None,
            [b'+', high, low, rest @ ..] => (octet(*high, *low), rest),
            [b'+' | b'=', rest @ ..] => (None, rest),
            [octet @ b'!'..=b'~', rest @ ..] => (Some(*octet), rest),
            [_, rest @ ..] => (None, rest),
        };
        self.0 = rest;
        Some(octet)
    }
}

/// The octet these two digits name. The letters among them are capitals.
fn octet(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests;
