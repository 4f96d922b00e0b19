use super::{decode, is_printable};

#[test]
fn what_is_quoted_is_read() {
    for (xtext, octets) in [
        ("", Some("")),
        ("QQ314159", Some("QQ314159")),
        ("a+2Bb+3Dc+20d", Some("a+b=c d")),
        ("a+0D+0A", Some("a\r\n")),
        ("a+", None),
        ("a+2", None),
        ("a+2b", None),
        ("a+G0", None),
        ("a=b", None),
        ("a b", None),
        ("ü", None),
    ] {
        assert_eq!(decode(xtext.as_bytes()).as_deref(), octets.map(str::as_bytes), "{xtext}");
    }
}

/// T7: every control character, plain and quoted.
#[test]
fn no_control_character_is_printable() {
    for octet in 0..=u8::MAX {
        let quoted = format!("a+{octet:02X}b");
        assert_eq!(is_printable(quoted.as_bytes()), (b' '..=b'~').contains(&octet), "{quoted}");
        let plain = (b'!'..=b'~').contains(&octet) && !b"+=".contains(&octet);
        assert_eq!(is_printable(&[b'a', octet, b'b']), plain, "{octet}");
    }
}
