use super::{Response, TEXT_BYTES_MAX};
use crate::EnhancedCode;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn text(lines: &[&[u8]]) -> String {
    Response::from_lines(250, None, lines.iter().copied()).text.into()
}

#[test]
fn lines_become_one_safe_text() {
    for (lines, wanted) in [
        (&[b"ok".as_slice()] as &[&[u8]], "ok"),
        (&[b"first", b"second"], "first second"),
        (&[], ""),
        (&[b"", b"second"], "second"),
        (&[b"bell \x07, escape \x1b[31m"], r"bell \u{7}, escape \u{1b}[31m"),
        (&[b"a\r\nb\tc"], r"a\r\nb\tc"),
        (&[b"nul \0 del \x7f"], r"nul \u{0} del \u{7f}"),
        (&["C1 \u{9b}31m".as_bytes()], r"C1 \u{9b}31m"),
        (&["grüße".as_bytes()], "grüße"),
        (&[b"latin \xe9"], "latin \u{fffd}"),
    ] {
        assert_eq!(text(lines), wanted);
    }
}

#[test]
fn it_shows_as_the_peer_wrote_it() {
    let enhanced = Some(EnhancedCode::new(5, 1, 1));
    assert_eq!(Response::new(550, enhanced, "no such user").to_string(), "550 5.1.1 no such user");
    assert_eq!(Response::new(250, None, "").to_string(), "250");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_a_peer_says_is_short_and_printable(
        lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 0..8)
    ) {
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        let text = text(&lines);
        prop_assert!(text.len() <= TEXT_BYTES_MAX);
        prop_assert!(!text.chars().any(char::is_control));
    }
}
