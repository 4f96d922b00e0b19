//! One client's bytes, cut in several ways, and what the session makes of them.

use event::MessageId;
use smtp::command::SASL_LINE_MAX;
use smtp::server::{Config, Denial, Door, Facts, Form, Refusal, Rights, Sasl, Session, Step};
use std::fmt::Write as _;
use std::sync::Arc;

/// Where input is cut, by its own first bytes: a count, and as many lengths.
pub(crate) struct Cuts(Vec<usize>);

impl Cuts {
    pub(crate) fn take(input: &[u8]) -> (Self, &[u8]) {
        let Some((count, rest)) = input.split_first() else { return (Self(Vec::new()), input) };
        let (lengths, rest) = rest.split_at(usize::from(count % 8).min(rest.len()));
        (Self(lengths.iter().map(|length| usize::from(*length)).collect()), rest)
    }

    /// `input` in pieces of these lengths, and what is left.
    pub(crate) fn pieces<'i>(&self, input: &'i [u8]) -> Vec<&'i [u8]> {
        let mut rest = input;
        let mut pieces = Vec::new();
        for length in &self.0 {
            let (piece, after) = rest.split_at((*length).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        pieces
    }
}

/// What a conversation came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Transcript {
    /// Steps in words, with each reply behind the step that called for it.
    events: String,
    closed: bool,
}

/// Speaks `client` to sessions whole, in pieces and octet by octet.
///
/// # Panics
/// If they do not come to the same, but for what was said too early: only a whole input shows
/// that, and ends there.
pub(crate) fn assert_same_at_any_split(config: &Config, cuts: &Cuts, client: &[u8]) {
    let octets = speak(config, client.chunks(1));
    for packets in [vec![client], cuts.pieces(client)] {
        let spoken = speak(config, packets.iter().copied());
        if spoken == octets {
            continue;
        }
        // The last error may be the one too many, and is then answered as that.
        let early = [Refusal::EarlyText, Refusal::EarlyHandshake, Refusal::TooManyErrors]
            .into_iter()
            .find_map(|refusal| spoken.events.strip_suffix(&ended_by(refusal)));
        let same = early.is_some_and(|before| octets.events.starts_with(before));
        assert!(same, "cut at {:?}\n{spoken:?}\n{octets:?}", cuts.0);
    }
}

fn ended_by(refusal: Refusal) -> String {
    format!("{}close\n", refusal.line())
}

fn speak<'p>(config: &Config, packets: impl Iterator<Item = &'p [u8]>) -> Transcript {
    let rights = Rights { relay: true, xclient: config.dsn };
    let mut caller = Caller {
        session: Session::new(Arc::new(config.clone()), rights),
        transaction: None,
        turns: 0,
        transcript: Transcript::default(),
    };
    let mut held = Vec::new();
    for packet in packets {
        held.extend_from_slice(packet);
        let used = caller.hear(&held);
        held.drain(..used);
        assert!(caller.transcript.closed || held.len() < caller.held_max(), "memory is bounded");
    }
    caller.transcript
}

struct Caller {
    session: Session,
    /// Recipients and text.
    transaction: Option<(usize, Vec<u8>)>,
    turns: usize,
    transcript: Transcript,
}

impl Caller {
    /// The bytes used of `input`.
    fn hear(&mut self, input: &[u8]) -> usize {
        let mut used = 0;
        loop {
            let mut replies = Vec::new();
            let Some((taken, step)) = self.session.step(&input[used..], Door::Open, &mut replies)
            else {
                return used;
            };
            assert!(!self.transcript.closed, "nothing comes after the end");
            let moves_on = matches!(step, Step::Close | Step::Discard | Step::Commit(_));
            assert!(taken > 0 || moves_on, "no progress: {step:?}");
            used += taken;
            self.act(step, &mut replies);
            self.transcript.events += str::from_utf8(&replies).expect("replies are ASCII");
            if self.transcript.closed {
                self.transcript.events += "close\n";
            }
        }
    }

    fn act(&mut self, step: Step<'_>, replies: &mut Vec<u8>) {
        match step {
            Step::Continue => {}
            Step::Sender(mail) => {
                assert!(self.transaction.replace((0, Vec::new())).is_none(), "one at a time (T4)");
                self.note(format_args!("{mail:?}"));
            }
            Step::Recipient(rcpt) => {
                self.transaction.as_mut().expect("a sender came first").0 += 1;
                self.note(format_args!("{rcpt:?}"));
            }
            Step::Text(text) => {
                let (recipients, kept) = self.transaction.as_mut().expect("a sender came first");
                assert!(*recipients > 0 && !text.is_empty());
                kept.extend_from_slice(text);
            }
            Step::Discard => {
                self.transaction.take().expect("something to drop");
                self.note(format_args!("discard"));
            }
            Step::Commit(facts) => self.commit(facts, replies),
            Step::StartTls => {
                assert!(self.transaction.is_none());
                self.session.secured();
                self.note(format_args!("handshake"));
            }
            Step::Sasl(sasl) => self.judge(sasl, replies),
            Step::Xclient(attributes) => {
                let attributes: Vec<_> = attributes.iter().collect();
                self.note(format_args!("{attributes:?}"));
            }
            Step::Close => self.transcript.closed = true,
        }
    }

    fn commit(&mut self, facts: Facts, replies: &mut Vec<u8>) {
        let (recipients, text) = self.transaction.take().expect("a sender came first");
        assert!(recipients > 0);
        assert_eq!(facts.bytes, text.len() as u64);
        assert_eq!(facts.eight_bit, !text.is_ascii());
        assert_eq!(facts.ends_with_crlf, text.is_empty() || text.ends_with(b"\r\n"));
        if facts.form == Form::Stuffed {
            assert!(facts.ends_with_crlf && is_lines(&text));
            let ends = text.starts_with(b".\r\n") || contains(&text, b"\r\n.\r\n");
            assert!(!ends, "it would end early for the next server (T1)");
        }
        self.note(format_args!("{facts:?} {}", text.escape_ascii()));
        self.turns += 1;
        if self.turns % 4 == 3 {
            self.session.rejected(Refusal::LocalError, replies);
        } else {
            self.session.committed(MessageId { log: 0, boot: 1, count: 1 }, replies);
        }
    }

    fn judge(&mut self, sasl: Sasl<'_>, replies: &mut Vec<u8>) {
        self.note(format_args!("{sasl:?}"));
        self.turns += 1;
        match (sasl, self.turns % 4) {
            (Sasl::Cancelled, _) => {}
            (_, 0) => self.session.authenticated(replies),
            (_, 1 | 2) => self.session.challenge(b"VXNlcm5hbWU6", replies),
            _ => self.session.denied(Denial::Credentials, replies),
        }
    }

    fn note(&mut self, event: std::fmt::Arguments<'_>) {
        writeln!(self.transcript.events, "= {event}").expect("a String takes every write");
    }

    /// How much may wait for more: a line, or the start of what ends a text.
    fn held_max(&self) -> usize {
        if self.session.announced().is_some() { 2 } else { SASL_LINE_MAX }
    }
}

fn is_lines(text: &[u8]) -> bool {
    let ends = |at: usize| match text[at] {
        b'\r' => text.get(at + 1) == Some(&b'\n'),
        b'\n' => at > 0 && text[at - 1] == b'\r',
        byte => byte != 0,
    };
    (0..text.len()).all(ends)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
