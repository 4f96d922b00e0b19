//! One JSON object on one line, written into a buffer the caller keeps.
//!
//! Written by hand because a log line must be safe to show as well as valid JSON: besides
//! what JSON asks for, DEL, the C1 controls (U+009B opens an escape sequence on some
//! terminals) and the Unicode line separators are escaped too, and every string is cut.

use crate::{EnhancedCode, MessageId};
use std::io::Write as _;
use std::net::SocketAddr;

/// The longest string in a log line, in bytes before escaping.
pub const FIELD_BYTES_MAX: usize = 1_024;

/// An object being written. Closed by [`Line::end`].
pub(super) struct Line<'o>(&'o mut Vec<u8>);

impl<'o> Line<'o> {
    /// Starts an object of this kind.
    pub(super) fn new(out: &'o mut Vec<u8>, kind: &str) -> Self {
        out.extend_from_slice(b"{\"event\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.push(b'"');
        Self(out)
    }

    /// Ends the object and its line.
    pub(super) fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }

    pub(super) fn text(self, key: &str, text: &str) -> Self {
        let line = self.key(key);
        line.0.push(b'"');
        escape(text, line.0);
        line.0.push(b'"');
        line
    }

    pub(super) fn number(self, key: &str, number: u64) -> Self {
        let line = self.key(key);
        digits(number, 1, line.0);
        line
    }

    pub(super) fn number_or_null(self, key: &str, number: Option<u64>) -> Self {
        match number {
            Some(number) => self.number(key, number),
            None => self.null(key),
        }
    }

    /// Microseconds, written as milliseconds with three decimals.
    pub(super) fn millis_or_null(self, key: &str, micros: Option<u64>) -> Self {
        let Some(micros) = micros else { return self.null(key) };
        let line = self.key(key);
        digits(micros / 1_000, 1, line.0);
        line.0.push(b'.');
        digits(micros % 1_000, 3, line.0);
        line
    }

    pub(super) fn truth(self, key: &str, truth: bool) -> Self {
        let line = self.key(key);
        line.0.extend_from_slice(if truth { b"true" } else { b"false" });
        line
    }

    pub(super) fn id(self, key: &str, id: MessageId) -> Self {
        self.shown(key, id)
    }

    pub(super) fn peer(self, key: &str, peer: Option<SocketAddr>) -> Self {
        match peer {
            Some(peer) => self.shown(key, peer),
            None => self.null(key),
        }
    }

    pub(super) fn enhanced(self, key: &str, enhanced: Option<EnhancedCode>) -> Self {
        match enhanced {
            Some(enhanced) => self.shown(key, enhanced),
            None => self.null(key),
        }
    }

    /// A value whose `Display` needs no escaping.
    fn shown(self, key: &str, value: impl std::fmt::Display) -> Self {
        let line = self.key(key);
        // Writing to a Vec does not fail.
        let _ = write!(line.0, "\"{value}\"");
        line
    }

    fn null(self, key: &str) -> Self {
        let line = self.key(key);
        line.0.extend_from_slice(b"null");
        line
    }

    fn key(self, key: &str) -> Self {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }
}

/// Appends `number` with at least `width` digits.
fn digits(mut number: u64, width: usize, out: &mut Vec<u8>) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while number > 0 || text.len() - start < width {
        start -= 1;
        text[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&text[start..]);
}

/// Appends the first [`FIELD_BYTES_MAX`] bytes of `text`, escaped.
fn escape(text: &str, out: &mut Vec<u8>) {
    let text = &text[..text.floor_char_boundary(FIELD_BYTES_MAX)];
    if text.bytes().all(is_plain) {
        return out.extend_from_slice(text.as_bytes());
    }
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
            '\u{2028}' | '\u{2029}' => hexadecimal(character, out),
            character if character.is_control() => hexadecimal(character, out),
            character => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn hexadecimal(character: char, out: &mut Vec<u8>) {
    // Writing to a Vec does not fail.
    let _ = write!(out, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
mod tests;
