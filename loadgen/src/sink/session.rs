//! The provider's side of one connection: bytes in; replies and ledger rows out.
//!
//! The driver's contract: [`Session::greet`] once; then hand every received byte to
//! [`Session::step`], with the time. Rows must be in the ledger before the replies leave, and
//! the replies of one step leave together. After [`After::Close`] nothing more is read.

use super::provider::{Close, Judge, Stage};
use super::text::{Arrived, Text};
use crate::clock::Nanos;
use crate::hash::{self, hex};
use crate::ledger::{Row, Verdict};
use crate::message::Print;
use crate::recipient;
use std::sync::Arc;

/// The longest command line we read.
const LINE_MAX: usize = 4_096;
/// Recipients of one message.
const RECIPIENTS_MAX: usize = 1_000;

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Read on.
    Continue,
    /// Send what there is to say and close.
    Close,
}

/// What a step produced.
#[derive(Debug, Default)]
pub struct Output {
    /// Bytes for the peer.
    pub replies: Vec<u8>,
    /// For the ledger.
    pub rows: Vec<Row>,
    /// Messages received in full.
    pub messages: u64,
    /// Bytes of their texts.
    pub bytes: u64,
    /// Messages whose body was not the one their header promised.
    pub corrupt: u64,
}

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next line is a command.
    Command,
    /// The next bytes are message text.
    Text,
    /// We hang up.
    Closed,
}

/// The envelope so far.
#[derive(Debug, Default)]
struct Envelope {
    /// MAIL was taken.
    open: bool,
    /// The message its sender names, if it names one.
    id: Option<u64>,
    /// It came from the null sender.
    null: bool,
    recipients: Vec<Mailbox>,
}

#[derive(Clone, Copy, Debug)]
struct Mailbox {
    address: u64,
    /// The message whose sender this mailbox is.
    about: Option<u64>,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    judge: Arc<Judge>,
    number: u32,
    state: State,
    envelope: Envelope,
    text: Text,
    /// Messages taken on this connection.
    taken: u32,
}

impl Session {
    /// A connection to this provider, which its ledger rows call `number`.
    #[must_use]
    pub fn new(judge: Arc<Judge>, number: u32) -> Self {
        let (envelope, text) = (Envelope::default(), Text::default());
        Self { judge, number, state: State::Command, envelope, text, taken: 0 }
    }

    /// The first words. A crowded provider takes no more connections.
    pub fn greet(&mut self, crowded: bool, replies: &mut Vec<u8>) -> After {
        let hostname = &self.judge.provider().hostname;
        if crowded {
            say(replies, "421 4.7.0 ", &[hostname, " Too many concurrent connections"]);
            return self.hang_up();
        }
        say(replies, "220 ", &[hostname, " ESMTP ringload"]);
        After::Continue
    }

    /// Takes `input`. Returns how much of it was used; the rest belongs in front of the next.
    pub fn step(&mut self, input: &[u8], now: Nanos, output: &mut Output) -> (usize, After) {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let (taken, after) = match self.state {
                State::Closed => return (input.len(), After::Close),
                State::Text => self.text(rest, now, output),
                State::Command => self.line(rest, now, output),
            };
            used += taken;
            if taken == 0 || after == After::Close {
                return (used, after);
            }
        }
    }

    fn hang_up(&mut self) -> After {
        self.state = State::Closed;
        After::Close
    }

    fn line(&mut self, input: &[u8], now: Nanos, output: &mut Output) -> (usize, After) {
        let Some(end) = memchr::memchr(b'\n', input) else {
            if input.len() <= LINE_MAX {
                return (0, After::Continue);
            }
            say(&mut output.replies, "500 5.5.6 ", &["Line too long"]);
            return (input.len(), self.hang_up());
        };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        (end + 1, self.command(line, now, output))
    }

    fn command(&mut self, line: &[u8], now: Nanos, output: &mut Output) -> After {
        let (verb, rest) = line.split_at(line.len().min(4));
        let verb = verb.to_ascii_uppercase();
        let replies = &mut output.replies;
        let provider = self.judge.provider();
        let limit = provider.messages_per_connection;
        if limit > 0 && self.taken >= limit && verb != b"QUIT" {
            say(replies, "421 ", &[&provider.close_text]);
            return self.hang_up();
        }
        match verb.as_slice() {
            b"MAIL" => self.mail(rest, replies),
            b"RCPT" => self.rcpt(rest, now, output),
            b"DATA" => self.data(replies),
            b"EHLO" => self.ehlo(replies),
            b"HELO" => {
                say(replies, "250 ", &[&provider.hostname]);
                self.envelope = Envelope::default();
            }
            b"RSET" => {
                self.envelope = Envelope::default();
                say(replies, "250 2.0.0 ", &["Ok"]);
            }
            b"NOOP" => say(replies, "250 2.0.0 ", &["Ok"]),
            b"QUIT" => {
                say(replies, "221 2.0.0 ", &["Bye"]);
                return self.hang_up();
            }
            _ => say(replies, "500 5.5.2 ", &["Command not recognised"]),
        }
        After::Continue
    }

    fn ehlo(&mut self, replies: &mut Vec<u8>) {
        self.envelope = Envelope::default();
        let provider = self.judge.provider();
        say(replies, "250-", &[&provider.hostname]);
        if provider.size_max > 0 {
            say(replies, "250-SIZE ", &[&provider.size_max.to_string()]);
        }
        if provider.pipelining {
            say(replies, "250-PIPELINING", &[]);
        }
        if provider.eight_bit {
            say(replies, "250-8BITMIME", &[]);
        }
        say(replies, "250 ENHANCEDSTATUSCODES", &[]);
    }

    fn mail(&mut self, argument: &[u8], replies: &mut Vec<u8>) {
        let Some(path) = path(argument, b" FROM:") else {
            return say(replies, "501 5.5.4 ", &["Syntax: MAIL FROM:<address>"]);
        };
        if self.envelope.open {
            return say(replies, "503 5.5.1 ", &["Nested MAIL command"]);
        }
        self.envelope.open = true;
        self.envelope.id = recipient::id_of(path);
        self.envelope.null = path.is_empty();
        say(replies, "250 2.1.0 ", &["Sender ok"]);
    }

    fn rcpt(&mut self, argument: &[u8], now: Nanos, output: &mut Output) {
        let replies = &mut output.replies;
        let Some(path) = path(argument, b" TO:") else {
            return say(replies, "501 5.5.4 ", &["Syntax: RCPT TO:<address>"]);
        };
        if !self.envelope.open {
            return say(replies, "503 5.5.1 ", &["Need MAIL first"]);
        }
        if self.envelope.recipients.len() >= RECIPIENTS_MAX {
            return say(replies, "452 4.5.3 ", &["Too many recipients"]);
        }
        let mailbox = Mailbox { address: hash::address(path), about: recipient::id_of(path) };
        let id = self.envelope.id.unwrap_or(0);
        match self.judge.decide(Stage::Recipient, id, mailbox.address) {
            Verdict::Delivered => {
                self.envelope.recipients.push(mailbox);
                say(replies, "250 2.1.5 ", &["Recipient ok"]);
            }
            refused => {
                let code = self.turn_down(refused, replies);
                if self.envelope.id.is_some() {
                    let print = Print::default();
                    output.rows.push(self.row(id, mailbox.address, print, now, refused, code));
                }
            }
        }
    }

    fn data(&mut self, replies: &mut Vec<u8>) {
        if !self.envelope.open {
            return say(replies, "503 5.5.1 ", &["Need MAIL first"]);
        }
        if self.envelope.recipients.is_empty() {
            return say(replies, "554 5.5.1 ", &["No valid recipients"]);
        }
        self.state = State::Text;
        say(replies, "354 ", &["Go ahead"]);
    }

    fn text(&mut self, input: &[u8], now: Nanos, output: &mut Output) -> (usize, After) {
        let (used, whole) = self.text.take(input);
        if !whole {
            return (used, After::Continue);
        }
        self.state = State::Command;
        let arrived = self.text.finish();
        self.taken += 1;
        output.messages += 1;
        output.bytes += u64::from(arrived.print.bytes);
        output.corrupt += u64::from(!arrived.is_whole());
        self.judge_text(arrived, now, output);
        let provider = self.judge.provider();
        let spent = provider.messages_per_connection == self.taken;
        let after = match provider.close {
            Close::Silently if spent => self.hang_up(),
            _ => After::Continue,
        };
        (used, after)
    }

    fn judge_text(&mut self, arrived: Arrived, now: Nanos, output: &mut Output) {
        let envelope = std::mem::take(&mut self.envelope);
        let named = arrived.label.map(|label| label.id);
        let first = envelope.recipients.first().map_or(0, |mailbox| mailbox.address);
        let verdict = match (named, envelope.null) {
            (Some(id), false) => self.judge.decide(Stage::Final, id, first),
            (_, true) => Verdict::Reported,
            (None, false) => Verdict::Stranger,
        };
        let code = match verdict {
            Verdict::Deferred | Verdict::Failed => self.turn_down(verdict, &mut output.replies),
            _ => {
                accept(named.or(envelope.id), &mut output.replies);
                250
            }
        };
        for mailbox in &envelope.recipients {
            let about = if envelope.null { mailbox.about } else { named };
            let id = about.unwrap_or(0);
            output.rows.push(self.row(id, mailbox.address, arrived.print, now, verdict, code));
        }
    }

    /// Says no; returns the code that said it.
    fn turn_down(&self, verdict: Verdict, replies: &mut Vec<u8>) -> u16 {
        let provider = self.judge.provider();
        if verdict == Verdict::Deferred {
            say(replies, "450 ", &[&provider.defer_text]);
            return 450;
        }
        say(replies, "550 ", &[&provider.fail_text]);
        550
    }

    fn row(
        &self,
        id: u64,
        recipient: u64,
        print: Print,
        at: Nanos,
        verdict: Verdict,
        code: u16,
    ) -> Row {
        let Print { header, body, bytes } = print;
        Row { id, recipient, body, at, header, bytes, session: self.number, code, verdict }
    }
}

fn say(replies: &mut Vec<u8>, code: &str, texts: &[&str]) {
    replies.extend_from_slice(code.as_bytes());
    for text in texts {
        replies.extend_from_slice(text.as_bytes());
    }
    replies.extend_from_slice(b"\r\n");
}

fn accept(id: Option<u64>, replies: &mut Vec<u8>) {
    replies.extend_from_slice(b"250 2.0.0 Ok: queued as ");
    hex(id.unwrap_or(0), replies);
    replies.extend_from_slice(b"\r\n");
}

/// The address between the angle brackets behind `keyword`.
fn path<'i>(argument: &'i [u8], keyword: &[u8]) -> Option<&'i [u8]> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    let rest = rest.strip_prefix(b"<").filter(|_| head.eq_ignore_ascii_case(keyword))?;
    rest.get(..memchr::memchr(b'>', rest)?)
}

#[cfg(test)]
mod tests;
