use super::write;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn encoded(text: &str) -> String {
    let mut out = Vec::new();
    write(text.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn only_what_is_unsafe_is_encoded() {
    assert_eq!(encoded("plain, safe\r\n"), "plain, safe\r\n");
    assert_eq!(encoded("a=b ü \r\nend\t\r\n"), "a=3Db =C3=BC=20\r\nend=09\r\n");
    assert_eq!(encoded("one\rtwo\nthree"), "one=0Dtwo\r\nthree\r\n");
    assert_eq!(encoded(".\r\n.."), "=2E\r\n=2E.\r\n");
}

#[test]
fn a_long_line_is_broken_and_no_piece_begins_with_a_dot() {
    let text = encoded(&".".repeat(500));
    assert!(text.lines().all(|line| line.len() <= 76 && !line.starts_with('.')), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn what_is_encoded_is_decoded(text in "[ -~ü.=\t]{0,300}(\r\n[ -~ü.=\t]{0,100}){0,3}") {
        let quoted = encoded(&text);
        prop_assert!(quoted.is_ascii() && quoted.lines().all(|line| line.len() <= 76 && !line.starts_with('.')));
        let decoded = quoted_printable_decode(quoted.as_bytes()).unwrap();
        let end = if text.ends_with("\r\n") { "" } else { "\r\n" };
        prop_assert_eq!(String::from_utf8(decoded).unwrap(), text + end);
    }
}
