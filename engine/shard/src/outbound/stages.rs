//! What was said when a reply came: the stage of the conversation it belongs to.
//!
//! Replies come in the order in which we spoke. So what is said is noted, a word a line, and each reply
//! is of the first that has none.

use policy::replies::Stage;
use smallvec::SmallVec;
use std::collections::VecDeque;

/// The stages of one conversation.
#[derive(Debug)]
pub(super) struct Stages {
    /// What was said and not answered. `None`: nothing that a rule is about.
    said: VecDeque<Option<Stage>>,
    /// Recipients of the transaction being answered that were answered.
    recipients: u16,
    /// Those of them that were refused.
    refused: SmallVec<[u16; 4]>,
    /// Where the others were, if they were.
    all_refused: Option<Stage>,
}

impl Stages {
    /// The host is to speak first.
    pub(super) fn new() -> Self {
        let said = [Some(Stage::Greeting)].into();
        Self { said, recipients: 0, refused: SmallVec::new(), all_refused: None }
    }

    /// These commands were said, whole lines.
    pub(super) fn say(&mut self, commands: &[u8]) {
        for line in commands.split_inclusive(|byte| *byte == b'\n') {
            self.said.push_back(stage(line));
        }
    }

    /// A text was said, to its end.
    pub(super) fn say_text(&mut self) {
        self.said.push_back(Some(Stage::Text));
    }

    /// A reply came: to what, if that is known.
    pub(super) fn hear(&mut self, code: u16) -> Option<Stage> {
        let stage = self.said.pop_front().flatten();
        let is_refused = code >= 400;
        match stage {
            Some(Stage::Rcpt) => {
                if is_refused {
                    self.refused.push(self.recipients);
                }
                self.recipients += 1;
            }
            Some(Stage::Mail | Stage::Data | Stage::Text) if is_refused => {
                self.all_refused.get_or_insert(stage?);
            }
            _ => (),
        }
        stage
    }

    /// To what this recipient of the transaction being answered was refused, if it was.
    pub(super) fn of(&self, recipient: usize) -> Option<Stage> {
        let is_own = self.refused.iter().any(|refused| usize::from(*refused) == recipient);
        match self.all_refused {
            Some(Stage::Mail) => Some(Stage::Mail),
            _ if is_own => Some(Stage::Rcpt),
            all => all,
        }
    }

    /// The transaction is over.
    pub(super) fn turn(&mut self) {
        self.recipients = 0;
        self.refused.clear();
        self.all_refused = None;
    }
}

fn stage(line: &[u8]) -> Option<Stage> {
    match line {
        [b'E' | b'H', ..] | [b'S', b'T', ..] => Some(Stage::Hello),
        [b'M', ..] => Some(Stage::Mail),
        [b'R', b'C', ..] => Some(Stage::Rcpt),
        [b'D', ..] => Some(Stage::Data),
        [b'B' | b'.', ..] => Some(Stage::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
