use super::{byte_rate, bytes, rate, shown, time};

#[test]
fn times_are_read_as_either_writes_them() {
    for (text, expected) in [
        ("10m", Some("10m")),
        ("4d12h", Some("4d12h")),
        ("90", Some("1m30s")),
        ("2 hours", Some("2h")),
        ("1h 30min", Some("1h30m")),
        ("30 days", Some("30d")),
        ("500ms", Some("500ms")),
        ("0", Some("0s")),
        ("", None),
        ("never", None),
        ("1x", None),
        ("m", None),
        ("-5m", None),
        ("99999999999999999999s", None),
        ("18446744073709551615w", None),
    ] {
        assert_eq!(time(text).map(shown).as_deref(), expected, "{text}");
    }
}

#[test]
fn rates_are_read_as_either_writes_them() {
    for (text, expected) in [
        ("100/h", Some("100/h")),
        ("100/hr", Some("100/h")),
        ("1,000/min", Some("1000/m")),
        ("1_000/minute", Some("1000/m")),
        ("local:5/second", Some("5/s")),
        ("83/5s", Some("83/5s")),
        ("250000/day", Some("250000/d")),
        ("unlimited", None),
        ("0/h", None),
        ("10/", None),
        ("10/500ms", None),
        ("10/5", None),
        ("/h", None),
        ("10/year", None),
    ] {
        assert_eq!(rate(text).map(|rate| rate.to_string()).as_deref(), expected, "{text}");
    }
    assert_eq!(byte_rate("10M/h").map(|rate| rate.to_string()).as_deref(), Some("10485760/h"));
    assert_eq!(byte_rate("10X/h"), None);
}

#[test]
fn lengths_are_read_in_units_of_1024() {
    for (text, expected) in
        [("1024", Some(1_024)), ("10M", Some(10 << 20)), ("64KB", Some(64 << 10)), ("x", None)]
    {
        assert_eq!(bytes(text), expected, "{text}");
    }
    assert_eq!(bytes("99999999999T"), None, "more than fits");
}
