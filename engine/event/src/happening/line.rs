//! One JSON object on one line, written into a buffer the caller keeps.
//!
//! Written by hand because a log line must be safe to show as well as valid JSON: besides
//! what JSON asks for, DEL, the C1 controls (U+009B opens an escape sequence on some
//! terminals), the Unicode line separators and what turns the direction of writing around are
//! escaped too, and every string is cut.

use crate::{EnhancedCode, MessageId};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

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

    pub(super) fn text_or_null(self, key: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self.null(key),
        }
    }

    pub(super) fn text_if_any(self, key: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    pub(super) fn number(self, key: &str, number: u64) -> Self {
        let line = self.key(key);
        digits::<10>(number, 1, line.0);
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
        digits::<10>(micros / 1_000, 1, line.0);
        line.0.push(b'.');
        digits::<10>(micros % 1_000, 3, line.0);
        line
    }

    pub(super) fn truth(self, key: &str, truth: bool) -> Self {
        let line = self.key(key);
        line.0.extend_from_slice(if truth { b"true" } else { b"false" });
        line
    }

    pub(super) fn truth_or_null(self, key: &str, truth: Option<bool>) -> Self {
        match truth {
            Some(truth) => self.truth(key, truth),
            None => self.null(key),
        }
    }

    pub(super) fn id(self, key: &str, id: MessageId) -> Self {
        let line = self.key(key);
        name(id, line.0);
        line
    }

    pub(super) fn ids(self, key: &str, ids: &[MessageId]) -> Self {
        let line = self.key(key);
        line.0.push(b'[');
        for (at, id) in ids.iter().enumerate() {
            line.0.extend_from_slice(if at == 0 { b"" } else { b"," });
            name(*id, line.0);
        }
        line.0.push(b']');
        line
    }

    pub(super) fn address(self, key: &str, address: Option<IpAddr>) -> Self {
        let Some(address) = address else { return self.null(key) };
        let line = self.key(key);
        line.0.push(b'"');
        ip(address, line.0);
        line.0.push(b'"');
        line
    }

    pub(super) fn peer(self, key: &str, peer: Option<SocketAddr>) -> Self {
        let Some(peer) = peer else { return self.null(key) };
        let line = self.key(key);
        line.0.push(b'"');
        if peer.is_ipv4() {
            ip(peer.ip(), line.0);
        } else {
            line.0.push(b'[');
            ip(peer.ip(), line.0);
            line.0.push(b']');
        }
        line.0.push(b':');
        digits::<10>(u64::from(peer.port()), 1, line.0);
        line.0.push(b'"');
        line
    }

    pub(super) fn enhanced(self, key: &str, enhanced: Option<EnhancedCode>) -> Self {
        let Some(EnhancedCode { class, subject, detail }) = enhanced else { return self.null(key) };
        let line = self.key(key);
        line.0.push(b'"');
        parts([u16::from(class), subject, detail].map(u64::from), line.0);
        line.0.push(b'"');
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

/// Appends a message's name as a string.
fn name(id: MessageId, out: &mut Vec<u8>) {
    out.push(b'"');
    for (separator, part) in
        [(&b""[..], u64::from(id.log)), (b"-", u64::from(id.boot)), (b"-", id.count)]
    {
        out.extend_from_slice(separator);
        digits::<16>(part, 1, out);
    }
    out.push(b'"');
}

/// Appends `number` with at least `width` digits.
fn digits<const BASE: u64>(mut number: u64, width: usize, out: &mut Vec<u8>) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while number > 0 || text.len() - start < width {
        start -= 1;
        text[start] = b"0123456789abcdef"[(number % BASE) as usize];
        number /= BASE;
    }
    out.extend_from_slice(&text[start..]);
}

/// Appends an address.
fn ip(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => parts(address.octets().map(u64::from), out),
        // Writing to a Vec does not fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

/// Appends numbers with dots between.
fn parts<const N: usize>(numbers: [u64; N], out: &mut Vec<u8>) {
    for (index, number) in numbers.into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        digits::<10>(number, 1, out);
    }
}

/// Appends the first [`FIELD_BYTES_MAX`] bytes of `text`, escaped.
fn escape(text: &str, out: &mut Vec<u8>) {
    let text = &text[..text.floor_char_boundary(FIELD_BYTES_MAX)];
    // Without a way out in the middle it is done many bytes at a time.
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return out.extend_from_slice(text.as_bytes());
    }
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
            character if misleads(character) => hexadecimal(character, out),
            character => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}

/// What would do something to a line that is shown, rather than be shown in it.
fn misleads(character: char) -> bool {
    let line_end = matches!(character, '\u{2028}' | '\u{2029}');
    let turns_around = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || line_end || turns_around
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
