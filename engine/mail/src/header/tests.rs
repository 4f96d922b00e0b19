use super::{Facts, Scan, scan};
use mail_parser::{HeaderName, MessageParser};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const MESSAGE: &[u8] = b"Received: from a\r\n\tby b; Mon, 1 Jan 2026 00:00:00 +0000\r\nreceived:again\r\n\
    Subject: Received: not this\r\n Received: nor this\r\nX-Received: nor this\r\nReceived\r\n\r\nReceived: body\r\n";

#[test]
fn received_fields_are_counted_up_to_the_blank_line() {
    let len = MESSAGE.len() - b"\r\nReceived: body\r\n".len();
    assert_eq!(scan(MESSAGE), Facts { len, received: 2 });
}

#[test]
fn a_text_may_have_no_body_and_no_header() {
    assert_eq!(scan(b""), Facts { len: 0, received: 0 });
    assert_eq!(scan(b"\r\nReceived: x\r\n"), Facts { len: 0, received: 0 });
    assert_eq!(scan(b"A: b\r\n"), Facts { len: 6, received: 0 });
    assert_eq!(scan(b"Received:\r\n"), Facts { len: 11, received: 1 });
    assert_eq!(scan(b"A: b\r\n\r"), Facts { len: 6, received: 0 }, "a blank line begun");
}

#[test]
fn wherever_the_text_is_cut_the_scan_finds_the_same() {
    for first in 0..=MESSAGE.len() {
        for second in first..=MESSAGE.len() {
            let mut cut = Scan::default();
            for slice in [&MESSAGE[..first], &MESSAGE[first..second], &MESSAGE[second..]] {
                cut.read(slice);
            }
            assert!(cut.is_done());
            assert_eq!(cut.facts(), scan(MESSAGE), "{first}, {second}");
        }
    }
}

fn header() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "Received",
        "rEcEiVeD",
        "Subject",
        "From",
        "X-Received",
        "Receivedx",
    ]);
    let value = "[a-zA-Z0-9 :;<>@.]{0,20}(\r\n[ \t][a-z:]{1,9}){0,2}";
    let field = (name, value).prop_map(|(name, value)| format!("{name}: {value}\r\n"));
    prop::collection::vec(field, 1..12).prop_map(|fields| fields.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// Another parser sees as many Received fields, and the body begins where it says.
    #[test]
    fn mail_parser_finds_the_same(header in header(), body in "[a-z\r\n:]{0,40}") {
        let text = format!("{header}\r\n{body}");
        let message = MessageParser::default().parse(text.as_bytes()).unwrap();
        let received = message.headers().iter().filter(|field| field.name == HeaderName::Received);
        let facts = scan(text.as_bytes());
        prop_assert_eq!(usize::from(facts.received), received.count());
        prop_assert_eq!(facts.len, header.len());
        prop_assert_eq!(facts.len + 2, message.root_part().offset_body as usize);
    }

    #[test]
    fn arbitrary_bytes_are_survived(text in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(scan(&text).len <= text.len());
    }
}
