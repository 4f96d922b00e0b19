pub(super) mod world;

use super::{
    Body, Config, Envelope, Heard, Notify, Patience, PeerFault, Recipient, Ret, Say, Session, Tls,
    Verdict,
};
use crate::command::ENVID_MAX;
use event::Response;

fn hear(session: &mut Session<u8>, reply: &str) -> Heard<u8> {
    let (used, heard) = session.hear(reply.as_bytes()).unwrap();
    assert_eq!(used, reply.len());
    heard.unwrap()
}

fn say(session: &mut Session<u8>) -> String {
    let mut out = Vec::new();
    while let Some(say) = session.say(&mut out) {
        let text = match say {
            Say::Text(token) => format!("(text of {token})\r\n.\r\n"),
            Say::Chunk(token) => format!("(octets of {token})"),
        };
        out.extend_from_slice(text.as_bytes());
    }
    String::from_utf8(out).unwrap()
}

fn envelope<'a>(recipients: &'a [Recipient<'a>]) -> Envelope<'a> {
    let (size, counted, body, utf8) = (1, true, Body::SevenBit, false);
    let (requiretls, ret) = (false, None);
    Envelope { sender: b"a@b", recipients, size, counted, body, utf8, requiretls, ret, envid: b"" }
}

fn to(path: &[u8]) -> Recipient<'_> {
    path.into()
}

fn greeted() -> Session<u8> {
    greeted_with("250-hi\r\n250 PIPELINING\r\n")
}

fn greeted_with(offers: &str) -> Session<u8> {
    let mut session = Session::new(Config::new("me"));
    assert_eq!(hear(&mut session, "220 hi\r\n"), Heard::Nothing);
    say(&mut session);
    assert_eq!(hear(&mut session, offers), Heard::Ready);
    session
}

/// RFC 5321 §4.5.3.2: each answer has its own time; the oldest question counts.
#[test]
fn patience_follows_the_oldest_unanswered_line() {
    let mut session: Session<u8> = Session::new(Config::new("me"));
    assert_eq!(session.waiting(), Some(Patience::Greeting));
    hear(&mut session, "220 hi\r\n");
    assert_eq!(session.waiting(), None);
    say(&mut session);
    assert_eq!(session.waiting(), Some(Patience::Hello));
    let mut session = greeted();
    assert!(session.is_idle() && session.waiting().is_none());
    assert_eq!(session.begin(1, envelope(&[to(b"c@d")])), None);
    say(&mut session);
    for (reply, then) in [
        ("250 ok\r\n", Some(Patience::Rcpt)),
        ("250 ok\r\n", Some(Patience::DataInit)),
        ("354 go\r\n", None),
    ] {
        hear(&mut session, reply);
        assert_eq!(session.waiting(), then);
    }
    assert!(session.wants() && session.begin(2, envelope(&[to(b"e@f")])).is_none());
    assert!(say(&mut session).starts_with("(text of 1)\r\n.\r\nMAIL FROM:<a@b>\r\n"));
    assert_eq!(session.waiting(), Some(Patience::Final));
    assert!(matches!(hear(&mut session, "250 ok\r\n"), Heard::Done(1, _)));
    assert_eq!(session.waiting(), Some(Patience::Mail));
    assert!(!session.wants() && !session.is_idle());
}

#[test]
fn quit_waits_for_what_is_begun() {
    let mut session = greeted();
    assert_eq!(session.begin(1, envelope(&[to(b"c@d")])), None);
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

/// A session whose first text is on its way in parts, with the next envelope begun behind it.
fn amid_text() -> Session<u8> {
    let mut session = greeted();
    assert_eq!(session.begin(1, envelope(&[to(b"c@d"), to(b"no@d")])), None);
    say(&mut session);
    for reply in ["250 ok\r\n", "250 ok\r\n", "550 no\r\n", "354 go\r\n"] {
        assert_eq!(hear(&mut session, reply), Heard::Nothing);
    }
    assert_eq!(session.begin(2, envelope(&[to(b"e@f")])), None);
    assert_eq!(session.say(&mut Vec::new()), Some(Say::Text(&1)));
    session.text_begins();
    session
}

/// Whoever has not had all of a text has not taken it, whatever it says; but it may say no.
#[test]
fn a_no_before_the_end_of_a_text_ends_the_conversation_and_a_yes_is_a_fault() {
    let no = |code| Response::new(code, None, "x");
    let refused = Verdict::Failed(Response::new(550, None, "no"));
    for (code, verdict) in [
        (552, Some(Verdict::Failed(no(552)))),
        (452, Some(Verdict::Deferred(no(452)))),
        (421, Some(Verdict::Deferred(no(421)))),
        (250, None),
        (354, None),
    ] {
        let mut session = amid_text();
        let heard = session.hear(format!("{code} x\r\n").as_bytes());
        let (first, second) = if let Some(verdict) = verdict {
            assert_eq!(heard, Ok((7, Some(Heard::Closing(no(code))))));
            (verdict, Verdict::NotTried)
        } else {
            assert_eq!(heard, Err(PeerFault::WrongAnswer(code)));
            let fault = format!("the host sent {}", PeerFault::WrongAnswer(code));
            (Verdict::Unknown, Verdict::Deferred(super::refused(451, (5, 0), &fault)))
        };
        let lost = session.lost();
        assert_eq!(lost, [(1, vec![first, refused.clone()]), (2, vec![second])], "{code}");
    }
}

/// Once all of it has left, an answer is one like any other. So are those to what was said before.
#[test]
fn behind_the_last_part_of_a_text_its_answer_is_awaited() {
    let mut session = amid_text();
    session.text_ends();
    assert!(say(&mut session).starts_with("MAIL FROM:<a@b>\r\n"));
    assert!(matches!(hear(&mut session, "250 ok\r\n"), Heard::Done(1, _)));
    assert_eq!(hear(&mut session, "250 ok\r\n"), Heard::Nothing);

    let mut session = greeted_with("250-hi\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    session.set_depth(8);
    let answered = |session: &mut Session<u8>, answers| {
        for _ in 1..answers {
            assert_eq!(hear(session, "250 ok\r\n"), Heard::Nothing);
        }
        session.hear(b"250 ok\r\n")
    };
    assert_eq!(session.begin(1, envelope(&[to(b"c@d")])), None);
    say(&mut session);
    assert!(matches!(answered(&mut session, 3), Ok((8, Some(Heard::Done(1, _))))));
    for token in [2, 3] {
        assert_eq!(session.begin(token, envelope(&[to(b"c@d")])), None);
        assert_eq!(session.say(&mut Vec::new()), Some(Say::Chunk(&token)));
    }
    session.text_begins();
    assert!(matches!(answered(&mut session, 3), Ok((8, Some(Heard::Done(2, _))))));
    // RSET, MAIL, RCPT, and then the chunk.
    assert_eq!(answered(&mut session, 4), Err(PeerFault::WrongAnswer(250)));
}

/// T7: whatever an address was let in by, it cannot say a command of its own.
#[test]
fn an_address_with_a_line_in_it_is_never_said() {
    for recipient in [b"c@d>\r\nRSET\r\n".as_slice(), b"c\n@d", b"c\0@d", b"c\x7f@d"] {
        let mut session = greeted();
        let (token, verdicts) =
            session.begin(7, envelope(&[to(b"fine@d"), to(recipient)])).unwrap();
        assert_eq!(token, 7);
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Failed(_))));
        assert_eq!(say(&mut session), "");
        assert!(session.is_idle());
    }
}

/// T7: nor can a parameter say another one.
#[test]
fn a_parameter_with_more_than_itself_in_it_is_never_said() {
    for value in [b"a b".as_slice(), b"a\r\nRSET", b"a\tb", b"a\0", b"a\x7f"] {
        let envelopes =
            [(Recipient { original: value, ..to(b"c@d") }, b"".as_slice()), (to(b"c@d"), value)];
        for (recipient, envid) in envelopes {
            let mut session = greeted_with("250-hi\r\n250 DSN\r\n");
            let recipients = [recipient];
            let said = session.begin(7, Envelope { envid, ..envelope(&recipients) });
            assert!(matches!(&said, Some((7, verdicts)) if verdicts.len() == 1), "{said:?}");
        }
    }
}

/// RFC 3461 §5.2.1 and §5.2.2: as they came, to a host that knows them; else not at all.
#[test]
fn what_was_asked_goes_to_who_can_answer() {
    let recipients = [
        Recipient { notify: Some(Notify::NEVER), ..to(b"c@d") },
        Recipient { notify: Notify::from_bits(7), original: b"rfc822;x+3Dy@z", ..to(b"e@f") },
        Recipient { notify: Some(Notify::DELAY), ..to(b"g@h") },
        to(b"i@j"),
    ];
    let asked = Envelope { ret: Some(Ret::Headers), envid: b"QQ+2B1", ..envelope(&recipients) };
    let mut session = greeted_with("250-hi\r\n250-PIPELINING\r\n250 dsn\r\n");
    assert!(session.reports() && session.begin(1, asked).is_none());
    let told = "MAIL FROM:<a@b> RET=HDRS ENVID=QQ+2B1\r\n\
        RCPT TO:<c@d> NOTIFY=NEVER\r\n\
        RCPT TO:<e@f> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;x+3Dy@z\r\n\
        RCPT TO:<g@h> NOTIFY=DELAY\r\n\
        RCPT TO:<i@j>\r\nDATA\r\n";
    assert_eq!(say(&mut session), told);
    let mut session = greeted();
    assert!(!session.reports() && session.begin(1, asked).is_none());
    let told = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nRCPT TO:<g@h>\r\n\
        RCPT TO:<i@j>\r\nDATA\r\n";
    assert_eq!(say(&mut session), told);
}

/// RFC 3461 §4.4: a longer name is 501 to a host that counts, and so the end of the message.
#[test]
fn a_name_longer_than_any_host_takes_is_not_said() {
    for (len, said) in [(ENVID_MAX, true), (ENVID_MAX + 1, false)] {
        let (recipients, envid) = ([to(b"c@d")], "x".repeat(len));
        let named = Envelope { envid: envid.as_bytes(), ..envelope(&recipients) };
        let mut session = greeted_with("250-hi\r\n250 dsn\r\n");
        assert!(session.begin(1, named).is_none());
        assert_eq!(say(&mut session).contains(" ENVID="), said, "{len}");
    }
}

/// A session that has been offered TLS, and has said STARTTLS.
fn asked_for_tls(tls: Tls) -> Session<u8> {
    let mut session = Session::new(Config { tls, ..Config::new("me") });
    for (reply, said) in
        [("220 hi\r\n", "EHLO me\r\n"), ("250-hi\r\n250 STARTTLS\r\n", "STARTTLS\r\n")]
    {
        assert_eq!(hear(&mut session, reply), Heard::Nothing);
        assert_eq!(say(&mut session), said);
    }
    session
}

/// T2, the other way: whoever listens to the line may add to it what is then taken for said under
/// TLS.
#[test]
fn nothing_may_stand_between_the_answer_to_starttls_and_the_handshake() {
    for tls in [Tls::Opportunistic, Tls::Required] {
        let injected = "220 go\r\n250-hi\r\n250 PIPELINING\r\n";
        for cut in 0..=injected.len() {
            let mut session = asked_for_tls(tls);
            let heard = session.hear(&injected.as_bytes()[..cut]);
            match cut {
                0..8 => assert_eq!(heard, Ok((0, None))),
                8 => assert_eq!(heard, Ok((8, Some(Heard::StartTls)))),
                _ => assert_eq!(heard, Err(PeerFault::BeforeTls), "{cut}"),
            }
        }
        let mut session = asked_for_tls(tls);
        assert_eq!(session.waiting(), Some(Patience::Hello));
        assert_eq!(hear(&mut session, "220 go\r\n"), Heard::StartTls);
        assert!(say(&mut session).is_empty() && session.waiting().is_none());
        let heard = session.hear(b"250-hi\r\n250 PIPELINING\r\n");
        assert_eq!(heard, Err(PeerFault::AnswerToNothing));
    }
}

#[test]
fn why_there_is_no_tls_is_known() {
    let offers = "250-hi\r\n250 STARTTLS\r\n";
    for (tls, offers, answer, bare) in [
        (Tls::Off, offers, None, None),
        (Tls::Opportunistic, "250 hi\r\n", None, Some("does not offer STARTTLS")),
        (
            Tls::Opportunistic,
            offers,
            Some("454 4.7.0 not now\r\n"),
            Some("refuses STARTTLS: 454 4.7.0 not now"),
        ),
    ] {
        let mut session = Session::new(Config { tls, ..Config::new("me") });
        hear(&mut session, "220 hi\r\n");
        say(&mut session);
        let mut heard = hear(&mut session, offers);
        if let Some(answer) = answer {
            assert_eq!(say(&mut session), "STARTTLS\r\n");
            heard = hear(&mut session, answer);
        }
        assert_eq!((heard, session.bare()), (Heard::Ready, bare));
    }
}

#[test]
#[should_panic(expected = "a handshake follows")]
fn a_handshake_is_not_made_unasked() {
    let mut session: Session<u8> = Session::new(Config::new("me"));
    session.secured();
}

#[test]
#[should_panic(expected = "when the session wants one")]
fn a_transaction_is_not_begun_unasked() {
    let mut session = Session::new(Config::new("me"));
    let _ = session.begin(1, envelope(&[to(b"c@d")]));
}
