//! Transparency: the dot that DATA wants in front of a line that begins with one.
//!
//! [RFC 5321 §4.5.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2)

use memchr::memmem;

const NEXT: &[u8] = b"\r\n.";

/// Doubles dots in a text that comes in pieces, cut anywhere. The text consists of lines; none of
/// its CRs and LFs stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuffer {
    /// The last two octets so far.
    tail: [u8; 2],
}

impl Default for Stuffer {
    /// At the start of a line.
    fn default() -> Self {
        Self { tail: *b"\r\n" }
    }
}

impl Stuffer {
    /// Appends the next piece to `out`, dots doubled.
    pub fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        match (self.tail, rest) {
            ([b'\r', b'\n'], [b'.', ..]) => out.push(b'.'),
            ([_, b'\r'], [b'\n', b'.', behind @ ..]) => {
                out.extend_from_slice(b"\n..");
                rest = behind;
            }
            _ => {}
        }
        while let Some(at) = memmem::find(rest, NEXT) {
            let (line, next) = rest.split_at(at + b"\r\n".len());
            out.extend_from_slice(line);
            out.push(b'.');
            rest = next;
        }
        out.extend_from_slice(rest);
        self.tail = match (self.tail, piece) {
            (tail, []) => tail,
            ([_, last], [only]) => [last, *only],
            (_, [.., one, other]) => [*one, *other],
        };
    }
}

/// A whole text as it was before its dots were doubled. A single dot that begins a line, which a
/// careless client sent, is taken away as well: that is what it means.
#[must_use]
pub fn removed(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.strip_prefix(b".").unwrap_or(text);
    while let Some(at) = memmem::find(rest, NEXT) {
        let (line, next) = rest.split_at(at + b"\r\n".len());
        plain.extend_from_slice(line);
        rest = next.strip_prefix(b".").unwrap_or(next);
    }
    plain.extend_from_slice(rest);
    plain
}

/// How many lines of a whole text begin with a dot.
#[must_use]
pub fn count(text: &[u8]) -> u64 {
    u64::from(text.starts_with(b".")) + memmem::find_iter(text, NEXT).count() as u64
}

#[cfg(test)]
mod tests {
    use super::{Stuffer, count, removed};

    const TEXT: &[u8] = b".\r\n..\r\n.a\r\nb.\r\n\r\n\r\n.\r\n.c.\r\n...";
    const STUFFED: &[u8] = b"..\r\n...\r\n..a\r\nb.\r\n\r\n\r\n..\r\n..c.\r\n....";

    /// T8: at every split, and the split of what is behind it.
    #[test]
    fn a_dot_is_doubled_wherever_the_text_is_cut() {
        for first in 0..=TEXT.len() {
            for second in first..=TEXT.len() {
                let (mut stuffer, mut out) = (Stuffer::default(), Vec::new());
                for piece in [&TEXT[..first], &TEXT[first..second], &TEXT[second..]] {
                    stuffer.write(piece, &mut out);
                }
                assert_eq!(out, STUFFED, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn octet_by_octet_it_is_the_same() {
        let (mut stuffer, mut out) = (Stuffer::default(), Vec::new());
        for octet in TEXT {
            stuffer.write(&[*octet], &mut out);
        }
        assert_eq!(out, STUFFED);
        assert_eq!(count(TEXT) as usize, STUFFED.len() - TEXT.len());
        assert_eq!((count(b""), count(b"a.\r\n"), count(b".")), (0, 0, 1));
    }

    #[test]
    fn what_was_doubled_is_single_again() {
        assert_eq!(removed(STUFFED), TEXT);
        let careless = b".x\r\n.y\r\nz.\r\n";
        assert_eq!(removed(careless), b"x\r\ny\r\nz.\r\n");
        for text in [TEXT, STUFFED, careless, b"", b"."] {
            assert_eq!(removed(text).len() as u64, text.len() as u64 - count(text));
        }
    }
}
