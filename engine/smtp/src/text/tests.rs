use super::{Bounds, Drain, Stop, Text};
use crate::reply::Refusal;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const WIDE: Bounds = Bounds { message_bytes_max: u64::MAX, line_bytes_max: 1_000 };

/// What became of a text: how many octets of it were good, and what came then.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Ended { facts: Text, rest: Vec<u8> },
    Refused { good: u64, refusal: Refusal, ended: Option<Vec<u8>> },
}

/// Scans `packets` one behind the other, as a session would.
fn fate(packets: &[&[u8]], bounds: Bounds) -> Fate {
    let mut text = Text::default();
    let mut held = Vec::new();
    let mut drain = None;
    for (number, packet) in packets.iter().enumerate() {
        held.extend_from_slice(packet);
        loop {
            let (used, stop) = match &mut drain {
                None => text.scan(&held, bounds),
                Some((drain, _)) => Drain::scan(drain, &held),
            };
            held.drain(..used);
            let rest = || [&held[3..], &packets[number + 1..].concat()].concat();
            match (stop, &drain) {
                (Stop::End, None) if used == 0 => return Fate::Ended { facts: text, rest: rest() },
                (Stop::End, Some((_, refusal))) => {
                    let ended = Some(rest());
                    return Fate::Refused { good: text.bytes, refusal: *refusal, ended };
                }
                (Stop::Fault(refusal), None) => {
                    drain = Some((Drain::after(&text, u64::MAX), refusal));
                }
                (Stop::Starved, _) if used == 0 => break,
                _ => {}
            }
        }
    }
    match drain {
        None => Fate::Open,
        Some((_, refusal)) => Fate::Refused { good: text.bytes, refusal, ended: None },
    }
}

/// The same, an octet at a time, from the words of RFC 5321: the slow truth.
fn truth(input: &[u8], bounds: Bounds) -> Fate {
    let end = |from: usize| {
        let ends = |at: &usize| {
            input[..*at].ends_with(b"\r\n.\r\n") || (*at == 3 && input.starts_with(b".\r\n"))
        };
        (from..=input.len()).find(ends)
    };
    let content_max = bounds.line_bytes_max - 2;
    let (mut line, mut stuffed, mut facts) = (0, false, Text::default());
    for at in 0..input.len() {
        let refused = |refusal, facts: Text| Fate::Refused {
            good: facts.bytes,
            refusal,
            ended: end(at + 1).map(|end| input[end..].to_vec()),
        };
        if line == 0 && input[at..].starts_with(b".\r\n") {
            return Fate::Ended { facts, rest: input[at + 3..].to_vec() };
        }
        if line == 0 && b".\r\n".starts_with(&input[at..]) {
            return Fate::Open;
        }
        let in_crlf = input[at] == b'\n' && at > 0 && input[at - 1] == b'\r';
        let begins_crlf = input[at] == b'\r' && matches!(input.get(at + 1), None | Some(b'\n'));
        if !in_crlf && !begins_crlf {
            if b"\r\n\0".contains(&input[at]) {
                return refused(Refusal::BareLineEnding, facts);
            }
            if line >= content_max + usize::from(stuffed) {
                return refused(Refusal::TextLineTooLong, facts);
            }
        }
        if input[at] == b'\r' && at + 1 == input.len() {
            return Fate::Open;
        }
        stuffed = (stuffed && line > 0) || (line == 0 && input[at] == b'.');
        facts.dots += u64::from(line == 0 && input[at] == b'.');
        facts.bytes += 1;
        facts.eight_bit |= input[at] > 127;
        line = if in_crlf { 0 } else { line + 1 };
        line -= usize::from(begins_crlf);
    }
    Fate::Open
}

/// T1: what some server somewhere takes for the end of a message, and is not.
pub(crate) const SMUGGLED: [&[u8]; 11] = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
];

#[test]
fn what_looks_like_the_end_never_is_at_any_split() {
    for sequence in SMUGGLED {
        let attack = [b"a".as_slice(), sequence, b"MAIL FROM:<x@y>\r\n.\r\nQUIT\r\n"].concat();
        for first in 0..=attack.len() {
            for second in first..=attack.len() {
                let packets = [&attack[..first], &attack[first..second], &attack[second..]];
                let Fate::Refused { refusal, ended, .. } = fate(&packets, WIDE) else {
                    panic!("{sequence:?} was taken, cut at {first} and {second}");
                };
                assert_eq!(refusal, Refusal::BareLineEnding);
                assert_eq!(ended.as_deref(), Some(b"QUIT\r\n".as_slice()), "{sequence:?}");
            }
        }
    }
}

/// Every text of up to eight octets over the five that matter, whole and an octet at a time.
#[test]
fn every_short_text_is_judged_as_the_rfc_says() {
    const ALPHABET: [u8; 5] = *b"\r\n.\0a";
    let narrow = Bounds { message_bytes_max: u64::MAX, line_bytes_max: 5 };
    for len in 0..=8_u32 {
        for number in 0..ALPHABET.len().pow(len) {
            let text: Vec<u8> = (0..len)
                .map(|digit| ALPHABET[number / ALPHABET.len().pow(digit) % ALPHABET.len()])
                .collect();
            for bounds in [WIDE, narrow] {
                let expected = truth(&text, bounds);
                assert_eq!(comparable(fate(&[&text], bounds)), comparable(expected), "{text:?}");
                let octets: Vec<&[u8]> = text.chunks(1).collect();
                assert_eq!(fate(&octets, bounds), fate(&[&text], bounds), "{text:?} in octets");
            }
        }
    }
}

/// An ended text is at the start of a line; the truth does not keep count of that.
fn comparable(fate: Fate) -> Fate {
    match fate {
        Fate::Ended { facts, rest } => Fate::Ended { facts: Text { line: 0, ..facts }, rest },
        fate => fate,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]
    #[test]
    fn long_texts_are_judged_as_the_rfc_says_at_any_split(
        lines in prop::collection::vec("(\\PC{0,40}|\\.{1,3}|x{990,1000}|[\r\n\u{0}]{1,3})", 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        max in 1_u64..3_000,
    ) {
        let text = lines.join("\r\n") + "\r\n.\r\nQUIT\r\n";
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let mut start = 0;
        let packets: Vec<&[u8]> = cuts.iter().map(|cut| &bytes[std::mem::replace(&mut start, *cut)..*cut]).collect();
        prop_assert_eq!(comparable(fate(&packets, WIDE)), comparable(truth(bytes, WIDE)));
        // Whatever the limit, the cuts do not decide which refusal it is.
        let small = Bounds { message_bytes_max: max, ..WIDE };
        match (fate(&packets, small), fate(&[bytes], small)) {
            (Fate::Refused { refusal: one, ended: first, .. }, Fate::Refused { refusal: other, ended: second, .. }) => {
                prop_assert_eq!(one, other);
                prop_assert_eq!(first, second);
            }
            (one, other) => prop_assert_eq!(one, other),
        }
    }
}

#[test]
fn a_line_of_exactly_the_limit_is_taken() {
    let line = |len: usize| [&vec![b'x'; len], b"\r\n.\r\n".as_slice()].concat();
    assert!(matches!(fate(&[&line(998)], WIDE), Fate::Ended { .. }));
    let refused = fate(&[&line(999)], WIDE);
    assert!(matches!(refused, Fate::Refused { refusal: Refusal::TextLineTooLong, good: 998, .. }));
}

#[test]
fn the_start_of_an_end_is_left_for_the_next_read() {
    for (input, used) in
        [("a\r\n.\r", 3), ("a\r\n.", 3), ("a\r\n", 3), ("a\r", 1), (".", 0), (".\r", 0)]
    {
        let mut text = Text::default();
        assert_eq!(text.scan(input.as_bytes(), WIDE), (used, Stop::Starved), "{input:?}");
    }
}
