//! Limits that are a peer's own, beside those of its listener.

use super::{Config, FRIEND, Refusal, Rights, Session, Step, hear};
use std::sync::Arc;

/// Whoever comes by way of a source with a smaller limit hears of it before it sends a text.
#[test]
fn a_message_keeps_to_the_limit_of_its_source() {
    let mut session = Session::new(Arc::new(Config::new("mx.example")), FRIEND);
    session.bound(5);
    assert!(hear(&mut session, b"EHLO c\r\n").1.contains("\r\n250-SIZE 5\r\n"));
    let too_big = Refusal::SourceMessageBytes.line();
    assert_eq!(hear(&mut session, b"MAIL FROM:<a@b> SIZE=6\r\n").1, too_big);
    let begin = |session: &mut Session| {
        hear(session, b"MAIL FROM:<a@b> SIZE=5\r\nRCPT TO:<c@d>\r\n");
    };
    begin(&mut session);
    hear(&mut session, b"DATA\r\n");
    let (steps, said) = hear(&mut session, b"abcd\r\n.\r\n");
    assert_eq!((&steps[..], &*said), (&[Step::Discard][..], too_big));
    begin(&mut session);
    let (steps, said) = hear(&mut session, b"BDAT 6 LAST\r\nabcd\r\n");
    assert_eq!((&steps[..], &*said), (&[Step::Discard][..], too_big));
    begin(&mut session);
    let (steps, _) = hear(&mut session, b"BDAT 5 LAST\r\nabc\r\n");
    assert!(matches!(steps[..], [Step::Text(b"abc\r\n"), Step::Commit(_)]), "{steps:?}");
}

#[test]
fn the_smaller_limit_holds_and_is_named() {
    let config = Config { message_bytes_max: 5, ..Config::new("mx.example") };
    let mut session = Session::new(Arc::new(config), FRIEND);
    session.bound(9);
    let (_, said) = hear(&mut session, b"EHLO c\r\nMAIL FROM:<a@b> SIZE=6\r\n");
    assert!(said.contains("\r\n250-SIZE 5\r\n"), "{said}");
    assert!(said.ends_with(Refusal::MessageTooBig.line()), "{said}");
}

/// RFC 5321 §4.5.3.2.7: a client has minutes for its next command, and BDAT is one.
#[test]
fn between_chunks_no_text_is_due() {
    let mut session = Session::new(Arc::new(Config::new("mx.example")), FRIEND);
    let due = |session: &mut Session, said: &[u8]| {
        hear(session, said);
        (session.in_text(), session.awaits_text())
    };
    let envelope = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
    assert_eq!(due(&mut session, envelope), (false, false));
    assert_eq!(due(&mut session, b"BDAT 5\r\nab"), (true, true));
    assert_eq!(due(&mut session, b"c\r\n"), (true, false));
    assert_eq!(due(&mut session, b"BDAT 5\r\n"), (true, true));
    // One that is refused is sent all the same.
    assert_eq!(due(&mut session, b"a\r\rb"), (true, true));
    assert_eq!(due(&mut session, b"c"), (false, false));
    let mut session = Session::new(Arc::new(Config::new("mx.example")), FRIEND);
    assert_eq!(due(&mut session, &[envelope, &b"DATA\r\n"[..]].concat()), (true, true));
}

/// Whoever may bring mail to our postmaster only gets the recipients that every server takes.
#[test]
fn a_stranger_names_no_thousand_postmasters() {
    let mut session = Session::new(Arc::new(Config::new("mx.example")), Rights::default());
    let group = [b"EHLO c\r\nMAIL FROM:<>\r\n", &b"RCPT TO:<postmaster>\r\n".repeat(101)[..]];
    let group = group.concat();
    let (steps, said) = hear(&mut session, &group);
    assert_eq!(steps.len(), 101, "a sender, and a hundred recipients");
    assert!(said.ends_with(Refusal::TooManyRecipients.line()), "{said}");
}
