use super::{Config, Door, Facts, Refusal, Session, State, Step};
use crate::address::Path;
use crate::command::{Command, Mail};
use event::MessageId;
use std::fmt::Write as _;
use std::sync::Arc;
use std::{env, fs};

const TABLE: &str = "src/server/transitions.txt";

/// Every state against every command, on one screen.
#[test]
fn transitions_are_as_written() {
    let states = [
        State::Fresh,
        State::Ready,
        State::Envelope { recipients: 0, utf8: false },
        State::Envelope { recipients: 1, utf8: false },
        State::Envelope { recipients: 100, utf8: false },
        State::Envelope { recipients: 1, utf8: true },
    ];
    let mut table = format!("{:16}", "");
    for (name, ..) in columns() {
        write!(table, "{name:19}").unwrap();
    }
    for state in states {
        write!(table, "\n{:16}", show(state)).unwrap();
        for (_, command, door, may_relay) in columns() {
            write!(table, "{:19}", cell(state, command, door, may_relay)).unwrap();
        }
    }
    let table = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>();
    if env::var_os("BLESS").is_some() {
        fs::write(TABLE, &table).unwrap();
    }
    assert_eq!(table, fs::read_to_string(TABLE).unwrap());
}

fn columns() -> [(&'static str, Command<'static>, Door, bool); 18] {
    use Command as C;
    use Door::{Draining, Full, Open};
    let mail = Mail { path: b"a@b", size: None, eight_bit: false, utf8: false };
    let rcpt = Path { mailbox: b"c@d", utf8: false, literal: false };
    let postmaster = Path { mailbox: b"Postmaster", ..rcpt };
    [
        ("EHLO", C::Ehlo(b"h"), Open, true),
        ("HELO", C::Helo(b"h"), Open, true),
        ("MAIL", C::Mail(mail), Open, true),
        ("MAIL utf8", C::Mail(Mail { utf8: true, ..mail }), Open, true),
        ("MAIL too big", C::Mail(Mail { size: Some(u64::MAX), ..mail }), Open, true),
        ("MAIL disk full", C::Mail(mail), Full, true),
        ("MAIL stopping", C::Mail(mail), Draining, true),
        ("RCPT", C::Rcpt(rcpt), Open, true),
        ("RCPT utf8", C::Rcpt(Path { utf8: true, ..rcpt }), Open, true),
        ("RCPT literal", C::Rcpt(Path { literal: true, ..rcpt }), Open, true),
        ("RCPT stranger", C::Rcpt(rcpt), Open, false),
        ("RCPT postmaster", C::Rcpt(postmaster), Open, false),
        ("DATA", C::Data, Open, true),
        ("RSET", C::Rset, Open, true),
        ("NOOP", C::Noop, Open, true),
        ("VRFY", C::Vrfy, Open, true),
        ("HELP", C::Help, Open, true),
        ("QUIT", C::Quit, Open, true),
    ]
}

fn cell(state: State, command: Command<'_>, door: Door, may_relay: bool) -> String {
    let config = Config { recipients_max: 100, ..Config::new("mx.example") };
    let session = Session { state, ..Session::new(Arc::new(config), may_relay) };
    match session.transition(command, door) {
        Ok((next, reply, _)) => format!("{} {}", reply.code(&session.config), show(next)),
        Err(refusal) if refusal.ends_connection() => format!("{} Closing", refusal.code()),
        Err(refusal) => refusal.code().to_string(),
    }
}

fn show(state: State) -> String {
    match state {
        State::Envelope { recipients, utf8: false } => format!("Envelope {recipients}"),
        State::Envelope { recipients, utf8: true } => format!("Envelope {recipients} u"),
        State::Text(_) => "Text".into(),
        state => format!("{state:?}"),
    }
}

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
    Session::new(Arc::new(config), true)
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
    let facts = |bytes, dotted| Step::Commit(Facts { bytes, dotted, eight_bit: false });
    let last = |text: &'static [u8]| hear(&mut in_text(config()), text).0.pop();
    assert_eq!(last(b"abc\r\n.\r\n"), Some(facts(5, false)));
    assert_eq!(last(b"..bc\r\n.\r\n"), Some(facts(6, true)), "the dot in front is not counted");
    let mut session = in_text(config());
    let (steps, replies) = hear(&mut session, b"abcd\r\n.\r\nNOOP\r\n");
    assert_eq!(steps, [Step::Discard]);
    assert_eq!(replies, "552 5.3.4 message too big\r\n250 2.0.0 ok\r\n");
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
    assert!(replies.ends_with("421 4.7.0 too many errors\r\n"), "{replies}");
}

#[test]
fn errors_are_forgiven_by_a_message() {
    let mut session = session(Config { errors_max: 3, ..Config::new("mx.example") });
    hear(&mut session, b"EHLO c\r\n");
    for _ in 0..3 {
        hear(&mut session, b"MAIL FROM:<@>\r\nMAIL FROM:bad\r\n");
        hear(&mut session, b"MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
        let (steps, _) = hear(&mut session, b".\r\n");
        assert_eq!(steps, [Step::Commit(Facts::default())]);
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
        assert!(replies.ends_with("421 4.7.0 too many errors\r\n"), "{replies}");
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
