//! A key as it is in force, and who said so.

use std::ops::Range;

/// Where an effective value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it.
    Default,
    /// The profile of this provider, which is part of the program.
    Profile(&'static str),
    /// This line of the file, counted from 1.
    Line(usize),
}

/// One key as it is in force.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The table it stands in: empty for the top level.
    pub table: &'static str,
    /// Which of the `[[table]]`s, if it is a list of them.
    pub index: Option<usize>,
    /// The key.
    pub name: &'static str,
    /// Its value in TOML; `None` if it is left out and has no default.
    pub value: Option<String>,
    /// Who said so.
    pub origin: Origin,
    /// What it is for.
    pub help: &'static str,
    /// Whether it must be written wherever its table is.
    pub required: bool,
    /// The JSON schema of its value.
    pub schema: serde_json::Value,
    /// The line it was written on, as bytes of the file.
    pub(super) span: Option<Range<usize>>,
}

impl Entry {
    /// The same as part of the program.
    pub(super) fn shipped(self, origin: Origin) -> Self {
        Self { origin, span: None, ..self }
    }

    /// Where it was written, as bytes of the file.
    pub(super) fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }
}
