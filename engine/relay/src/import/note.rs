//! What did not come over as it was: line by line, with the reason.

use std::fmt;

/// How a line fared that did not come over as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// Nothing in the settings stands for it.
    LeftOut,
    /// Something does, but it is not quite the same: an operator has to look at it.
    Differs,
}

/// One line that did not come over as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    line: usize,
    what: String,
    fate: Fate,
    why: String,
}

/// All of them. What they repeat are names, never values: one may be a password.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    /// Nothing stands for `what`, which is on this line.
    pub(super) fn left_out(&mut self, line: usize, what: &str, why: impl Into<String>) {
        self.add(line, what, Fate::LeftOut, &why.into());
    }

    /// What stands for `what` is not quite the same.
    pub(super) fn differs(&mut self, line: usize, what: &str, why: impl Into<String>) {
        self.add(line, what, Fate::Differs, &why.into());
    }

    /// How many fared so.
    pub(super) fn count(&self, fate: Fate) -> usize {
        self.0.iter().filter(|note| note.fate == fate).count()
    }

    /// All of them in the order of their lines, each with the file's name in front.
    pub(super) fn of_file(&self, file: &str) -> String {
        let mut notes: Vec<&Note> = self.0.iter().collect();
        notes.sort_by_key(|note| (note.line, note.fate));
        notes.into_iter().fold(String::new(), |text, note| text + &format!("{file}:{note}\n"))
    }

    fn add(&mut self, line: usize, what: &str, fate: Fate, why: &str) {
        let note = Note { line, what: plain(what), fate, why: plain(why) };
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

/// A text that fits a line, whatever stood in the file.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, "?")
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match self.fate {
            Fate::LeftOut => "left out",
            Fate::Differs => "look at it",
        };
        write!(f, "{}: {fate}: {}: {}", self.line, self.what, self.why)
    }
}
