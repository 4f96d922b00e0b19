//! The server side: the client's lines are given, the rest is what the session does.

use crate::notation;
use event::MessageId;
use smtp::server::{Config, Door, Refusal, Session, Step};
use std::fmt::Write as _;
use std::mem;
use std::sync::Arc;

/// Speaks the client's side to a fresh session, at most `packet` bytes at a time.
pub(crate) fn replay(written: &str, packet: usize) -> String {
    let client = notation::spoken(written, "C:");
    let mut stage = Stage::new(written);
    let mut read = 0;
    for flight in flights(&client) {
        while read < flight {
            read += (flight - read).min(packet);
            while stage.step(&client[..read], &client) {}
        }
    }
    // What was never read stays in the transcript.
    stage.transcript + &notation::show("C:", &client[stage.shown..])
}

/// Up to where a client speaks before it must hear an answer, again and again: DATA ends what
/// it may say.
fn flights(client: &[u8]) -> Vec<usize> {
    let mut read = 0;
    let mut flights = Vec::new();
    for line in client.split_inclusive(|byte| *byte == b'\n') {
        read += line.len();
        if line.trim_ascii_end().eq_ignore_ascii_case(b"DATA") {
            flights.push(read);
        }
    }
    flights.push(read);
    flights
}

struct Stage {
    session: Session,
    door: Door,
    rejection: Option<Refusal>,
    replies: Vec<u8>,
    /// Text given since the last message began.
    text: Vec<u8>,
    /// Bytes used, and how many of them are in the transcript.
    used: usize,
    shown: usize,
    /// What the session asked for in the middle of a line.
    notes: String,
    transcript: String,
}

impl Stage {
    fn new(written: &str) -> Self {
        let mut config = Config::new("mx.example");
        let (mut door, mut may_relay, mut rejection) = (Door::Open, true, None);
        for (name, value) in notation::settings(written) {
            match (name, value) {
                ("message_bytes_max", _) => config.message_bytes_max = value.parse().unwrap(),
                ("recipients_max", _) => config.recipients_max = value.parse().unwrap(),
                ("door", "full") => door = Door::Full,
                ("door", "draining") => door = Door::Draining,
                ("peer", "stranger") => may_relay = false,
                ("commit", "loop") => rejection = Some(Refusal::Loop),
                ("commit", "fails") => rejection = Some(Refusal::LocalError),
                other => panic!("no such setting: {other:?}"),
            }
        }
        let session = Session::new(Arc::new(config), may_relay);
        let mut replies = Vec::new();
        session.greet(&mut replies);
        let transcript = notation::preamble(written) + &notation::show("S:", &replies);
        Self {
            session,
            door,
            rejection,
            replies: Vec::new(),
            text: Vec::new(),
            used: 0,
            shown: 0,
            notes: String::new(),
            transcript,
        }
    }

    /// One step, if there is one in what has been `read` of what the `client` says.
    fn step(&mut self, read: &[u8], client: &[u8]) -> bool {
        let input = &read[self.used..];
        let Some((taken, step)) = self.session.step(input, self.door, &mut self.replies) else {
            return false;
        };
        self.used += taken;
        match step {
            Step::Text(text) => self.text.extend_from_slice(text),
            Step::Discard => self.note("discard"),
            Step::Close => self.note("close"),
            Step::Continue => {}
            Step::Sender(mail) => {
                self.text.clear();
                let path = String::from_utf8_lossy(mail.path);
                let size = mail.size.map_or_else(String::new, |size| format!(" size {size}"));
                let eight_bit = if mail.eight_bit { " 8bit" } else { "" };
                let utf8 = if mail.utf8 { " utf8" } else { "" };
                self.note(&format!("sender <{path}>{size}{eight_bit}{utf8}"));
            }
            Step::Recipient(path) => {
                self.note(&format!("recipient <{}>", String::from_utf8_lossy(path)));
            }
            Step::Commit(facts) => {
                assert_eq!(self.text.len() as u64, facts.bytes);
                assert_eq!(facts.eight_bit, !self.text.is_ascii());
                let dotted = if facts.dotted { " dotted" } else { "" };
                let eight_bit = if facts.eight_bit { " 8bit" } else { "" };
                self.note(&format!("commit {} octets{dotted}{eight_bit}", facts.bytes));
                if let Some(refusal) = self.rejection {
                    self.session.rejected(refusal, &mut self.replies);
                } else {
                    let id = MessageId { log: 0, boot: 1, count: 1 };
                    self.session.committed(id, &mut self.replies);
                }
            }
        }
        if !self.replies.is_empty() || step == Step::Close {
            self.show(client);
        }
        true
    }

    fn note(&mut self, note: &str) {
        writeln!(self.notes, "= {note}").unwrap();
    }

    /// Shows the lines heard since the last time (to the end of the line, should the session have
    /// given up in the middle of it), what was asked, and what was answered.
    fn show(&mut self, client: &[u8]) {
        if self.shown < self.used {
            let rest = &client[self.used - 1..];
            let in_line = rest.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 1);
            let whole = if rest.starts_with(b"\n") && client[..self.used].ends_with(b"\r\n") {
                0
            } else {
                in_line.unwrap_or(rest.len() - 1)
            };
            let end = self.used + whole;
            self.transcript += &notation::show("C:", &client[self.shown..end]);
            self.shown = end;
        }
        self.transcript += &mem::take(&mut self.notes);
        self.transcript += &notation::show("S:", &mem::take(&mut self.replies));
    }
}
