//! Message text, judged in one pass where it lies.
//!
//! [`Text::scan`] says how many bytes of the input are good text, and what stopped it. It
//! carries nothing from call to call but counts: bytes whose meaning depends on what follows
//! (a CR, or a dot that begins a line) are not taken until that has arrived.
//!
//! The text of DATA ends at CRLF `.` CRLF and nowhere else, and a CR or LF outside a CRLF, or a
//! NUL, is no text at all: some other server might see the end there (SMTP smuggling).
//! [RFC 5321 §4.1.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.4)
//!
//! The text of BDAT has no end that could be missed, but will go to others by DATA: it is held
//! to the same rules, unless it is binary, and then goes to nobody who would look for lines.
//! Its chunks may be cut anywhere, even inside a CRLF.
//! [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2)

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
#[expect(clippy::struct_excessive_bools, reason = "each is true of some octets and not of others")]
pub struct Text {
    /// Octets, as they came.
    pub bytes: u64,
    /// Lines that begin with a dot.
    pub dots: u64,
    /// Octets of the line that has begun. Zero: at the start of one.
    line: usize,
    /// That line began with a dot, which does not count.
    stuffed: bool,
    /// The last octet was a CR that ended a chunk.
    torn: bool,
    /// Octets, not lines.
    binary: bool,
    /// An octet above 127 was seen.
    pub eight_bit: bool,
}

/// How the end of a text is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// By a dot, and other dots are doubled.
    Dots,
    /// By a count of octets, which ends with this input or does not.
    Count { ends: bool },
}

impl Text {
    /// How many bytes at the start of `input` are good text, and what follows them.
    pub fn scan(&mut self, input: &[u8], bounds: Bounds) -> (usize, Stop) {
        let (used, stop) = self.judge(input, Frame::Dots, bounds.line_bytes_max);
        self.take(input.get(..used).unwrap_or_default());
        if self.bytes - self.dots > bounds.message_bytes_max {
            return (used, Stop::Fault(Refusal::MessageTooBig));
        }
        (used, stop)
    }

    /// The same of a piece of a chunk, whose size the caller has found to be within bounds.
    /// `ends`: the chunk ends with `input`, so that nothing of it can be left for later.
    pub fn scan_chunk(&mut self, input: &[u8], ends: bool, bounds: Bounds) -> (usize, Stop) {
        let (used, stop) = if self.binary {
            (self.pass(input), Stop::Starved)
        } else {
            self.mend(input, ends, bounds.line_bytes_max)
        };
        self.take(input.get(..used).unwrap_or_default());
        (used, stop)
    }

    fn take(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        self.eight_bit |= !text.is_ascii();
    }

    /// Takes octets as they come, and notes how they end.
    fn pass(&mut self, input: &[u8]) -> usize {
        let whole = match input {
            [] => return 0,
            [b'\n'] => self.torn,
            input => input.ends_with(b"\r\n"),
        };
        self.line = usize::from(!whole);
        self.torn = input.ends_with(b"\r");
        input.len()
    }

    /// A CRLF may be cut by the end of a chunk: the other half comes first in the next one.
    fn mend(&mut self, input: &[u8], ends: bool, line_bytes_max: usize) -> (usize, Stop) {
        let mut healed = 0;
        if self.torn {
            match input {
                [] => return (0, Stop::Starved),
                [b'\n', ..] => healed = 1,
                _ => return (0, Stop::Fault(Refusal::BareLineEnding)),
            }
            self.torn = false;
            self.line = 0;
        }
        let rest = input.get(healed..).unwrap_or_default();
        let (used, stop) = self.judge(rest, Frame::Count { ends }, line_bytes_max);
        (healed + used, stop)
    }

    /// One turn of the loop is one line.
    fn judge(&mut self, input: &[u8], frame: Frame, line_bytes_max: usize) -> (usize, Stop) {
        let content_max = line_bytes_max.saturating_sub(2);
        let mut start = 0;
        loop {
            let rest = input.get(start..).unwrap_or_default();
            if self.line == 0 {
                match (frame, rest) {
                    (Frame::Dots, [b'.', b'\r', b'\n', ..]) => return (start, Stop::End),
                    (Frame::Dots, [b'.'] | [b'.', b'\r']) => return (start, Stop::Starved),
                    (_, [b'.', ..]) => {
                        self.dots += 1;
                        self.stuffed = frame == Frame::Dots;
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
                Some([b'\r']) if frame == (Frame::Count { ends: true }) => {
                    self.line += len;
                    self.torn = true;
                    return (start + len + 1, Stop::Starved);
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

    /// A text of octets, not of lines: only BDAT brings one.
    #[must_use]
    pub fn binary() -> Self {
        Self { binary: true, ..Self::default() }
    }

    /// At the start of a line: a terminator may come next.
    #[must_use]
    pub const fn at_line_start(&self) -> bool {
        self.line == 0 && !self.torn
    }

    /// Its last CRLF is cut in half. No text may end so, unless it is binary.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.torn && !self.binary
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
pub(crate) mod tests;
