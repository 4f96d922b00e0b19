//! A broken rule, what it means, and what to do.

use super::show;
use event::MessageId;
use serde_json::{Value, json};
use spool::walk::Fault;
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is not as it should be.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) file: PathBuf,
    pub(super) offset: Option<u64>,
    /// What was found.
    pub(super) found: String,
    /// What that means.
    pub(super) means: &'static str,
    /// What to do about it.
    pub(super) advice: &'static str,
    /// Worth knowing, and nothing is lost by it.
    pub(super) harmless: bool,
    /// Messages known to have been hit.
    pub(super) messages: Vec<MessageId>,
}

const DISK: &str = "look after the disk, and keep a copy of this file for a closer look";

impl Problem {
    /// One about a whole file.
    pub(super) fn of(
        file: &Path,
        found: String,
        means: &'static str,
        advice: &'static str,
    ) -> Self {
        let file = file.to_owned();
        Self { file, offset: None, found, means, advice, harmless: false, messages: Vec::new() }
    }

    /// The same, of something nobody loses by.
    pub(super) fn harmless(self) -> Self {
        Self { harmless: true, ..self }
    }

    /// The same, at a place in the file.
    pub(super) fn at(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }

    /// The same, which hit these messages.
    pub(super) fn hit(self, messages: Vec<MessageId>) -> Self {
        Self { messages, ..self }
    }

    /// What a walk found.
    pub(super) fn of_fault(file: &Path, offset: u64, fault: Fault) -> Self {
        let (means, advice) = match fault {
            Fault::Padding => ("nothing reads these bytes, but they were written as zeros", DISK),
            fault if fault.is_of_content() => (
                "bytes of a durable block have changed: records they belong to are lost, the \
                 others count, and a start goes on behind them",
                DISK,
            ),
            _ => (
                "the block is as it was written, and does not belong behind the one before it",
                "do not start on this log; keep a copy of it and report this",
            ),
        };
        Self::of(file, fault.to_string(), means, advice).at(offset)
    }

    /// The last block of a log, or of a boot, that does not check.
    pub(super) fn of_tail(file: &Path) -> Self {
        let means = "if a crash came while it was written, nothing in it was acknowledged; if none \
                     did, its bytes have changed: nothing behind it tells which";
        let advice = "if no crash came, ask the senders of the messages named; look after the disk";
        Self::of(file, "the last block does not check".to_owned(), means, advice).harmless()
    }

    /// One copy of a segment's header.
    pub(super) fn of_header_copy(file: &Path, offset: u64) -> Self {
        let means = "the header is there twice, and the other copy serves";
        Self::of(file, "a copy of the segment's header is damaged".to_owned(), means, DISK)
            .at(offset)
    }

    pub(super) fn value(&self) -> Value {
        json!({
            "file": show::file(&self.file),
            "offset": self.offset,
            "found": self.found,
            "means": self.means,
            "advice": self.advice,
            "harmless": self.harmless,
            "messages": self.messages,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, found, means, advice, harmless, messages } = self;
        let kind = if *harmless { "note" } else { "problem" };
        write!(f, "{kind}: {}", file.display())?;
        if let Some(offset) = offset {
            write!(f, " at byte {offset}")?;
        }
        write!(f, ": {found}\n  means: {means}\n  do: {advice}")?;
        if !messages.is_empty() {
            write!(f, "\n  messages: {}", show::names(messages))?;
        }
        Ok(())
    }
}
