//! Text on its way in: by DATA to a dot, by BDAT to a count; and the rest of what was refused.

use super::{Config, Facts, Form, Refusal, Session, State, Step};
use crate::reply::Reply;
use crate::text::{Bounds, Drain, Stop, TERMINATOR, Text};

/// A smaller chunk counts as a command that leads to nothing, unless it is the last: else a
/// message could be as many lines as it has octets, each of them answered (T9).
pub const CHUNK_TINY: u64 = 1_024;

impl Session {
    pub(super) fn text<'i>(
        &mut self,
        mut text: Text,
        input: &'i [u8],
    ) -> Option<(usize, Step<'i>)> {
        let (used, stop) = text.scan(input, self.bounds());
        self.state = State::Text(text);
        if let Stop::Fault(refusal) = stop {
            let drain = Drain::after(&text, self.config.drain_bytes_max());
            self.state = State::Drain(drain, self.named(refusal));
            return Some((used, Step::Discard));
        }
        if used > 0 {
            return Some((used, Step::Text(input.get(..used)?)));
        }
        (stop == Stop::End).then(|| self.state = State::Committing)?;
        Some((TERMINATOR.len(), Step::Commit(facts(&text, Form::Stuffed))))
    }

    /// A refused text is read to its true end before it is answered: whoever sent it must not
    /// have the rest of it taken for commands.
    pub(super) fn drain<'i>(
        &mut self,
        mut drain: Drain,
        refusal: Refusal,
        input: &'i [u8],
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        let (used, stop) = drain.scan(input);
        self.state = State::Drain(drain, refusal);
        match stop {
            Stop::End => {
                self.state = State::Ready;
                Some((TERMINATOR.len(), self.refuse(refusal, replies)))
            }
            Stop::Fault(_) => {
                self.state = State::Closed;
                self.turn_down(refusal, replies);
                Some((used, Step::Close))
            }
            Stop::Starved => (used > 0).then_some((used, Step::Continue)),
        }
    }

    /// Whether a chunk may begin that makes this text so much longer. Decided before it is read.
    pub(super) fn begin_chunk(
        &self,
        text: Text,
        bytes: u64,
        last: bool,
    ) -> Result<(State, Reply, Step<'static>), Refusal> {
        if text.bytes.saturating_add(bytes) > self.bounds().message_bytes_max {
            return Err(self.named(Refusal::MessageTooBig));
        }
        Ok(match (bytes, last) {
            (0, false) => (State::Chunks(text), Reply::Chunk(text.bytes), Step::Continue),
            _ => (State::Chunk { text, left: bytes, last }, Reply::Silence, Step::Continue),
        })
    }

    /// A chunk is told by its count alone: nothing in it is looked at as a command.
    ///
    /// [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2)
    pub(super) fn chunk<'i>(
        &mut self,
        mut text: Text,
        left: u64,
        last: bool,
        input: &'i [u8],
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        if left == 0 {
            if text.is_torn() {
                return Some((0, self.refuse_chunk(0, Refusal::BareLineEnding, replies)));
            }
            self.state = State::Committing;
            return Some((0, Step::Commit(facts(&text, Form::Raw))));
        }
        let piece = usize::try_from(left).ok().and_then(|left| input.get(..left));
        let ends = piece.is_some();
        let (used, stop) = text.scan_chunk(piece.unwrap_or(input), ends, self.bounds());
        let left = left - used as u64;
        if let Stop::Fault(refusal) = stop {
            return Some((used, self.refuse_chunk(left, refusal, replies)));
        }
        if left > 0 || last {
            self.state = State::Chunk { text, left, last };
        } else {
            self.state = State::Chunks(text);
            Reply::Chunk(text.bytes).write(&self.config, replies);
        }
        (used > 0).then_some((used, Step::Text(input.get(..used)?)))
    }

    /// A refused chunk ends its transaction, and is read to its end before it is answered: so are
    /// those that a peer sent ahead of that answer. How much of that there may be has a limit.
    ///
    /// [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2)
    pub(super) fn refuse_chunk<'i>(
        &mut self,
        left: u64,
        refusal: Refusal,
        replies: &mut Vec<u8>,
    ) -> Step<'i> {
        let step = self.dropping();
        self.skipped = self.skipped.saturating_add(left);
        if self.skipped > self.config.drain_bytes_max() {
            self.state = State::Closing;
            self.turn_down(refusal, replies);
        } else if left > 0 {
            self.state = State::Skip { left, refusal };
        } else {
            self.state = self.at_rest();
            self.refuse(refusal, replies);
        }
        step
    }

    pub(super) fn skip<'i>(
        &mut self,
        left: u64,
        refusal: Refusal,
        input: &'i [u8],
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        let used = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let left = left - used as u64;
        if left > 0 {
            self.state = State::Skip { left, refusal };
            return (used > 0).then_some((used, Step::Continue));
        }
        self.state = self.at_rest();
        Some((used, self.refuse(refusal, replies)))
    }

    /// What a text may be.
    pub(super) fn bounds(&self) -> Bounds {
        let Config { message_bytes_max, line_bytes_max, .. } = *self.config;
        Bounds { message_bytes_max: message_bytes_max.min(self.own_bytes_max), line_bytes_max }
    }

    /// Whose limit it was that a message is too big for.
    pub(super) fn named(&self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::MessageTooBig if self.own_bytes_max < self.config.message_bytes_max => {
                Refusal::SourceMessageBytes
            }
            refusal => refusal,
        }
    }

    /// What drops the transaction, if there is one (T4).
    pub(super) const fn dropping<'i>(&self) -> Step<'i> {
        if self.in_transaction() { Step::Discard } else { Step::Continue }
    }

    /// Where a session is without a transaction.
    fn at_rest(&self) -> State {
        if self.helo.is_empty() { State::Fresh } else { State::Ready }
    }
}

fn facts(text: &Text, form: Form) -> Facts {
    Facts {
        bytes: text.bytes,
        dots: text.dots,
        eight_bit: text.eight_bit,
        form,
        ends_with_crlf: text.at_line_start(),
    }
}
