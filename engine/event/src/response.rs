//! What a peer said about a message, or what we say for it.

use crate::EnhancedCode;
use std::fmt::{self, Write as _};

/// The longest reply text we keep, in bytes. What a peer says is for people to read; more
/// than this is a peer that wants to fill our disk.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// A reply, safe to store and to show.
///
/// Where no peer spoke (nobody answered the dial, DNS failed, or the peer cannot take the message
/// and was not asked), the code is the one we would have said in its place, such as 451 4.4.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// The enhanced code, if there was one.
    pub enhanced: Option<EnhancedCode>,
    /// The text without codes: lines joined by a space, control characters escaped, at most
    /// [`TEXT_BYTES_MAX`] bytes.
    pub text: Box<str>,
    /// We say it ourselves: no peer did, even where one is known.
    pub local: bool,
}

impl Response {
    /// A peer's reply of one line. `text` may hold anything: it is made safe here.
    #[must_use]
    pub fn new(code: u16, enhanced: Option<EnhancedCode>, text: &str) -> Self {
        Self::from_lines(code, enhanced, [text.as_bytes()])
    }

    /// What we say where no peer did.
    #[must_use]
    pub fn local(code: u16, enhanced: EnhancedCode, text: &str) -> Self {
        Self { local: true, ..Self::new(code, Some(enhanced), text) }
    }

    /// A reply of several lines, given without their codes and line endings.
    #[must_use]
    pub fn from_lines<'a>(
        code: u16,
        enhanced: Option<EnhancedCode>,
        lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let mut text = String::new();
        for line in lines {
            if !text.is_empty() {
                text.push(' ');
            }
            clean(line, &mut text);
            if text.len() >= TEXT_BYTES_MAX {
                break;
            }
        }
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        Self { code, enhanced, text: text.into_boxed_str(), local: false }
    }
}

impl fmt::Display for Response {
    /// As the peer wrote it: `550 5.1.1 no such user`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// Appends `line` with every control character written as Rust writes it (`\u{1b}`), and
/// whatever is not UTF-8 as U+FFFD.
fn clean(line: &[u8], text: &mut String) {
    let line = line.get(..TEXT_BYTES_MAX).unwrap_or(line);
    if let Ok(line) = str::from_utf8(line)
        && line.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    {
        return text.push_str(line);
    }
    for character in String::from_utf8_lossy(line).chars() {
        if character.is_control() {
            // Writing to a String does not fail.
            let _ = write!(text, "{}", character.escape_default());
        } else {
            text.push(character);
        }
    }
}

#[cfg(test)]
mod tests;
