//! A text that comes with BDAT, in chunks of an announced length.
//!
//! [RFC 3030](https://www.rfc-editor.org/rfc/rfc3030)

use super::{After, Output, Session, State, say};
use crate::clock::Nanos;

/// A chunk of which some has not come yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    left: u64,
    is_last: bool,
    /// It belongs to a message: its bytes are text. Else they are only dropped, as
    /// [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2) has it.
    is_welcome: bool,
}

impl Session {
    /// Takes the command: bytes follow it, whatever is said to them.
    pub(super) fn bdat(&mut self, argument: &[u8], replies: &mut Vec<u8>) {
        let Some((left, is_last)) = announced(argument) else {
            return say(replies, "501 5.5.4 ", &["Syntax: BDAT size [LAST]"]);
        };
        let is_welcome = self.envelope.is_deliverable();
        self.state = State::Chunk(Chunk { left, is_last, is_welcome });
    }

    /// Takes bytes of a chunk, and answers when it is all there.
    pub(super) fn chunk(
        &mut self,
        chunk: Chunk,
        input: &[u8],
        now: Nanos,
        output: &mut Output,
    ) -> (usize, After) {
        let used = input.len().min(usize::try_from(chunk.left).unwrap_or(usize::MAX));
        if chunk.is_welcome {
            self.text.take_plain(&input[..used]);
        }
        let left = chunk.left - used as u64;
        if left > 0 {
            self.state = State::Chunk(Chunk { left, ..chunk });
            return (used, After::Continue);
        }
        self.state = State::Command;
        if !chunk.is_welcome {
            say(&mut output.replies, "503 5.5.1 ", &["Need MAIL and a valid recipient first"]);
        } else if chunk.is_last {
            return (used, self.arrived(now, output));
        } else {
            say(&mut output.replies, "250 2.0.0 ", &["Chunk ok"]);
        }
        (used, After::Continue)
    }
}

/// The length of a chunk, and whether it is the last.
fn announced(argument: &[u8]) -> Option<(u64, bool)> {
    let argument = str::from_utf8(argument).ok()?;
    let mut words = argument.split_ascii_whitespace();
    let len = words.next()?.parse().ok()?;
    let is_last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some((len, is_last))
}
