//! Message text, judged in one pass where it lies.
//!
//! [`Text::scan`] says how many bytes of the input are good text, and what stopped it. It
//! carries nothing from call to call but counts: bytes whose meaning depends on what follows
//! (a CR, or a dot that begins a line) are not taken until that has arrived.
//!
//! The text ends at CRLF `.` CRLF and nowhere else, and a CR or LF outside a CRLF, or a NUL, is
//! no text at all: some other server might see the end there (SMTP smuggling).
//! [RFC 5321 §4.1.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.4)

use crate::reply::Refusal;
use memchr::{memchr3, memmem};

/// What ends the text, at the start of a line.
pub const TERMINATOR: &[u8] = b".\r\n";

/// What one text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Octets in the message, transparency dots not counted.
    pub message_bytes_max: u64,
    /// Octets in one line, CRLF included.
    pub line_bytes_max: usize,
}

/// What stopped a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All was taken that can be judged yet.
    Starved,
    /// The terminator comes next.
    End,
    /// What comes next may not stand in a text.
    Fault(Refusal),
}

/// The text so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Octets, as they came.
    pub bytes: u64,
    /// Lines that begin with a dot.
    pub dots: u64,
    /// Octets of the line that has begun. Zero: at the start of one.
    line: usize,
    /// That line began with a dot, which does not count.
    stuffed: bool,
    /// An octet above 127 was seen.
    pub eight_bit: bool,
}

impl Text {
    /// How many bytes at the start of `input` are good text, and what follows them.
    pub fn scan(&mut self, input: &[u8], bounds: Bounds) -> (usize, Stop) {
        let (used, stop) = self.judge(input, bounds.line_bytes_max);
        self.bytes += used as u64;
        self.eight_bit |= input.get(..used).is_some_and(|text| !text.is_ascii());
        if self.bytes - self.dots > bounds.message_bytes_max {
            return (used, Stop::Fault(Refusal::MessageTooBig));
        }
        (used, stop)
    }

    /// One turn of the loop is one line.
    fn judge(&mut self, input: &[u8], line_bytes_max: usize) -> (usize, Stop) {
        let content_max = line_bytes_max.saturating_sub(2);
        let mut start = 0;
        loop {
            let rest = input.get(start..).unwrap_or_default();
            if self.line == 0 {
                match rest {
                    [b'.', b'\r', b'\n', ..] => return (start, Stop::End),
                    [b'.'] | [b'.', b'\r'] => return (start, Stop::Starved),
                    [b'.', ..] => {
                        self.dots += 1;
                        self.stuffed = true;
                    }
                    _ => {}
                }
            }
            let content = memchr3(b'\r', b'\n', 0, rest);
            let len = content.unwrap_or(rest.len());
            // RFC 5321 §4.5.3.1.6: the dot doubled for transparency is not part of the line.
            let line_max = content_max + usize::from(self.stuffed);
            if self.line + len > line_max {
                let good = line_max - self.line;
                self.line = line_max;
                return (start + good, Stop::Fault(Refusal::TextLineTooLong));
            }
            match rest.get(len..) {
                Some([b'\r', b'\n', ..]) => {
                    self.line = 0;
                    self.stuffed = false;
                    start += len + 2;
                }
                Some([] | [b'\r']) => {
                    self.line += len;
                    return (start + len, Stop::Starved);
                }
                _ => {
                    self.line += len;
                    return (start + len, Stop::Fault(Refusal::BareLineEnding));
                }
            }
        }
    }

    /// At the start of a line: a terminator may come next.
    #[must_use]
    pub const fn at_line_start(&self) -> bool {
        self.line == 0
    }
}

/// Looks for the end of a text that was refused, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// The last two bytes dropped were CRLF.
    line_start: bool,
    /// Bytes we still read before we hang up.
    budget: u64,
}

impl Drain {
    /// Drops what follows `text`, at most `budget` bytes of it.
    #[must_use]
    pub const fn after(text: &Text, budget: u64) -> Self {
        Self { line_start: text.at_line_start(), budget }
    }

    /// How many bytes at the start of `input` to drop, and whether the terminator follows them.
    /// [`Stop::Fault`] when the budget is spent.
    pub fn scan(&mut self, input: &[u8]) -> (usize, Stop) {
        if self.line_start {
            match input {
                [b'.', b'\r', b'\n', ..] => return (0, Stop::End),
                [] | [b'.'] | [b'.', b'\r'] => return (0, Stop::Starved),
                _ => {}
            }
        }
        let used = match memmem::find(input, b"\r\n.\r\n") {
            Some(end) => end + 2,
            None => input.len() - undecided(input),
        };
        self.line_start = input.get(..used).is_some_and(|dropped| dropped.ends_with(b"\r\n"))
            || (self.line_start && used == 0);
        self.budget = self.budget.saturating_sub(used as u64);
        (used, if self.budget == 0 { Stop::Fault(Refusal::MessageTooBig) } else { Stop::Starved })
    }
}

/// How many bytes at the end of `input` may belong to the terminator, or to the CRLF before it.
fn undecided(input: &[u8]) -> usize {
    match input {
        [.., b'\r', b'\n', b'.', b'\r'] => 2,
        [.., b'\r', b'\n', b'.'] | [.., b'\r'] => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
