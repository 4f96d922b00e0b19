//! What is wrong with a settings file: where, what, and what would be right.

use std::fmt;
use std::ops::Range;

/// A settings file in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'d> {
    /// What to call it in messages.
    pub(super) name: &'d str,
    /// All of it.
    pub(super) text: &'d str,
}

impl Source<'_> {
    /// The line that holds the byte at `offset`, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + before.split(|byte| *byte == b'\n').skip(1).count()
    }

    fn excerpt(&self, line: usize) -> &str {
        self.text.lines().nth(line - 1).unwrap_or_default()
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file it is in; empty if it is in none.
    pub file: String,
    /// The line it is on, counted from 1; 0 if it is on none.
    pub line: usize,
    /// What is wrong.
    pub wrong: String,
    /// What would be right; empty if there is no saying.
    pub allowed: String,
    /// The line itself; empty if it is not to be repeated.
    pub excerpt: String,
    /// Which characters of the line are meant.
    pub columns: Range<usize>,
}

impl Fault {
    pub(super) fn at(
        source: &Source<'_>,
        span: Option<Range<usize>>,
        wrong: String,
        allowed: String,
    ) -> Self {
        let file = source.name.to_owned();
        let Some(span) = span else {
            return Self { file, line: 0, wrong, allowed, excerpt: String::new(), columns: 0..0 };
        };
        let line = source.line(span.start);
        let excerpt = source.excerpt(line).to_owned();
        let text = |range: Range<usize>| source.text.get(range).unwrap_or_default();
        let start = text(0..span.start).rfind('\n').map_or(0, |at| at + 1);
        let before = text(start..span.start).chars().count();
        let width = text(span).lines().next().unwrap_or_default().chars().count().max(1);
        Self { file, line, wrong, allowed, excerpt, columns: before..before + width }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => writeln!(f, "{}", self.wrong)?,
            (file, 0) => writeln!(f, "{file}: {}", self.wrong)?,
            (file, line) => {
                writeln!(f, "{file}:{line}: {}", self.wrong)?;
                if !self.excerpt.is_empty() {
                    writeln!(f, "    {}", self.excerpt)?;
                    let (indent, width) = (self.columns.start, self.columns.len());
                    writeln!(f, "    {:indent$}{}", "", "^".repeat(width))?;
                }
            }
        }
        if !self.allowed.is_empty() {
            writeln!(f, "    allowed: {}", self.allowed)?;
        }
        Ok(())
    }
}

/// All mistakes of one file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// In the order of their lines.
    pub(super) fn sorted(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.line);
        Self(faults)
    }

    /// The same, without repeating what was written.
    pub(super) fn without_excerpts(mut self) -> Self {
        self.0.iter_mut().for_each(|fault| fault.excerpt.clear());
        self
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| fault.fmt(f))
    }
}

impl std::error::Error for Faults {}
