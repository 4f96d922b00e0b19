use super::{Bytes, Text, Value};
use std::time::Duration;
use toml::de::DeValue;

fn read<V: Value>(written: &str) -> Option<String> {
    V::read(&DeValue::parse(written).unwrap()).ok().map(|value| value.show())
}

#[test]
fn times_need_their_units() {
    for (written, meant) in [
        ("30m", Some("30m")),
        ("90s", Some("1m30s")),
        ("1h30m", Some("1h30m")),
        ("36h", Some("1d12h")),
        ("1500ms", Some("1s500ms")),
        ("0s", Some("0s")),
        ("30", None),
        ("m", None),
        ("", None),
        ("-1s", None),
        ("1.5h", None),
        ("1 h", None),
        ("5min", None),
        ("99999999999999999999d", None),
        ("999999999999999999d", None),
    ] {
        assert_eq!(
            Duration::parse(written).map(|value| value.text()).as_deref(),
            meant,
            "{written}"
        );
    }
    assert_eq!(read::<Duration>("30"), None, "a bare number has no unit");
}

#[test]
fn lengths_may_have_units() {
    for (written, meant) in [
        ("4096", Some("\"4 KiB\"")),
        ("1000", Some("1000")),
        ("0x1000", Some("\"4 KiB\"")),
        ("\"64 MiB\"", Some("\"64 MiB\"")),
        ("\"64MiB\"", Some("\"64 MiB\"")),
        ("\"1024 MiB\"", Some("\"1 GiB\"")),
        ("\"64 MB\"", None),
        ("\"64\"", None),
        ("-1", None),
        ("\"99999999999999 GiB\"", None),
    ] {
        assert_eq!(read::<Bytes>(written).as_deref(), meant, "{written}");
    }
}

#[test]
fn what_is_shown_can_be_read_again() {
    assert_eq!(read::<f64>("2").as_deref(), Some("2.0"));
    assert_eq!(read::<f64>("2.5").as_deref(), Some("2.5"));
    assert_eq!(read::<f64>("inf"), None);
    assert_eq!(read::<bool>("true").as_deref(), Some("true"));
    assert_eq!(read::<Vec<u64>>("[1, 2]").as_deref(), Some("[1, 2]"));
    assert_eq!(read::<std::path::PathBuf>(r#"'a"b'"#).as_deref(), Some(r#"'a"b'"#));
}
