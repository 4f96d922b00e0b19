//! How a text lies there, and what it says to whom it goes.

use memchr::memmem;
use std::borrow::Cow;

/// How a text came, and lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By DATA: the first dot of a line is not part of it. Whoever gets the text takes it off, so
    /// whoever judges it has to look behind it.
    ///
    /// [RFC 5321 §4.5.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2)
    Stuffed,
    /// By BDAT: every octet is part of it.
    Raw,
}

impl Form {
    /// What begins at the start of a line, as it is meant.
    pub(super) fn line(self, text: &[u8]) -> &[u8] {
        match self {
            Self::Stuffed => text.strip_prefix(b".").unwrap_or(text),
            Self::Raw => text,
        }
    }

    /// Whole lines, as they are meant. Hardly any header has a line that begins with a dot: only
    /// such a one is copied.
    pub(super) fn plain(self, lines: &[u8]) -> Cow<'_, [u8]> {
        let dotted = || lines.starts_with(b".") || memmem::find(lines, b"\n.").is_some();
        if self == Self::Raw || !dotted() {
            return Cow::Borrowed(lines);
        }
        let lines = lines.split_inclusive(|byte| *byte == b'\n');
        Cow::Owned(lines.flat_map(|line| self.line(line)).copied().collect())
    }
}
