use super::{After, Output, Session};
use crate::ledger::{Row, Verdict};
use crate::message::{Composer, Print};
use crate::recipient;
use crate::sink::{Judge, Provider};
use std::sync::Arc;

fn session(spec: &str) -> Session {
    let line = format!("listen=127.0.0.1:0{spec}");
    Session::new(Arc::new(Judge::new(Provider::read_line(&line).unwrap(), 1)), 7)
}

fn sender(id: u64) -> String {
    let mut address = Vec::new();
    recipient::sender(id, "bulk.example", &mut address);
    String::from_utf8(address).unwrap()
}

/// The transaction of message `id` in one burst, and the checksums of its text.
fn burst(id: u64) -> (Vec<u8>, Print) {
    let mut bytes =
        format!("MAIL FROM:<{}>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n", sender(id)).into_bytes();
    bytes.extend_from_slice(b"Received: from x by y\r\n\twith ESMTP; now\r\n");
    let composer = Composer::new(1, "bulk.example", "today");
    let print = composer.write(id, 2_000, false, b"a@b.example", &mut bytes);
    bytes.extend_from_slice(b".\r\n");
    (bytes, print)
}

/// Speaks `bytes` in packets of this many; the replies, the rows, and what was to be done last.
fn speak(session: &mut Session, bytes: &[u8], packet: usize) -> (String, Vec<Row>, After) {
    let (mut output, mut held, mut after) = (Output::default(), Vec::new(), After::Continue);
    for part in bytes.chunks(packet) {
        held.extend_from_slice(part);
        let (used, next) = session.step(&held, 5, &mut output);
        held.drain(..used);
        after = next;
    }
    (String::from_utf8(output.replies).unwrap(), output.rows, after)
}

fn codes(replies: &str) -> Vec<&str> {
    replies.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect()
}

#[test]
fn a_message_is_written_down_however_the_network_cuts_it() {
    let (bytes, print) = burst(42);
    for packet in 1..=bytes.len() {
        let mut session = session("");
        let (replies, rows, after) = speak(&mut session, &bytes, packet);
        assert_eq!(codes(&replies), ["250", "250", "354", "250"], "packets of {packet}");
        let [row] = rows[..] else { panic!("{} rows", rows.len()) };
        assert_eq!((row.id, row.verdict, row.session, row.at), (42, Verdict::Delivered, 7, 5));
        assert_eq!(row.recipient, crate::hash::address(b"a@b.example"));
        assert_eq!((row.body, row.header, row.bytes), (print.body, print.header, print.bytes));
        assert_eq!(after, After::Continue);
    }
}

#[test]
fn a_changed_byte_of_the_body_is_noticed_at_once() {
    let (mut bytes, print) = burst(1);
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    let mut output = Output::default();
    session("").step(&bytes, 0, &mut output);
    assert_eq!(output.corrupt, 1);
    assert_ne!(output.rows[0].body, print.body);
}

#[test]
fn the_connection_closes_after_its_messages_silently_or_with_421() {
    let (bytes, _) = burst(1);
    let twice = [&bytes[..], &bytes[..]].concat();
    let mut silent = session(",messages_per_connection=1");
    let (replies, rows, after) = speak(&mut silent, &twice, twice.len());
    assert_eq!(
        (codes(&replies), rows.len(), after),
        (vec!["250", "250", "354", "250"], 1, After::Close)
    );
    let mut polite = session(",messages_per_connection=1,close=say421");
    let (replies, rows, after) = speak(&mut polite, &twice, twice.len());
    let expected = vec!["250", "250", "354", "250", "421"];
    assert_eq!((codes(&replies), rows.len(), after), (expected, 1, After::Close));
}

#[test]
fn the_deferred_are_taken_at_the_next_attempt_and_the_failed_never() {
    for (spec, stage) in [("", "RCPT"), (",verdict_at=final", "dot")] {
        let mut deferring = session(&format!(",defer=1.0{spec}"));
        let (bytes, _) = burst(9);
        let said: Vec<_> = (0..2)
            .map(|_| {
                let (_, rows, _) =
                    speak(&mut deferring, &[&b"RSET\r\n"[..], &bytes].concat(), 9_999);
                (rows[0].id, rows[0].verdict, rows[0].code)
            })
            .collect();
        assert_eq!(said, [(9, Verdict::Deferred, 450), (9, Verdict::Delivered, 250)], "at {stage}");
        let mut failing = session(&format!(",fail=1.0{spec}"));
        let (_, rows, _) = speak(&mut failing, &bytes, 9_999);
        assert_eq!(
            (rows[0].id, rows[0].verdict, rows[0].code),
            (9, Verdict::Failed, 550),
            "at {stage}"
        );
    }
}

#[test]
fn reports_and_strangers_are_told_apart() {
    let report =
        format!("MAIL FROM:<>\r\nRCPT TO:<{}>\r\nDATA\r\nSubject: no\r\n\r\n.\r\n", sender(3));
    let (_, rows, _) = speak(&mut session(""), report.as_bytes(), 9_999);
    assert_eq!((rows[0].id, rows[0].verdict), (3, Verdict::Reported));
    let other = b"MAIL FROM:<x@y>\r\nRCPT TO:<a@b>\r\nDATA\r\nSubject: hi\r\n\r\n.\r\n";
    let (_, rows, _) = speak(&mut session(""), other, 9_999);
    assert_eq!((rows[0].id, rows[0].verdict), (0, Verdict::Stranger));
}

#[test]
fn commands_out_of_order_are_refused_and_an_empty_text_ends_at_its_dot() {
    for (said, answered) in [
        ("RCPT TO:<a@b>\r\n", &["503"][..]),
        ("DATA\r\n", &["503"]),
        ("MAIL FROM:<a@b>\r\nDATA\r\n", &["250", "554"]),
        ("MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", &["250", "503"]),
        ("MAIL FROM:a@b\r\n", &["501"]),
        (
            "FROB\r\nNOOP\r\nRSET\r\nEHLO x\r\nHELO x\r\nQUIT\r\n",
            &["500", "250", "250", "250", "250", "221"],
        ),
        ("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n", &["250", "250", "354", "250"]),
    ] {
        for packet in 1..=said.len() {
            let (replies, ..) = speak(&mut session(""), said.as_bytes(), packet);
            assert_eq!(codes(&replies), answered, "{said:?} in packets of {packet}");
        }
    }
}

#[test]
fn a_crowded_provider_greets_with_421() {
    let mut replies = Vec::new();
    assert_eq!(session("").greet(true, &mut replies), After::Close);
    assert!(replies.starts_with(b"421 4.7.0 "));
}
