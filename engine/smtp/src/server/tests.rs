mod bounds;
mod chunks;
mod model;
mod table;

use super::{
    Auth, Config, Denial, Door, Facts, Mail, Porter, Rcpt, Refusal, Rights, SASL_LINE_MAX, Sasl,
    Session, State, Step,
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

/// Where nobody has SCRAM keys.
struct Keyless;

impl Porter for Keyless {
    fn takes_scram(&self) -> bool {
        false
    }

    fn sender(&mut self, _: &Mail<'_>) -> Door {
        Door::Open
    }

    fn recipient(&mut self, _: &Rcpt<'_>) -> Door {
        Door::Open
    }
}

#[test]
fn scram_is_offered_where_somebody_has_keys_and_taken_nowhere_else() {
    let mut session = session(Config { auth: Auth::Always, ..Config::new("mx.example") });
    let mut say = |line: &[u8], keys: bool| {
        let mut replies = Vec::new();
        let step = if keys {
            session.step(line, &mut Door::Open, &mut replies)
        } else {
            session.step(line, &mut Keyless, &mut replies)
        };
        (matches!(step, Some((_, Step::Sasl(_)))), String::from_utf8(replies).unwrap())
    };
    assert!(say(b"EHLO c\r\n", true).1.contains("\r\n250-AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"));
    // Those who had some have gone.
    assert!(say(b"EHLO c\r\n", false).1.contains("\r\n250-AUTH PLAIN LOGIN\r\n"));
    let unknown = (false, "504 5.5.4 unknown mechanism\r\n".to_owned());
    assert_eq!(say(b"AUTH SCRAM-SHA-256 biws\r\n", false), unknown);
    assert!(say(b"AUTH SCRAM-SHA-256 biws\r\n", true).0);
}

/// A filter says how its client greeted, and that it has logged in.
#[test]
fn whom_a_filter_vouches_for_need_not_greet_or_log_in() {
    let config = Config { auth: Auth::Always, auth_required: true, ..Config::new("mx.example") };
    let rights = Rights { relay: true, xclient: true };
    let mut session = Session::new(Arc::new(config.clone()), rights);
    hear(&mut session, b"XCLIENT HELO=c+2C+3Bd PROTO=ESMTP\r\n");
    assert_eq!((session.helo(), session.greeted_with_ehlo()), (&b"c??d"[..], true));
    let (_, said) = hear(&mut session, b"MAIL FROM:<a@b>\r\n");
    assert!(said.starts_with("530 5.7.0"), "{said}");
    session.vouched_for();
    let (steps, said) = hear(&mut session, b"EHLO filter\r\nMAIL FROM:<a@b>\r\nRSET\r\n");
    assert!(matches!(steps[..], [Step::Sender(_), Step::Discard]), "{steps:?}");
    assert!(!said.contains("AUTH"), "it has logged in: {said}");
    assert_eq!(session.helo(), b"filter", "a greeting that follows stands");
    // Another client, of whom less is said and who is told something else.
    hear(&mut session, b"XCLIENT HELO=old\r\n");
    assert!(!session.greeted_with_ehlo() && !session.is_authenticated());
    hear(&mut session, b"XCLIENT ADDR=192.0.2.1 HELO=[UNAVAILABLE] PROTO=ESMTP\r\n");
    session.reconfigure(Arc::new(Config { auth: Auth::Never, ..config }));
    assert!(hear(&mut session, b"MAIL FROM:<a@b>\r\n").1.starts_with("503"), "it has not greeted");
    let (_, said) = hear(&mut session, b"EHLO c\r\n");
    assert!(!said.contains("AUTH"), "{said}");
}

#[test]
fn what_a_filter_says_is_bounded_and_may_be_beyond_ascii_only_in_a_login() {
    let mut session = Session::new(Arc::new(generous()), Rights { relay: false, xclient: true });
    let long = |attribute: &str, count| format!("{attribute}={}", "x".repeat(count));
    let cases = [
        (long("HELO", 255), true),
        (long("HELO", 256), false),
        (long("NAME", 255), true),
        (long("NAME", 256), false),
        (long("LOGIN", 255), true),
        (long("LOGIN", 256), false),
        ("LOGIN=gr+C3+BCn".to_owned(), true),
        ("NAME=gr+C3+BCn".to_owned(), false),
        ("HELO=gr+C3+BCn".to_owned(), false),
        ("LOGIN=gr+C3n".to_owned(), false),
        ("LOGIN=a+0Ab".to_owned(), false),
        ("LOGIN=a+C2+9Bb".to_owned(), false),
    ];
    for (attribute, taken) in cases {
        let line = format!("XCLIENT {attribute}\r\n");
        let (_, said) = hear(&mut session, line.as_bytes());
        assert_eq!(said.starts_with("220"), taken, "{attribute}: {said}");
    }
}
