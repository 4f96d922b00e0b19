//! The provider's side of one connection: bytes in; replies and ledger rows out.
//!
//! The driver's contract: [`Session::greet`] once; then hand every received byte to
//! [`Session::step`], with the time; and [`Session::leave`] when the peer is gone. Rows must be
//! in the ledger before the replies leave, and the replies of one step leave together. What
//! [`After`] says is done once the replies are sent.

mod chunk;
mod transaction;

use super::provider::{Close, Fault, FaultKind, Tls};
use super::reply::{Filling, Reply};
use super::site::{Breach, Guest, Site};
use super::text::Text;
use crate::clock::Nanos;
use crate::hash;
use crate::ledger::{Row, Verdict};
use chunk::Chunk;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use transaction::Envelope;

/// The longest command line we read.
const LINE_MAX: usize = 4_096;
/// What an endless reply repeats.
pub const ENDLESS_LINE: &[u8] = b"250-this goes on\r\n";

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Read on.
    Continue,
    /// Close; nothing more is read.
    Close,
    /// Reset the connection, and send nothing that is not sent yet.
    Reset,
    /// Begin TLS with the next byte that comes, and call [`Session::encrypted`].
    StartTls,
    /// Say [`ENDLESS_LINE`] again and again, with this pause, until the peer is gone.
    Endless(Duration),
    /// Say nothing any more, and read until the peer is gone.
    Mute,
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
    /// Connections and commands turned away with 421.
    pub turned_away: u64,
    breaches: Vec<Breach>,
}

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next line is a command.
    Command,
    /// The next bytes are message text.
    Text,
    /// The next bytes are a chunk of it.
    Chunk(Chunk),
    /// Over, one way or another.
    Over(After),
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    site: Arc<Site>,
    /// The provider's number in the ledger.
    provider: u32,
    guest: Guest,
    state: State,
    envelope: Envelope,
    text: Text,
    /// Messages taken on this connection.
    taken: u32,
    is_encrypted: bool,
    /// What goes wrong with it, and behind how many more bytes.
    fault: Option<(Fault, u64)>,
}

impl Session {
    /// A connection from `source` to this provider, which ledger rows call `provider`; the
    /// connection they call `number`.
    #[must_use]
    pub fn new(site: Arc<Site>, provider: u32, number: u32, source: IpAddr) -> Self {
        let fault = site.fault(number).map(|fault| (fault, fault.at_byte));
        Self {
            site,
            provider,
            guest: Guest { source, number },
            state: State::Command,
            envelope: Envelope::default(),
            text: Text::default(),
            taken: 0,
            is_encrypted: false,
            fault,
        }
    }

    /// Nothing goes wrong with it, whatever the profile says: for a driver whose troubles are over.
    pub fn spare(&mut self) {
        self.fault = None;
    }

    /// The first words.
    pub fn greet(&mut self, now: Nanos, output: &mut Output) -> After {
        let site = Arc::clone(&self.site);
        let refused = site.connect(&self.guest, now, &mut output.breaches);
        self.note(0, now, output);
        if let Some(reply) = refused {
            self.refuse(reply, "", output);
            return self.hang_up(now);
        }
        match self.fault {
            Some((fault, 0)) if fault.kind != FaultKind::Tarpit => return self.fail(fault, output),
            _ => (),
        }
        say(&mut output.replies, "220 ", &[&site.provider().hostname, " ESMTP ringload"]);
        After::Continue
    }

    /// The pause between two bytes of a reply, on a connection that is a tarpit by now.
    #[must_use]
    pub fn drips(&self) -> Option<Duration> {
        let (fault, left) = self.fault?;
        (fault.kind == FaultKind::Tarpit && left == 0).then_some(fault.pause.0)
    }

    /// Takes `input`. Returns how much of it was used; the rest belongs in front of the next.
    pub fn step(&mut self, input: &[u8], now: Nanos, output: &mut Output) -> (usize, After) {
        let Some((fault, left)) = self.fault.filter(|(_, left)| *left > 0) else {
            return self.converse(input, now, output);
        };
        let before = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (used, after) = self.converse(&input[..before], now, output);
        let is_due = before as u64 == left;
        self.fault = Some((fault, if is_due { 0 } else { left - used as u64 }));
        if !is_due || after != After::Continue {
            return (used, after);
        }
        if fault.kind == FaultKind::Tarpit {
            let (rest, after) = self.converse(&input[used..], now, output);
            return (used + rest, after);
        }
        (input.len(), self.fail(fault, output))
    }

    /// What comes from now on came under TLS: the peer must say EHLO anew.
    pub fn encrypted(&mut self) {
        self.is_encrypted = true;
        self.envelope.clear();
    }

    /// The peer is gone, or we are.
    pub fn leave(&mut self, now: Nanos) {
        if !matches!(self.state, State::Over(_)) {
            self.hang_up(now);
        }
        // Who is reset or left without an answer counts until it is gone.
        self.site.disconnect(&self.guest, self.taken.max(1), now);
    }

    fn fail(&mut self, fault: Fault, output: &mut Output) -> After {
        let after = match fault.kind {
            FaultKind::Reset => {
                output.replies.clear();
                After::Reset
            }
            FaultKind::Endless => After::Endless(fault.pause.0),
            FaultKind::HalfOpen | FaultKind::Tarpit => After::Mute,
        };
        self.state = State::Over(after);
        after
    }

    fn converse(&mut self, input: &[u8], now: Nanos, output: &mut Output) -> (usize, After) {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let state = self.state;
            let (taken, after) = match state {
                State::Over(after) => return (input.len(), after),
                State::Text => self.text(rest, now, output),
                State::Chunk(chunk) => self.chunk(chunk, rest, now, output),
                State::Command => self.line(rest, now, output),
            };
            used += taken;
            // An empty chunk takes no byte, and yet is answered.
            let is_stuck = taken == 0 && self.state == state;
            if is_stuck || after != After::Continue {
                return (used, after);
            }
        }
    }

    fn hang_up(&mut self, now: Nanos) -> After {
        self.state = State::Over(After::Close);
        self.site.disconnect(&self.guest, self.taken, now);
        After::Close
    }

    fn line(&mut self, input: &[u8], now: Nanos, output: &mut Output) -> (usize, After) {
        let Some(end) = memchr::memchr(b'\n', input) else {
            if input.len() <= LINE_MAX {
                return (0, After::Continue);
            }
            say(&mut output.replies, "500 5.5.6 ", &["Line too long"]);
            return (input.len(), self.hang_up(now));
        };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        if line.eq_ignore_ascii_case(b"STARTTLS") && self.offers_tls() {
            let is_ahead = input.len() > end + 1;
            return (end + 1, self.start_tls(is_ahead, now, &mut output.replies));
        }
        (end + 1, self.command(line, now, output))
    }

    fn command(&mut self, line: &[u8], now: Nanos, output: &mut Output) -> After {
        let (verb, rest) = line.split_at(line.len().min(4));
        let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
        let replies = &mut output.replies;
        let limit = self.site.provider().messages_per_connection;
        if limit > 0 && self.taken >= limit && !is(b"QUIT") {
            return self.overstay(is(b"MAIL"), now, output);
        }
        if is(b"MAIL") {
            return self.mail(rest, now, output);
        } else if is(b"RCPT") {
            return self.rcpt(rest, now, output);
        } else if is(b"DATA") {
            self.data(replies);
        } else if is(b"BDAT") && self.site.provider().chunking {
            self.bdat(rest, replies);
        } else if is(b"EHLO") {
            self.ehlo(replies);
        } else if is(b"HELO") {
            say(replies, "250 ", &[&self.site.provider().hostname]);
            self.envelope.clear();
        } else if is(b"RSET") {
            self.envelope.clear();
            say(replies, "250 2.0.0 ", &["Ok"]);
        } else if is(b"NOOP") {
            say(replies, "250 2.0.0 ", &["Ok"]);
        } else if is(b"QUIT") {
            say(replies, "221 2.0.0 ", &["Bye"]);
            return self.hang_up(now);
        } else {
            say(replies, "500 5.5.2 ", &["Command not recognised"]);
        }
        After::Continue
    }

    fn overstay(&mut self, begins_another: bool, now: Nanos, output: &mut Output) -> After {
        let site = Arc::clone(&self.site);
        if begins_another {
            site.overstay(self.taken, &mut output.breaches);
            self.note(0, now, output);
        }
        self.refuse(&site.provider().replies.close, "", output);
        self.hang_up(now)
    }

    fn offers_tls(&self) -> bool {
        self.site.provider().tls != Tls::Off && !self.is_encrypted
    }

    /// What was said ahead of TLS must not be taken for said under its protection.
    ///
    /// [RFC 3207 §6](https://www.rfc-editor.org/rfc/rfc3207#section-6)
    fn start_tls(&mut self, is_ahead: bool, now: Nanos, replies: &mut Vec<u8>) -> After {
        if is_ahead {
            say(replies, "523 5.7.10 ", &["SMTP protocol violation: commands behind STARTTLS"]);
            return self.hang_up(now);
        }
        say(replies, "220 2.0.0 ", &["Ready to start TLS"]);
        After::StartTls
    }

    fn ehlo(&mut self, replies: &mut Vec<u8>) {
        self.envelope.clear();
        let provider = self.site.provider();
        say(replies, "250-", &[&provider.hostname]);
        if provider.size_max > 0 {
            say(replies, "250-SIZE ", &[&provider.size_max.to_string()]);
        }
        if provider.pipelining {
            say(replies, "250-PIPELINING", &[]);
        }
        if self.offers_tls() {
            say(replies, "250-STARTTLS", &[]);
        }
        if provider.eight_bit {
            say(replies, "250-8BITMIME", &[]);
        }
        if provider.chunking {
            say(replies, "250-CHUNKING", &[]);
        }
        if provider.chunking && provider.binary {
            say(replies, "250-BINARYMIME", &[]);
        }
        if provider.dsn {
            say(replies, "250-DSN", &[]);
        }
        say(replies, "250 ENHANCEDSTATUSCODES", &[]);
    }

    /// Says no. True if the connection ends with it.
    fn refuse(&self, reply: &Reply, domain: &str, output: &mut Output) -> bool {
        let source = self.guest.source.to_string();
        let hostname = &self.site.provider().hostname;
        reply.say(Filling { hostname, source: &source, domain }, &mut output.replies);
        output.turned_away += u64::from(reply.hangs_up());
        reply.hangs_up()
    }

    /// Writes down which rules were broken.
    fn note(&self, id: u64, now: Nanos, output: &mut Output) {
        if output.breaches.is_empty() {
            return;
        }
        let recipient = hash::address(self.guest.source.to_string().as_bytes());
        let (session, verdict) = (self.guest.number, Verdict::Broken);
        let row = |breach: Breach| {
            let Breach { rule, measure: body, limit: bytes } = breach;
            let (header, code) = (self.provider, rule as u16);
            Row { id, recipient, body, at: now, header, bytes, session, code, verdict }
        };
        output.rows.extend(output.breaches.drain(..).map(row));
    }

    /// How the connection goes on behind a message.
    fn behind_message(&mut self, now: Nanos) -> After {
        let provider = self.site.provider();
        let spent = provider.messages_per_connection == self.taken;
        if spent && provider.close == Close::Silently { self.hang_up(now) } else { After::Continue }
    }
}

fn say(replies: &mut Vec<u8>, code: &str, texts: &[&str]) {
    replies.extend_from_slice(code.as_bytes());
    for text in texts {
        replies.extend_from_slice(text.as_bytes());
    }
    replies.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
