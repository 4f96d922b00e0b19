//! One message to one peer, said ahead of its answers.
//!
//! Replies come back in the order we spoke. So a transaction is one list of lines and two
//! cursors over it: `said` runs ahead, `heard` follows, and neither ever moves back.
//!
//! ```text
//!  [RSET]  MAIL  RCPT  RCPT ...  DATA  text
//!                 ^heard              ^said
//!  [RSET]  MAIL  RCPT  RCPT ...  BDAT and text
//! ```
//! BDAT cannot be taken back. So a large text waits until a recipient is accepted; a small one
//! leaves in one flight with its envelope, and is refused if nobody takes it.
//! [RFC 2920 §3.1](https://www.rfc-editor.org/rfc/rfc2920#section-3.1)

mod commands;

use super::answer::{Answer, Class};
use super::envelope::Envelope;
use super::flight::{Carrier, Flight};
use super::offers::Offers;
use super::{Patience, PeerFault, Verdict, refused};
use memchr::memchr;

/// A line of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `RSET`, where the transaction before this one was given up half-way.
    Reset,
    /// `MAIL FROM`
    Sender,
    /// `RCPT TO`, for the recipient with this index.
    Recipient(usize),
    /// `DATA`
    Data,
    /// The text and its final dot. Without takers, only the dot.
    Text,
    /// `BDAT`, and all of the text with it.
    Chunk,
}

impl Line {
    const fn patience(self) -> Patience {
        match self {
            Self::Reset | Self::Sender => Patience::Mail,
            Self::Recipient(_) => Patience::Rcpt,
            Self::Data => Patience::DataInit,
            Self::Text | Self::Chunk => Patience::Final,
        }
    }
}

/// How the conversation ended for a transaction that was not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody said why.
    Lost,
    /// The peer said 421. It takes commands in their order, so nothing behind that was done.
    Closing,
    /// The peer's fault.
    Fault(PeerFault),
}

/// A message on its way. Invariant: `heard <= said <= lines`.
#[derive(Debug)]
pub(super) struct Transaction<T> {
    pub(super) token: T,
    /// Those of the message, if BDAT carries it.
    pub(super) octets: u64,
    /// One per recipient; `None` while the peer may still take it.
    verdicts: Vec<Option<Verdict>>,
    /// What is still to be said before the text, and how much of it has been.
    commands: Vec<u8>,
    commands_said: usize,
    /// Where MAIL stands: behind RSET, if there is one.
    sender_at: usize,
    /// Where DATA or BDAT stands.
    data_at: usize,
    carrier: Carrier,
    /// How many lines it has. Shrinks to `said` when nothing more is worth saying.
    lines: usize,
    said: usize,
    heard: usize,
    sender_accepted: bool,
    /// The peer has asked for the text.
    invited: bool,
    /// The peer did not take what came with BDAT.
    refused: bool,
}

impl<T> Transaction<T> {
    /// A transaction with nothing said yet. `reset`: RSET goes first.
    pub(super) fn new(
        token: T,
        envelope: &Envelope<'_>,
        carrier: Carrier,
        offers: &Offers,
        reset: bool,
    ) -> Self {
        let asked = match offers.recipients_max {
            Some(max) => envelope.recipients.len().min(usize::from(max)),
            None => envelope.recipients.len(),
        };
        let mut verdicts = vec![None; asked];
        // RFC 9422 §4.2: those beyond the peer's limit wait for a transaction of their own.
        verdicts.resize(envelope.recipients.len(), Some(Verdict::NotTried));
        let sender_at = usize::from(reset);
        let data_at = sender_at + 1 + asked;
        let commands = commands::write(envelope, asked, carrier, offers, reset);
        Self {
            token,
            octets: if carrier == Carrier::Data { 0 } else { envelope.size },
            verdicts,
            commands,
            commands_said: 0,
            sender_at,
            data_at,
            carrier,
            lines: data_at + if carrier == Carrier::Data { 2 } else { 1 },
            said: 0,
            heard: 0,
            sender_accepted: false,
            invited: false,
            refused: false,
        }
    }

    /// Appends what may be said now. `Some`: the text is to follow, and counts as said; the
    /// line says in which form.
    pub(super) fn say(&mut self, pipelining: bool, out: &mut Vec<u8>) -> Option<Line> {
        if self.carrier == Carrier::Flight && self.said == 0 && self.lines > 0 {
            self.say_commands(out);
            return Some(Line::Chunk);
        }
        loop {
            match self.line(self.said) {
                Some(Line::Text) if self.invited => {
                    self.said += 1;
                    if self.has_takers() {
                        return Some(Line::Text);
                    }
                    // RFC 2920 §3.1: nobody to send it to, and yet asked for it.
                    out.extend_from_slice(b".\r\n");
                }
                Some(Line::Chunk) if self.heard == self.data_at && self.has_takers() => {
                    self.say_command(out);
                    return Some(Line::Chunk);
                }
                None | Some(Line::Text | Line::Chunk) => return None,
                Some(_) if !pipelining && self.heard < self.said => return None,
                Some(_) => self.say_command(out),
            }
        }
    }

    /// All of them at once: the buffer changes hands, if there is nothing in the other.
    fn say_commands(&mut self, out: &mut Vec<u8>) {
        if out.is_empty() {
            std::mem::swap(out, &mut self.commands);
        } else {
            out.append(&mut self.commands);
        }
        self.said = self.lines;
    }

    fn say_command(&mut self, out: &mut Vec<u8>) {
        let rest = self.commands.get(self.commands_said..).unwrap_or_default();
        let len = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        out.extend_from_slice(rest.get(..len).unwrap_or_default());
        self.commands_said += len;
        self.said += 1;
    }

    /// Takes the answer to the first line that has none.
    pub(super) fn hear(&mut self, answer: &Answer<'_>) -> Result<(), PeerFault> {
        let line = self.awaits().ok_or(PeerFault::AnswerToNothing)?;
        match (line, answer.class()) {
            (Line::Data, Class::GoOn) => self.invited = true,
            (Line::Data, Class::Done) | (_, Class::GoOn) => {
                return Err(PeerFault::WrongAnswer(answer.code));
            }
            (Line::Sender, Class::Done) => self.sender_accepted = true,
            (Line::Text | Line::Chunk, Class::Done) => {
                self.settle_open(&Verdict::Delivered(answer.response()));
            }
            // RSET either worked, or MAIL will be told that it did not.
            (Line::Reset, _) | (Line::Recipient(_), Class::Done) => {}
            (line, Class::Transient) => self.settle(line, Verdict::Deferred(answer.response())),
            (line, Class::Permanent) => self.settle(line, Verdict::Failed(answer.response())),
        }
        self.refused = line == Line::Chunk && answer.class() != Class::Done;
        self.heard += 1;
        // What is not said yet need not be, once nobody is left to say it for.
        let asked_for = self.said > self.data_at && (self.heard <= self.data_at || self.invited);
        if !asked_for && !self.has_takers() {
            self.lines = self.said;
        }
        Ok(())
    }

    /// A refusal of `line` is one of every recipient that depends on it.
    fn settle(&mut self, line: Line, verdict: Verdict) {
        match line {
            Line::Recipient(index) => {
                if let Some(open @ None) = self.verdicts.get_mut(index) {
                    *open = Some(verdict);
                }
            }
            _ => self.settle_open(&verdict),
        }
    }

    /// Gives every recipient that has none this verdict.
    pub(super) fn settle_open(&mut self, verdict: &Verdict) {
        for open in self.verdicts.iter_mut().filter(|slot| slot.is_none()) {
            *open = Some(verdict.clone());
        }
    }

    /// The first line that has no answer, if something was said that has none.
    pub(super) fn awaits(&self) -> Option<Line> {
        if self.heard < self.said { self.line(self.heard) } else { None }
    }

    /// The next answer is a verdict on the text.
    pub(super) fn awaits_verdict(&self) -> bool {
        matches!(self.awaits(), Some(Line::Text | Line::Chunk))
    }

    /// Nothing of it was said.
    pub(super) const fn is_unsaid(&self) -> bool {
        self.said == 0
    }

    fn line(&self, index: usize) -> Option<Line> {
        if index >= self.lines {
            return None;
        }
        Some(match index.checked_sub(self.sender_at) {
            None => Line::Reset,
            Some(0) => Line::Sender,
            Some(recipient) if index < self.data_at => Line::Recipient(recipient - 1),
            Some(_) if self.is_chunked() => Line::Chunk,
            Some(_) if index == self.data_at => Line::Data,
            Some(_) => Line::Text,
        })
    }

    fn has_takers(&self) -> bool {
        self.verdicts.contains(&None)
    }

    /// Another may be said behind it: nothing of it waits for an answer first.
    pub(super) const fn lets_follow(&self, flight: &Flight) -> bool {
        match self.carrier {
            Carrier::Data => self.heard > self.data_at,
            Carrier::Bdat => false,
            Carrier::Flight => flight.is_proven(),
        }
    }

    /// What may still become of it, the next envelope could join: RSET goes before that one.
    ///
    /// [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2): what a refused BDAT
    /// leaves behind is not known. Behind DATA all begins anew however it is answered.
    pub(super) const fn may_linger(&self) -> bool {
        self.is_chunked()
    }

    /// Nothing of this message was answered; whatever RSET was, is of the one before.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.heard <= self.sender_at
    }

    /// How long the answer may take that it waits for, if it does.
    pub(super) fn patience(&self) -> Option<Patience> {
        let line = self.awaits()?;
        // Whoever answers a flight as a whole has first to judge the message.
        Some(if self.text_is_said() { Patience::Final } else { line.patience() })
    }

    /// Nothing is left to say.
    pub(super) const fn is_said(&self) -> bool {
        self.said == self.lines
    }

    /// Nothing is left to say or hear.
    pub(super) const fn is_over(&self) -> bool {
        self.said == self.lines && self.heard == self.said
    }

    /// The peer took the sender, and no text ended the transaction: it still holds it.
    ///
    /// [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2): what a refused BDAT
    /// leaves behind is not known, so RSET clears it.
    pub(super) const fn was_left_open(&self) -> bool {
        self.sender_accepted && (!self.text_is_said() || self.refused)
    }

    const fn is_chunked(&self) -> bool {
        !matches!(self.carrier, Carrier::Data)
    }

    pub(super) const fn text_is_said(&self) -> bool {
        self.said > self.data_at && (self.is_chunked() || self.said > self.data_at + 1)
    }

    /// The verdicts, now that nothing more will be heard.
    pub(super) fn finish(self, end: End) -> (T, Vec<Verdict>) {
        let open = match end {
            End::Lost | End::Fault(_) if self.text_is_said() => Verdict::Unknown,
            End::Lost | End::Closing => Verdict::NotTried,
            End::Fault(fault) => {
                Verdict::Deferred(refused(451, (5, 0), &format!("the host sent {fault}")))
            }
        };
        let verdicts = self.verdicts.into_iter();
        (self.token, verdicts.map(|verdict| verdict.unwrap_or_else(|| open.clone())).collect())
    }
}

#[cfg(test)]
mod tests;
