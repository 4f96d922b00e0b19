mod bounds;
mod chunks;
mod model;
mod table;

use super::{
    Config, Denial, Door, Facts, Refusal, Rights, SASL_LINE_MAX, Sasl, Session, State, Step,
};
use event::MessageId;
use std::sync::Arc;
use table::generous;

const FRIEND: Rights = Rights { relay: true, xclient: false };

/// Speaks all of `input` at once; returns the steps that mean something, and the replies.
fn hear<'i>(session: &mut Session, mut input: &'i [u8]) -> (Vec<Step<'i>>, String) {
    let (mut steps, mut replies) = (Vec::new(), Vec::new());
    while let Some((used, step)) = session.step(input, Door::Open, &mut replies) {
        input = &input[used..];
        if step != Step::Continue {
            steps.push(step);
        }
    }
    (steps, String::from_utf8(replies).unwrap())
}

fn session(config: Config) -> Session {
    Session::new(Arc::new(config), FRIEND)
}

const ENVELOPE: &[u8] = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";

fn in_text(config: Config) -> Session {
    let mut session = session(config);
    hear(&mut session, ENVELOPE);
    assert!(session.in_text());
    session
}

/// T5: what follows DATA in one breath was not invited.
#[test]
fn text_behind_data_is_refused() {
    let mut session = session(Config::new("mx.example"));
    let input = [ENVELOPE, b"Subject: early\r\n"].concat();
    let (steps, replies) = hear(&mut session, &input);
    assert_eq!(steps.last(), Some(&Step::Close));
    assert!(replies.ends_with("503 5.5.1 text before it was asked for\r\n"), "{replies}");
}

/// RFC 2920 §3.2: a message and the next envelope in one read are answered in one write.
#[test]
fn a_burst_is_one_burst_of_replies() {
    let mut session = in_text(Config::new("mx.example"));
    let input = b"Hi\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    let mut replies = Vec::new();
    let mut used = 0;
    let mut text = Vec::new();
    loop {
        match session.step(&input[used..], Door::Open, &mut replies) {
            Some((taken, step)) => {
                used += taken;
                if let Step::Text(slice) = step {
                    text.push(slice);
                }
            }
            None if session.state == State::Committing => {
                assert_eq!(session.step(&input[used..], Door::Open, &mut replies), None);
                session.committed(MessageId { log: 0, boot: 1, count: 2 }, &mut replies);
            }
            None => break,
        }
    }
    assert_eq!(text, [b"Hi\r\n"]);
    let codes = String::from_utf8(replies).unwrap();
    let codes = codes.lines().map(|line| &line[..3]).collect::<Vec<_>>();
    assert_eq!(codes, ["250", "250", "250", "354"]);
}

#[test]
fn a_message_of_exactly_the_limit_is_taken_and_one_octet_more_is_not() {
    let config = || Config { message_bytes_max: 5, ..Config::new("mx.example") };
    let facts =
        |bytes, dots| Step::Commit(Facts { bytes, dots, ends_with_crlf: true, ..Facts::default() });
    let last = |text: &'static [u8]| hear(&mut in_text(config()), text).0.pop();
    assert_eq!(last(b"abc\r\n.\r\n"), Some(facts(5, 0)));
    assert_eq!(last(b"..bc\r\n.\r\n"), Some(facts(6, 1)), "the dot in front is not counted");
    let mut session = in_text(config());
    let (steps, replies) = hear(&mut session, b"abcd\r\n.\r\nNOOP\r\n");
    assert_eq!(steps, [Step::Discard]);
    assert_eq!(replies, "552 5.3.4 limit message_bytes_max exceeded\r\n250 2.0.0 ok\r\n");
}

/// T9: a refused text does not go on for ever.
#[test]
fn an_endless_refused_text_ends_the_connection() {
    let mut session = in_text(Config { message_bytes_max: 5_000, ..Config::new("mx.example") });
    let line = [b'x'; 2_000];
    let mut replies = Vec::new();
    let mut taken = 0;
    loop {
        match session.step(&line, Door::Open, &mut replies) {
            Some((_, Step::Close)) => break,
            Some((used, _)) => taken += used,
            None => panic!("it waits for the end"),
        }
    }
    assert!(taken < 10_000, "{taken}");
    assert_eq!(replies, Refusal::TextLineTooLong.line().as_bytes());
    assert_eq!(session.step(&line, Door::Open, &mut replies), None);
}

#[test]
fn five_verbs_of_another_protocol_are_enough() {
    let mut session = session(Config::new("mx.example"));
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nAccept: z\r\nCookie: w\r\n\r\n";
    let (steps, replies) = hear(&mut session, request);
    assert_eq!(steps, [Step::Close]);
    assert_eq!(replies.lines().count(), 5);
    assert!(replies.ends_with(Refusal::TooManyErrors.line()), "{replies}");
}

#[test]
fn errors_are_forgiven_by_a_message() {
    let mut session = session(Config { errors_max: 3, ..Config::new("mx.example") });
    hear(&mut session, b"EHLO c\r\n");
    for _ in 0..3 {
        hear(&mut session, b"MAIL FROM:<@>\r\nMAIL FROM:bad\r\n");
        hear(&mut session, b"MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
        let (steps, _) = hear(&mut session, b".\r\n");
        assert!(matches!(steps[..], [Step::Commit(_)]), "{steps:?}");
        session.committed(MessageId { log: 0, boot: 1, count: 1 }, &mut Vec::new());
    }
    let (steps, _) = hear(&mut session, b"MAIL\r\nMAIL\r\nMAIL\r\n");
    assert_eq!(steps, [Step::Close]);
}

/// RFC 2920: the tail of a pipelined group whose head was refused is no error of its own.
#[test]
fn a_refused_sender_with_many_recipients_behind_it_keeps_the_connection() {
    let mut session = session(Config::new("mx.example"));
    let group = [
        b"EHLO c\r\nMAIL FROM:<a@b> SIZE=99999999999\r\n".as_slice(),
        &b"RCPT TO:<c@d>\r\n".repeat(200),
        b"DATA\r\nQUIT\r\n",
    ]
    .concat();
    let (steps, replies) = hear(&mut session, &group);
    assert_eq!(steps, [Step::Close]);
    assert!(replies.ends_with("503 5.5.1 bad sequence of commands\r\n221 2.0.0 bye\r\n"));
}

#[test]
fn commands_that_lead_to_nothing_have_an_end() {
    for command in [b"NOOP\r\n".as_slice(), b"RSET\r\n", b"EHLO c\r\n", b"RCPT TO:<a@b>\r\n"] {
        let mut session = session(Config { chatter_max: 50, ..Config::new("mx.example") });
        let input = command.repeat(100);
        let (steps, replies) = hear(&mut session, &input);
        assert_eq!(steps, [Step::Close]);
        assert!(replies.ends_with(Refusal::TooMuchChatter.line()), "{replies}");
    }
}

#[test]
fn transactions_on_one_connection_have_an_end() {
    let mut session = session(Config { transactions_max: 2, ..Config::new("mx.example") });
    let input = [b"EHLO c\r\n".as_slice(), &b"MAIL FROM:<>\r\nRSET\r\n".repeat(3)].concat();
    let (steps, replies) = hear(&mut session, &input);
    assert_eq!(steps.last(), Some(&Step::Close));
    assert!(replies.ends_with(Refusal::TooManyMessages.line()));
}

#[test]
fn a_rejected_message_leaves_the_connection_open_unless_it_is_to_end() {
    for (refusal, then) in [(Refusal::Loop, None), (Refusal::ShuttingDown, Some((0, Step::Close)))]
    {
        let mut session = in_text(Config::new("mx.example"));
        hear(&mut session, b".\r\n");
        let mut replies = Vec::new();
        session.rejected(refusal, &mut replies);
        assert_eq!(replies, refusal.line().as_bytes());
        assert_eq!(session.step(b"", Door::Open, &mut replies), then);
    }
}

#[test]
#[should_panic(expected = "no commit is outstanding")]
fn a_message_we_do_not_hold_is_never_accepted() {
    session(Config::new("mx.example"))
        .committed(MessageId { log: 0, boot: 0, count: 0 }, &mut Vec::new());
}

/// T2: what came in clear text behind STARTTLS is never read, in one segment or in two.
#[test]
fn nothing_behind_starttls_is_read() {
    let mut session = session(generous());
    let (steps, replies) = hear(&mut session, b"EHLO c\r\nSTARTTLS\r\nMAIL FROM:<evil@x>\r\n");
    assert_eq!(steps, [Step::Close]);
    assert!(replies.ends_with(Refusal::EarlyHandshake.line()), "{replies}");

    let mut session = self::session(generous());
    let (steps, replies) = hear(&mut session, b"EHLO c\r\nSTARTTLS\r\n");
    assert_eq!(steps, [Step::StartTls]);
    assert!(replies.ends_with("220 2.0.0 ready for TLS\r\n"), "{replies}");
    assert_eq!(hear(&mut session, b"MAIL FROM:<evil@x>\r\n"), (vec![], String::new()));
    session.secured();
    let (_, replies) = hear(&mut session, b"MAIL FROM:<a@b>\r\n");
    assert_eq!(replies, Refusal::OutOfOrder.line(), "EHLO is forgotten");
}

#[test]
#[should_panic(expected = "no handshake is due")]
fn a_connection_is_secured_once() {
    let mut session = session(generous());
    session.secured();
    session.secured();
}

/// RFC 4954 §4: 12,288 octets, AUTH itself among them; other commands keep their own limit.
#[test]
fn an_authentication_has_longer_lines() {
    let line =
        |len: usize| [b"AUTH PLAIN ".to_vec(), vec![b'x'; len - 13], b"\r\n".to_vec()].concat();
    let mut session = session(generous());
    session.secured();
    hear(&mut session, b"EHLO c\r\n");
    let longest = line(SASL_LINE_MAX);
    let (steps, _) = hear(&mut session, &longest);
    assert!(matches!(steps[..], [Step::Sasl(Sasl::Begin { .. })]));
    session.denied(Denial::Malformed, &mut Vec::new());
    let too_long = line(SASL_LINE_MAX + 1);
    let (steps, replies) = hear(&mut session, &too_long);
    assert_eq!((steps, &replies[..]), (vec![Step::Close], Refusal::AuthLineTooLong.line()));

    let mut clear = self::session(generous());
    let (_, replies) = hear(&mut clear, &longest);
    assert_eq!(replies, Refusal::LineTooLong.line(), "AUTH is not offered in clear text");
}

/// A caller that is asked for a verdict has the word.
#[test]
fn nothing_is_read_while_an_answer_is_judged() {
    let mut session = session(generous());
    session.secured();
    let (steps, _) = hear(&mut session, b"EHLO c\r\nAUTH LOGIN\r\nYQ==\r\n");
    assert_eq!(steps.len(), 1);
    let mut replies = Vec::new();
    session.challenge(b"VXNlcm5hbWU6", &mut replies);
    assert_eq!(replies, b"334 VXNlcm5hbWU6\r\n");
    assert_eq!(hear(&mut session, b"YQ==\r\n").0, [Step::Sasl(Sasl::Answer(b"YQ=="))]);
    session.authenticated(&mut replies);
    assert!(session.is_authenticated());
}
