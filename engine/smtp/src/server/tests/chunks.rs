//! Text by chunks, cut in every way.

use super::table::generous;
use super::{FRIEND, Refusal, Session, Step};
use crate::server::{CHUNK_TINY, Config, Door, Facts, Form};
use crate::text::tests::SMUGGLED;
use event::MessageId;
use std::sync::Arc;

/// A session that waits for chunks.
fn in_envelope(binary: bool, config: Config) -> Session {
    let mut session = Session::new(Arc::new(config), FRIEND);
    let body = if binary { " BODY=BINARYMIME" } else { "" };
    let envelope = format!("EHLO c\r\nMAIL FROM:<a@b>{body}\r\nRCPT TO:<c@d>\r\n");
    super::hear(&mut session, envelope.as_bytes());
    session
}

/// What came of some packets: the message, if there was one, and all replies.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    message: Option<(Facts, Vec<u8>)>,
    transactions: usize,
    replies: String,
    closed: bool,
}

fn outcome<'p>(session: &mut Session, packets: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    let (mut held, mut text, mut replies) = (Vec::new(), Vec::new(), Vec::new());
    let mut outcome = Outcome::default();
    for packet in packets {
        held.extend_from_slice(packet);
        let mut used = 0;
        while let Some((taken, step)) = session.step(&held[used..], Door::Open, &mut replies) {
            match step {
                Step::Text(slice) => text.extend_from_slice(slice),
                Step::Commit(facts) => {
                    outcome.message = Some((facts, text.clone()));
                    session.committed(MessageId { log: 0, boot: 1, count: 1 }, &mut replies);
                }
                Step::Sender(_) => outcome.transactions += 1,
                Step::Close => outcome.closed = true,
                _ => {}
            }
            used += taken;
        }
        held.drain(..used);
    }
    outcome.replies = String::from_utf8(replies).unwrap();
    outcome
}

fn chunk(text: &[u8], last: bool) -> Vec<u8> {
    let last = if last { " LAST" } else { "" };
    [format!("BDAT {}{last}\r\n", text.len()).as_bytes(), text].concat()
}

/// T1: once the message is passed on by DATA, it would end there for some server.
#[test]
fn what_looks_like_the_end_is_refused_in_a_chunk_at_any_split() {
    for sequence in SMUGGLED {
        let attack = [b"a".as_slice(), sequence, b"MAIL FROM:<x@y>\r\n"].concat();
        let input = [chunk(&attack, true), b"NOOP\r\n".to_vec()].concat();
        let expected = Outcome {
            replies: Refusal::BareLineEnding.line().into(),
            closed: true,
            ..Outcome::default()
        };
        for first in 0..=input.len() {
            for second in first..=input.len() {
                let packets = [&input[..first], &input[first..second], &input[second..]];
                let outcome = outcome(&mut in_envelope(false, generous()), packets);
                assert_eq!(outcome, expected, "{sequence:?} cut at {first} and {second}");
            }
        }
    }
}

/// The end of DATA is not the end of a chunk.
#[test]
fn a_lone_dot_is_text_in_a_chunk_at_any_split() {
    let text = b"a\r\n.\r\nMAIL FROM:<x@y>\r\n";
    let input = [chunk(text, true), b"NOOP\r\n".to_vec()].concat();
    let facts = Facts {
        bytes: text.len() as u64,
        dots: 1,
        form: Form::Raw,
        ends_with_crlf: true,
        ..Facts::default()
    };
    for cut in 0..=input.len() {
        let packets = [&input[..cut], &input[cut..]];
        let outcome = outcome(&mut in_envelope(false, generous()), packets);
        assert_eq!(outcome.message, Some((facts, text.to_vec())), "cut at {cut}");
        assert_eq!(outcome.transactions, 0);
        assert_eq!(outcome.replies, "250 2.0.0 accepted 0-1-1\r\n250 2.0.0 ok\r\n");
    }
}

/// Every text of up to six octets over the five that matter, in two chunks cut anywhere, whole
/// and an octet at a time: a text of lines is what the RFC says, and a binary one is anything.
#[test]
fn every_short_text_is_judged_as_the_rfc_says_in_any_chunks() {
    const ALPHABET: [u8; 5] = *b"\r\n.\0a";
    for len in 0..=6_u32 {
        for number in 0..ALPHABET.len().pow(len) {
            let text: Vec<u8> = (0..len)
                .map(|digit| ALPHABET[number / ALPHABET.len().pow(digit) % ALPHABET.len()])
                .collect();
            for cut in 0..=text.len() {
                judge(&text, cut, false, is_lines(&text));
            }
            judge(&text, text.len() / 2, true, true);
        }
    }
}

fn is_lines(text: &[u8]) -> bool {
    let octets = String::from_utf8(text.to_vec()).unwrap().replace("\r\n", "");
    !octets.contains(['\r', '\n', '\0'])
}

fn judge(text: &[u8], cut: usize, binary: bool, sound: bool) {
    let input = [chunk(&text[..cut], false), chunk(&text[cut..], true)].concat();
    let whole = outcome(&mut in_envelope(binary, generous()), [&input[..]]);
    let octets = outcome(&mut in_envelope(binary, generous()), input.chunks(1));
    assert_eq!(whole, octets, "{text:?} cut at {cut}");
    assert_eq!(whole.message.is_some(), sound, "{text:?} cut at {cut}");
    if let Some((facts, taken)) = whole.message {
        assert_eq!(taken, text);
        assert_eq!(facts.bytes, text.len() as u64);
        assert_eq!(facts.form, Form::Raw);
        assert_eq!(facts.ends_with_crlf, text.is_empty() || text.ends_with(b"\r\n"), "{text:?}");
        let dotted = text.starts_with(b".") || text.windows(3).any(|three| three == b"\r\n.");
        assert!(binary || (facts.dots > 0) == dotted, "{text:?}");
        assert_eq!(facts.size(), facts.bytes, "no dot stands for nothing");
    }
}

/// T9: refused chunks have a budget, however they are announced.
#[test]
fn endless_refused_chunks_end_the_connection() {
    let config = Config { message_bytes_max: 10_000, ..generous() };
    let mut session = Session::new(Arc::new(config), FRIEND);
    let (mut sent, mut closed) = (0, false);
    while !closed {
        let input = chunk(&[b'x'; 500], false);
        sent += input.len();
        closed = outcome(&mut session, [&input[..]]).closed;
        assert!(sent < 20_000, "it reads for ever");
    }
    assert!(sent > 10_000, "{sent}: a message's worth of them is nothing unusual");
}

/// T9: a message may come in as many chunks as it needs, but not in crumbs.
#[test]
fn crumbs_are_counted_and_chunks_are_not() {
    let config = Config { chatter_max: 20, ..generous() };
    let line = [&[b'x'; 510], b"\r\n".as_slice()].concat();
    let whole = line.repeat(CHUNK_TINY as usize / line.len());
    let chunks = chunk(&whole, false).repeat(50);
    let all = outcome(&mut in_envelope(false, config.clone()), [&chunks[..]]);
    assert!(!all.closed, "{}", all.replies);
    let crumbs = chunk(&line, false).repeat(50);
    let all = outcome(&mut in_envelope(false, config), [&crumbs[..]]);
    assert!(all.closed && all.replies.ends_with(Refusal::TooMuchChatter.line()), "{}", all.replies);
}

/// A last chunk may not end in half a CRLF; a chunk before it may.
#[test]
fn a_text_does_not_end_in_half_a_line_ending() {
    for (input, sound) in [
        (b"BDAT 2 LAST\r\na\r".as_slice(), false),
        (b"BDAT 2\r\na\rBDAT 0 LAST\r\n", false),
        (b"BDAT 2\r\na\rBDAT 0\r\nBDAT 1 LAST\r\n\n", true),
    ] {
        let outcome = outcome(&mut in_envelope(false, generous()), [input]);
        assert_eq!(outcome.message.is_some(), sound, "{outcome:?}");
    }
}
