use super::{EnhancedCode, NotEnhanced};

#[test]
fn codes_are_read_as_rfc_3463_has_them() {
    for (text, read) in [
        ("2.0.0", Some((2, 0, 0))),
        ("4.4.1", Some((4, 4, 1))),
        ("5.7.515", Some((5, 7, 515))),
        ("5.999.999", Some((5, 999, 999))),
        ("3.0.0", None),
        ("1.1.1", None),
        ("55.1.1", None),
        ("5.01.1", None),
        ("5.1.00", None),
        ("5.1000.1", None),
        ("5.1", None),
        ("5.1.1.1", None),
        ("5.1.", None),
        ("5..1", None),
        ("5.1.+1", None),
        ("5.1.-1", None),
        ("5.1.1 ", None),
        (" 5.1.1", None),
        ("5.1.٣", None),
        ("", None),
    ] {
        let wanted = read.ok_or(NotEnhanced);
        let code = text.parse::<EnhancedCode>();
        assert_eq!(code.map(|code| (code.class, code.subject, code.detail)), wanted, "{text:?}");
    }
}

#[test]
fn every_code_reads_back() {
    for class in [2, 4, 5] {
        for number in 0..1_000 {
            let code = EnhancedCode::new(class, number, 999 - number);
            assert_eq!(code.to_string().parse(), Ok(code));
        }
    }
}
