//! A reply of the peer, borrowed from the receive buffer.
//!
//! [RFC 5321 §4.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.2): only the code decides;
//! the text is for people.

use super::PeerFault;
use event::{EnhancedCode, Response};
use memchr::memchr;

/// The longest reply line we read, CRLF included: four times what
/// [RFC 5321 §4.5.3.1.5](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.5) allows.
pub const REPLY_LINE_BYTES_MAX: usize = 2_048;

/// The most lines one reply may have.
pub const REPLY_LINES_MAX: usize = 100;

/// The most bytes one reply may have: a receive buffer of this size never stalls.
pub const REPLY_BYTES_MAX: usize = 16 * 1_024;

const _: () = assert!(REPLY_LINE_BYTES_MAX <= REPLY_BYTES_MAX, "one line fits a reply");

/// One complete reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer<'i> {
    /// 200 to 599.
    pub(super) code: u16,
    /// All its lines, as they came.
    raw: &'i [u8],
}

/// What the first digit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// 2: done.
    Done,
    /// 3: go on.
    GoOn,
    /// 4: not now.
    Transient,
    /// 5: not ever.
    Permanent,
}

impl<'i> Answer<'i> {
    /// The first reply in `input` and the bytes it takes up, or `None` if it has not all arrived.
    pub(super) fn read(input: &'i [u8]) -> Result<Option<(Self, usize)>, PeerFault> {
        let mut used = 0;
        let mut code = None;
        for _ in 0..REPLY_LINES_MAX {
            let rest = input.get(used..).unwrap_or_default();
            let Some(line) = first_line(rest)? else {
                return if input.len() < REPLY_BYTES_MAX {
                    Ok(None)
                } else {
                    Err(PeerFault::TooLong)
                };
            };
            used += line.len() + b"\r\n".len();
            let (this, last) = code_of(line)?;
            if used > REPLY_BYTES_MAX {
                return Err(PeerFault::TooLong);
            }
            if *code.get_or_insert(this) != this {
                return Err(PeerFault::CodesDisagree);
            }
            if last {
                let raw = input.get(..used).unwrap_or_default();
                return Ok(Some((Self { code: this, raw }, used)));
            }
        }
        Err(PeerFault::TooLong)
    }

    pub(super) const fn class(&self) -> Class {
        match self.code {
            0..300 => Class::Done,
            300..400 => Class::GoOn,
            400..500 => Class::Transient,
            _ => Class::Permanent,
        }
    }

    /// The text of each line.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'i [u8]> + use<'i> {
        let lines = self.raw.split_inclusive(|byte| *byte == b'\n');
        lines.map(|line| line.get(4..).unwrap_or_default().trim_ascii_end())
    }

    /// What it says, to be kept. An enhanced code of another class than the code is none.
    ///
    /// [RFC 2034 §4](https://www.rfc-editor.org/rfc/rfc2034#section-4)
    pub(super) fn response(&self) -> Response {
        let word = self.lines().next().and_then(|line| line.split(|byte| *byte == b' ').next());
        let word = word.unwrap_or_default();
        let enhanced = str::from_utf8(word).ok().and_then(|word| word.parse().ok());
        match enhanced.filter(|code: &EnhancedCode| u16::from(code.class) == self.code / 100) {
            None => Response::from_lines(self.code, None, self.lines()),
            Some(enhanced) => {
                let lines = self.lines().map(|line| after_word(line, word));
                let lines = lines.filter(|line| !line.is_empty());
                Response::from_lines(self.code, Some(enhanced), lines)
            }
        }
    }
}

/// `line` without the enhanced code it repeats.
fn after_word<'i>(line: &'i [u8], word: &[u8]) -> &'i [u8] {
    match line.strip_prefix(word) {
        Some(rest @ ([] | [b' ', ..])) => rest.trim_ascii_start(),
        _ => line,
    }
}

fn first_line(input: &[u8]) -> Result<Option<&[u8]>, PeerFault> {
    let readable = input.get(..REPLY_LINE_BYTES_MAX).unwrap_or(input);
    let Some(line) = memchr(b'\n', readable).and_then(|end| readable.get(..end)) else {
        let full = input.len() >= REPLY_LINE_BYTES_MAX;
        return if full { Err(PeerFault::TooLong) } else { Ok(None) };
    };
    line.strip_suffix(b"\r").map(Some).ok_or(PeerFault::BareLineFeed)
}

/// The code of a line, and whether it is the last of its reply.
fn code_of(line: &[u8]) -> Result<(u16, bool), PeerFault> {
    let (digits, rest) = line.split_first_chunk::<3>().ok_or(PeerFault::NotAReply)?;
    let [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] = digits else {
        return Err(PeerFault::NotAReply);
    };
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] | [b' ', ..] => Ok((code, true)),
        [b'-', ..] => Ok((code, false)),
        _ => Err(PeerFault::NotAReply),
    }
}

#[cfg(test)]
mod tests;
