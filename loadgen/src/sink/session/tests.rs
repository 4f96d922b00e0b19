use super::{After, Output, Session};
use crate::ledger::{Row, Verdict};
use crate::message::{Composer, Print};
use crate::recipient;
use crate::sink::{Provider, Site};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

fn session(spec: &str) -> Session {
    let line = format!("listen=127.0.0.1:0{spec}");
    let site = Arc::new(Site::new(Provider::read_line(&line).unwrap(), 1));
    let mut session = Session::new(site, 3, 7, IpAddr::from([127, 0, 0, 1]));
    session.greet(0, &mut Output::default());
    session
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

/// By BDAT, in chunks of any size and however the network cuts it, it is the same message.
#[test]
fn chunks_add_up_to_the_same_message() {
    let (bytes, print) = burst(42);
    let at = memchr::memmem::find(&bytes, b"DATA\r\n").unwrap();
    let wire = &bytes[at + 6..bytes.len() - 3];
    let mut plain = wire.strip_prefix(b".").unwrap_or(wire).to_vec();
    while let Some(dots) = memchr::memmem::find(&plain, b"\r\n..") {
        plain.remove(dots + 3);
        plain[dots + 2] = 0;
    }
    plain.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'.');
    for (chunk_max, packet) in [(1, 700), (2, 3), (97, 1), (1_000, 13), (9_000, 9_000)] {
        let mut session = session("");
        let mut said = bytes[..at].to_vec();
        for chunk in plain.chunks(chunk_max) {
            said.extend_from_slice(format!("BDAT {}\r\n", chunk.len()).as_bytes());
            said.extend_from_slice(chunk);
        }
        said.extend_from_slice(b"BDAT 0 LAST\r\n");
        let (replies, rows, _) = speak(&mut session, &said, packet);
        assert!(codes(&replies).iter().all(|code| *code == "250"), "{replies}");
        let [row] = rows[..] else { panic!("{} rows", rows.len()) };
        assert_eq!((row.id, row.verdict, row.body), (42, Verdict::Delivered, print.body));
        assert_eq!((row.header, row.bytes), (print.header, print.bytes));
    }
}

#[test]
fn a_chunk_for_nobody_is_dropped_and_refused() {
    let said = b"BDAT 6\r\nQUIT\r\nBDAT x\r\nBDAT 0 LAST\r\nNOOP\r\n";
    let (replies, rows, _) = speak(&mut session(""), said, 1);
    assert_eq!(codes(&replies), ["503", "501", "503", "250"]);
    assert!(rows.is_empty());
    let (replies, ..) = speak(&mut session(",chunking=false"), b"BDAT 0 LAST\r\n", 1);
    assert_eq!(codes(&replies), ["500"]);
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

/// A site, and connections to it from one source.
fn door(spec: &str) -> impl FnMut() -> (Session, String, Vec<Row>, After) {
    let line = format!("listen=127.0.0.1:0{spec}");
    let site = Arc::new(Site::new(Provider::read_line(&line).unwrap(), 1));
    let mut number = 0;
    move || {
        number += 1;
        let mut session = Session::new(Arc::clone(&site), 3, number, IpAddr::from([127, 0, 0, 1]));
        let mut output = Output::default();
        let after = session.greet(5, &mut output);
        (session, String::from_utf8(output.replies).unwrap(), output.rows, after)
    }
}

#[test]
fn a_crowded_provider_greets_with_421_and_notes_whose_contract_that_breaks() {
    let mut connect = door(",connections_per_source=1,contract=connections");
    let (mut first, greeted, rows, after) = connect();
    assert!(greeted.starts_with("220 ") && rows.is_empty() && after == After::Continue);
    let (_, greeted, rows, after) = connect();
    assert_eq!(greeted, "421 4.7.0 mx.sink.example Too many concurrent connections\r\n");
    assert_eq!(after, After::Close);
    let [row] = rows[..] else { panic!("{} rows", rows.len()) };
    assert_eq!((row.verdict, row.code, row.header), (Verdict::Broken, 1, 3));
    assert_eq!((row.body, row.bytes, row.session), (2, 1, 2));
    speak(&mut first, b"QUIT\r\n", 99);
    assert!(connect().1.starts_with("220 "), "who has said QUIT counts no longer");
}

#[test]
fn one_message_more_than_a_connection_may_bring_is_noted_but_no_other_command() {
    let (bytes, _) = burst(1);
    let spec = ",messages_per_connection=1,close=say421,contract=messages";
    for (behind, broken) in [(&b"MAIL FROM:<a@b>\r\n"[..], 1), (b"RSET\r\n", 0), (b"QUIT\r\n", 0)] {
        let (_, rows, _) = speak(&mut session(spec), &[&bytes[..], behind].concat(), 9_999);
        let noted = rows.iter().filter(|row| row.verdict == Verdict::Broken).count();
        assert_eq!(noted, broken, "{}", String::from_utf8_lossy(behind));
    }
}

#[test]
fn recipients_have_a_fate_of_their_own_and_a_message_a_number_of_them() {
    let spec = ",recipients.full=452 4.2.2 mailbox full,recipients_per_message=2,one_domain_per_message=true,\
                contract=recipients+domains";
    let said = b"MAIL FROM:<x@y>\r\nRCPT TO:<full.1@b>\r\nRCPT TO:<fuller@b>\r\nRCPT TO:<a@c>\r\n\
                 RCPT TO:<a@B>\r\nRCPT TO:<c@b>\r\n";
    let (replies, rows, _) = speak(&mut session(spec), said, 9_999);
    assert_eq!(codes(&replies), ["250", "452", "250", "451", "250", "452"]);
    assert!(replies.contains("452 4.2.2 mailbox full\r\n"));
    assert_eq!(rows.iter().map(|row| row.code).collect::<Vec<_>>(), [10, 3]);
}

#[test]
fn mail_without_tls_is_turned_down_where_tls_is_demanded() {
    let mut session = session(",tls=demanded,contract=tls");
    let (replies, rows, after) = speak(&mut session, b"MAIL FROM:<x@y>\r\nNOOP\r\n", 99);
    assert!(replies.starts_with("530 5.7.0 Must issue a STARTTLS command first\r\n250 "));
    assert_eq!((rows[0].verdict, after), (Verdict::Broken, After::Continue));
}

#[test]
fn tls_begins_behind_its_220_and_never_with_commands_behind_it() {
    let mut offering = session(",tls=demanded");
    let (replies, _, after) = speak(&mut offering, b"EHLO x\r\nSTARTTLS\r\n", 999);
    assert!(replies.contains("250-STARTTLS\r\n") && replies.ends_with("TLS\r\n"), "{replies}");
    assert_eq!(after, After::StartTls);
    offering.encrypted();
    let (replies, ..) = speak(&mut offering, b"EHLO x\r\nMAIL FROM:<x@y>\r\nSTARTTLS\r\n", 999);
    assert!(!replies.contains("250-STARTTLS"), "{replies}");
    assert_eq!(codes(&replies), ["250", "250", "500"]);
    let (replies, _, after) = speak(&mut session(",tls=offered"), b"STARTTLS\r\nEHLO x\r\n", 999);
    assert_eq!((codes(&replies), after), (vec!["523"], After::Close));
    let (replies, ..) = speak(&mut session(""), b"EHLO x\r\nSTARTTLS\r\n", 999);
    assert!(!replies.contains("STARTTLS") && replies.contains("500 "), "{replies}");
}

#[test]
fn a_spent_quota_is_told_behind_the_dot_and_ends_the_connection() {
    let (bytes, _) = burst(1);
    let twice = [&bytes[..], &bytes[..]].concat();
    let mut session = session(",quota.mail_from=1/h,quota.recovery=10m");
    let (replies, rows, after) = speak(&mut session, &twice, 9_999);
    assert_eq!(codes(&replies), ["250", "250", "354", "250", "250", "250", "354", "421"]);
    assert!(replies.contains("from bulk.example, try again later"), "{replies}");
    let verdicts: Vec<_> = rows.iter().map(|row| (row.verdict, row.code)).collect();
    assert_eq!(verdicts, [(Verdict::Delivered, 250), (Verdict::Deferred, 421)]);
    assert_eq!(after, After::Close);
}

#[test]
fn faults_begin_behind_their_byte_however_the_network_cuts_it() {
    let (bytes, _) = burst(1);
    let second = Duration::from_secs(1);
    for (kind, expected) in
        [("reset", After::Reset), ("endless", After::Endless(second)), ("half-open", After::Mute)]
    {
        for at in [1, 40, bytes.len() - 1, bytes.len()] {
            for packet in [1, 7, bytes.len()] {
                let mut session = session(&format!(",fault.kind={kind},fault.at_byte={at}"));
                let (mut output, mut held) = (Output::default(), Vec::new());
                let (mut after, mut sent) = (After::Continue, 0);
                for part in bytes.chunks(packet) {
                    held.extend_from_slice(part);
                    sent += part.len();
                    let (used, next) = session.step(&held, 5, &mut output);
                    held.drain(..used);
                    after = next;
                    if next != After::Continue {
                        break;
                    }
                }
                assert_eq!(after, expected, "{kind} at {at}, packets of {packet}");
                assert!(sent >= at && sent < at + packet, "{kind} at {at}: after {sent}");
                assert_eq!(output.messages, u64::from(at == bytes.len()));
                session.leave(6);
            }
        }
        let (_, greeted, _, after) = door(&format!(",fault.kind={kind}"))();
        assert_eq!((greeted.as_str(), after), ("", expected), "{kind} before the greeting");
    }
}

#[test]
fn a_tarpit_drips_from_its_byte_on() {
    let (mut session, greeted, ..) = door(",fault.kind=tarpit,fault.at_byte=6,fault.pause=20ms")();
    assert!(greeted.starts_with("220 ") && session.drips().is_none());
    let (replies, ..) = speak(&mut session, b"NOOP\r\nNOOP\r\n", 99);
    assert_eq!(codes(&replies), ["250", "250"]);
    assert_eq!(session.drips(), Some(Duration::from_millis(20)));
}
