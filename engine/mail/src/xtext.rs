//! Xtext: any octets in printable ASCII without spaces, `+` and `=`.
//!
//! [RFC 3461 §4](https://www.rfc-editor.org/rfc/rfc3461#section-4)

/// The octets that `text` stands for. What is not xtext stands for itself.
#[must_use]
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let pair = behind.split_first_chunk::<2>();
        match pair.and_then(|([high, low], after)| Some((digit(*high)? << 4 | digit(*low)?, after)))
        {
            Some((octet, after)) if *first == b'+' => {
                out.push(octet);
                rest = after;
            }
            _ => out.push(*first),
        }
    }
    out
}

/// `octets` as xtext.
#[must_use]
pub fn encode(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    for octet in octets {
        if matches!(octet, b'!'..=b'~') && !b"+=".contains(octet) {
            out.push(*octet);
        } else {
            out.extend_from_slice(&[b'+', hex(octet >> 4), hex(octet & 15)]);
        }
    }
    out
}

/// Only capitals: that is the grammar.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

const fn hex(digit: u8) -> u8 {
    match digit {
        0..10 => b'0' + digit,
        _ => b'A' + digit - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn all_octets_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = encode(&all);
        assert!(text.iter().all(u8::is_ascii_graphic) && !text.contains(&b'='));
        assert_eq!(decode(&text), all);
    }

    #[test]
    fn what_is_no_xtext_stands_for_itself() {
        for text in ["+", "+4", "+4x", "+2b", "a b", "++"] {
            assert_eq!(decode(text.as_bytes()), text.as_bytes());
        }
        assert_eq!(decode(b"a+2Bb+3D"), b"a+b=");
    }
}
