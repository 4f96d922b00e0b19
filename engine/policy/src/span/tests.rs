use super::{NotASpan, parse, show};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::Duration;

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, millis) in [
        ("0s", Some(0)),
        ("250ms", Some(250)),
        ("5s", Some(5_000)),
        ("30m", Some(1_800_000)),
        ("1h30m", Some(5_400_000)),
        ("3d", Some(259_200_000)),
        ("1d1h1m1s1ms", Some(90_061_001)),
        ("90m", Some(5_400_000)),
        ("36525d", Some(3_155_760_000_000)),
        ("36525d1ms", None),
        ("", None),
        ("5", None),
        ("s", None),
        ("-5s", None),
        ("+5s", None),
        ("5 s", None),
        (" 5s", None),
        ("1.5h", None),
        ("5S", None),
        ("5sec", None),
        ("30m1h", None),
        ("1s1s", None),
        ("1y", None),
        ("5s5", None),
        ("99999999999999999999s", None),
        ("18446744073709551615d", None),
        ("٣s", None),
    ] {
        assert_eq!(parse(text), millis.map(Duration::from_millis).ok_or(NotASpan), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_shown_reads_back(millis in 0_u64..3_155_760_000_000) {
        let span = Duration::from_millis(millis);
        prop_assert_eq!(parse(&show(span)), Ok(span));
    }

    #[test]
    fn no_text_is_too_strange(text in "[0-9dhms .-]{0,12}|\\PC{0,12}") {
        if let Ok(span) = parse(&text) {
            prop_assert_eq!(parse(&show(span)), Ok(span));
        }
    }
}
