use super::{FIELD_BYTES_MAX, Line};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

fn line(text: &str) -> String {
    let mut out = Vec::new();
    Line::new(&mut out, "test").text("text", text).end();
    String::from_utf8(out).unwrap()
}

/// T14: a log line stays one line, and shows nothing but what it says.
#[test]
fn every_character_below_u3000_is_safe_and_reads_back() {
    for character in '\0'..'\u{3000}' {
        let text = format!("<{character}>");
        let line = line(&text);
        let unsafe_in_a_log = |shown: char| {
            let turning = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\
                \u{2067}\u{2068}\u{2069}";
            (shown.is_control() || "\u{2028}\u{2029}".contains(shown) || turning.contains(shown))
                && shown != '\n'
        };
        assert!(!line.contains(unsafe_in_a_log), "{character:?}");
        assert_eq!(line.matches('\n').count(), 1, "{character:?}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["text"], text, "{character:?}");
    }
}

#[test]
fn a_long_string_is_cut_between_characters() {
    for (unit, kept) in
        [("x", FIELD_BYTES_MAX), ("€", FIELD_BYTES_MAX / 3), ("\0", FIELD_BYTES_MAX)]
    {
        let value: Value = serde_json::from_str(&line(&unit.repeat(1_000_000))).unwrap();
        assert_eq!(value["text"], unit.repeat(kept));
    }
}

#[test]
fn numbers_are_written_in_full() {
    let mut out = Vec::new();
    Line::new(&mut out, "test")
        .number("zero", 0)
        .number("most", u64::MAX)
        .millis_or_null("none", None)
        .millis_or_null("small", Some(7))
        .millis_or_null("round", Some(20_000))
        .millis_or_null("large", Some(u64::MAX))
        .end();
    let wanted = r#"{"event":"test","zero":0,"most":18446744073709551615,"none":null,"small":0.007,"round":20.000,"large":18446744073709551.615}"#;
    assert_eq!(String::from_utf8(out).unwrap(), format!("{wanted}\n"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_string_reads_back(text in "\\PC{0,300}") {
        let value: Value = serde_json::from_str(&line(&text)).unwrap();
        prop_assert_eq!(value["text"].as_str().unwrap(), text);
    }
}
