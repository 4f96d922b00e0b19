//! What the header of a message says about its way so far: one pass, where it lies.

use memchr::memchr;

/// What one scan finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Octets of the header fields, each with its CRLF; the blank line behind them not counted.
    pub len: usize,
    /// How many Received fields there are: relays passed.
    ///
    /// [RFC 5321 §6.3](https://www.rfc-editor.org/rfc/rfc5321#section-6.3)
    pub received: u16,
}

/// Scans a text that is there as a whole.
#[must_use]
pub fn scan(text: &[u8]) -> Facts {
    let mut scan = Scan::default();
    scan.read(text);
    scan.facts()
}

/// Scans a text that comes in slices, cut anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    facts: Facts,
    at: At,
}

/// Where in a line we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In its name, which so far is this much of [`NAME`]; 0 is its start.
    Name(usize),
    /// In a line that may be blank: behind its CR.
    Blank,
    /// In the rest of it, which does not matter.
    Rest,
    /// Behind the header.
    Body,
}

impl Default for At {
    fn default() -> Self {
        Self::Name(0)
    }
}

/// The field we count.
const NAME: &[u8] = b"received:";

impl Scan {
    /// Reads the next slice of the text. Once [`Self::is_done`], it costs nothing.
    pub fn read(&mut self, text: &[u8]) {
        let mut rest = text;
        while self.at != At::Body && !rest.is_empty() {
            rest = self.word(rest);
        }
    }

    /// The blank line was seen.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at == At::Body
    }

    /// What was found so far. A text without a blank line is all header.
    #[must_use]
    pub const fn facts(&self) -> Facts {
        match self.at {
            // This CR belongs to the blank line, unless more follows.
            At::Blank => Facts { len: self.facts.len - 1, ..self.facts },
            _ => self.facts,
        }
    }

    /// Reads one byte of a name, or the rest of a line at once. Returns what is left.
    fn word<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let Some((byte, after)) = text.split_first() else { return text };
        let (len, next) = match self.at {
            At::Name(0) if *byte == b'\r' => (1, At::Blank),
            At::Name(matched) if continues(matched, *byte) => (1, self.named(matched + 1)),
            At::Blank if *byte == b'\n' => {
                self.facts.len -= 1;
                self.at = At::Body;
                return after;
            }
            _ => match memchr(b'\n', text) {
                Some(end) => (end + 1, At::Name(0)),
                None => (text.len(), At::Rest),
            },
        };
        self.facts.len += len;
        self.at = next;
        text.get(len..).unwrap_or_default()
    }

    fn named(&mut self, matched: usize) -> At {
        if matched < NAME.len() {
            return At::Name(matched);
        }
        self.facts.received = self.facts.received.saturating_add(1);
        At::Rest
    }
}

fn continues(matched: usize, byte: u8) -> bool {
    NAME.get(matched) == Some(&byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
