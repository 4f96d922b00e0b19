use super::{Config, Envelope, Heard, Patience, Say, Session, Verdict};

fn hear(session: &mut Session<u8>, reply: &str) -> Heard<u8> {
    let (used, heard) = session.hear(reply.as_bytes()).unwrap();
    assert_eq!(used, reply.len());
    heard.unwrap()
}

fn say(session: &mut Session<u8>) -> String {
    let mut out = Vec::new();
    while let Some(Say::Text(token)) = session.say(&mut out) {
        let text = format!("(text of {token})\r\n.\r\n");
        out.extend_from_slice(text.as_bytes());
    }
    String::from_utf8(out).unwrap()
}

fn envelope<'a>(recipients: &'a [&'a [u8]]) -> Envelope<'a> {
    Envelope { sender: b"a@b", recipients, size: 1, eight_bit: false, utf8: false }
}

fn greeted() -> Session<u8> {
    let mut session = Session::new(Config { ehlo: "me".into() });
    assert_eq!(hear(&mut session, "220 hi\r\n"), Heard::Nothing);
    say(&mut session);
    assert_eq!(hear(&mut session, "250-hi\r\n250 PIPELINING\r\n"), Heard::Ready);
    session
}

/// RFC 5321 §4.5.3.2: each answer has its own time; the oldest question counts.
#[test]
fn patience_follows_the_oldest_unanswered_line() {
    let mut session: Session<u8> = Session::new(Config { ehlo: "me".into() });
    assert_eq!(session.waiting(), Some(Patience::Greeting));
    hear(&mut session, "220 hi\r\n");
    assert_eq!(session.waiting(), None);
    say(&mut session);
    assert_eq!(session.waiting(), Some(Patience::Hello));
    let mut session = greeted();
    assert!(session.is_idle() && session.waiting().is_none());
    assert_eq!(session.begin(1, envelope(&[b"c@d"])), None);
    say(&mut session);
    for (reply, then) in [
        ("250 ok\r\n", Some(Patience::Rcpt)),
        ("250 ok\r\n", Some(Patience::DataInit)),
        ("354 go\r\n", None),
    ] {
        hear(&mut session, reply);
        assert_eq!(session.waiting(), then);
    }
    assert!(session.wants() && session.begin(2, envelope(&[b"e@f"])).is_none());
    assert!(say(&mut session).starts_with("(text of 1)\r\n.\r\nMAIL FROM:<a@b>\r\n"));
    assert_eq!(session.waiting(), Some(Patience::Final));
    assert!(matches!(hear(&mut session, "250 ok\r\n"), Heard::Done(1, _)));
    assert_eq!(session.waiting(), Some(Patience::Mail));
    assert!(!session.wants() && !session.is_idle());
}

#[test]
fn quit_waits_for_what_is_begun() {
    let mut session = greeted();
    assert_eq!(session.begin(1, envelope(&[b"c@d"])), None);
    say(&mut session);
    session.quit();
    assert!(!session.wants());
    for reply in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n"] {
        hear(&mut session, reply);
    }
    assert_eq!(say(&mut session), "(text of 1)\r\n.\r\n");
    hear(&mut session, "250 ok\r\n");
    assert_eq!(say(&mut session), "QUIT\r\n");
    assert_eq!(session.waiting(), Some(Patience::Quit));
    assert!(matches!(hear(&mut session, "221 bye\r\n"), Heard::Closing(_)));
    assert_eq!(session.lost(), []);
}

/// T7: whatever an address was let in by, it cannot say a command of its own.
#[test]
fn an_address_with_a_line_in_it_is_never_said() {
    for recipient in [b"c@d>\r\nRSET\r\n".as_slice(), b"c\n@d", b"c\0@d", b"c\x7f@d"] {
        let mut session = greeted();
        let (token, verdicts) = session.begin(7, envelope(&[b"fine@d", recipient])).unwrap();
        assert_eq!(token, 7);
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Failed(_))));
        assert_eq!(say(&mut session), "");
        assert!(session.is_idle());
    }
}

#[test]
#[should_panic(expected = "when the session wants one")]
fn a_transaction_is_not_begun_unasked() {
    let mut session = Session::new(Config { ehlo: "me".into() });
    let _ = session.begin(1, envelope(&[b"c@d"]));
}
