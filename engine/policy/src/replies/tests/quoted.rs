//! Replies as people have them.

use crate::replies::{Stage, quoted};

#[test]
fn replies_are_found_in_what_is_told_of_them() {
    let whole = "421 4.7.28 Gmail has detected an unusual rate from your DKIM domain - gsmtp";
    for (text, reply, host, stage) in [
        (whole, whole, None, None),
        ("  450 later\r\n", "450 later", None, None),
        ("550", "550", None, None),
        (
            "421-4.7.28 Gmail has detected an unusual rate\r\n421-4.7.28 from your DKIM domain\r\n\
             421 4.7.28 - gsmtp\r\n",
            whole,
            None,
            None,
        ),
        (
            "421-4.7.28 Gmail has detected an unusual rate 421-4.7.28 from your DKIM domain 421 \
             4.7.28 - gsmtp",
            whole,
            None,
            None,
        ),
        (
            "host gmail-smtp-in.l.google.com[192.0.2.1] said: 421-4.7.28 Gmail has detected an \
             unusual rate 421 4.7.28 from your DKIM domain - gsmtp (in reply to end of DATA command)",
            whole,
            Some("gmail-smtp-in.l.google.com"),
            Some(Stage::Text),
        ),
        ("Diagnostic-Code: smtp; 550 5.1.1 no", "550 5.1.1 no", None, None),
        ("smtp;550-no 550 never", "550 no never", None, None),
        ("550 wait 550 years", "550 wait 550 years", None, None),
        ("451 4.3.0 a said: 550 b", "451 4.3.0 a said: 550 b", None, None),
        ("421 5.7.32 not aligned", "421 5.7.32 not aligned", None, None),
        (
            "host mx[192.0.2.1] said: 450 x (in reply to RCPT TO command)",
            "450 x",
            Some("mx"),
            Some(Stage::Rcpt),
        ),
    ] {
        let found = quoted(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(found.response.to_string(), reply, "{text}");
        assert_eq!((found.host, found.stage), (host, stage), "{text}");
    }
    assert_eq!(quoted("421 5.7.32 not aligned").unwrap().response.enhanced, None);
}

#[test]
fn what_is_no_refusal_is_none() {
    for text in
        ["", " ", "no", "25", "250 ok", "354 go", "600 what", "5500 x", "550x", "é50 x", "5é"]
    {
        assert_eq!(quoted(text), None, "{text:?}");
    }
}
