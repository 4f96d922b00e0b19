//! What a sender asks to be told, by Ringpost or by the host behind it.

use crate::common::{Mailboxes, PATIENCE, RETRY_SOON, route};
use crate::spool_tools::spool;
use std::fs;
use std::io;
use tests::recorder::{Mail, Recorder};
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{tool, wait};

const TEXT: &str = "Subject: asked\r\n\r\n..hello\r\n.";

/// Says the envelope of a message from `me@sender.test`: what stands behind MAIL's path, and
/// each recipient with what stands behind its own.
fn envelope(ringpost: &Ringpost, mail: &str, recipients: &[&str]) -> io::Result<Speaker> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.say(&format!("MAIL FROM:<me@sender.test>{mail}"), "250")?;
    for recipient in recipients {
        speaker.say(&format!("RCPT TO:{recipient}"), "250")?;
    }
    Ok(speaker)
}

fn says(mail: &Mail, words: &str) -> bool {
    String::from_utf8_lossy(&mail.text).contains(words)
}

fn drained(ringpost: &Ringpost) -> io::Result<()> {
    wait::until("an empty queue", PATIENCE, || (ringpost.queued().ok()? == 0).then_some(()))
}

/// A real Postfix offers DSN: it is told, and reports itself; we do not.
#[test]
fn postfix_is_told_what_was_asked_and_reports_it() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("dsn-postfix")?;
    let sender = Recorder::start()?;
    let relayhost = format!("[127.0.0.1]:{}", sender.address().port());
    let settings = [("relayhost", relayhost.as_str())];
    let mailboxes = Mailboxes::start(&scratch.path().join("postfix"), &settings)?;
    let settings =
        route("site.test", mailboxes.postfix.address()) + &route("sender.test", sender.address());
    let ringpost = Ringpost::start(&scratch.path().join("relay"), &settings)?;
    let asked = "<a@site.test> NOTIFY=SUCCESS ORCPT=rfc822;Ann+2Bnews@other.test";
    let mut speaker = envelope(&ringpost, " RET=HDRS ENVID=QQ+20314", &[asked])?;
    speaker.say("DATA", "354")?;
    speaker.say(TEXT, "250")?;

    mailboxes.wait_for(1)?;
    let reports = sender.wait_for(1, PATIENCE)?;
    drained(&ringpost)?;
    assert_eq!(reports.len(), 1, "only Postfix reports: {reports:?}");
    for words in [
        "Reporting-MTA: dns; postfix.test",
        "Original-Envelope-Id: QQ 314",
        "Original-Recipient: rfc822;Ann+news@other.test",
        "Action: delivered",
    ] {
        assert!(says(&reports[0], words), "no {words} in {:?}", reports[0]);
    }
    Ok(())
}

/// What a recorder without DSN says to each of these, by the first word of the address.
fn mood(recipient: &str) -> String {
    match recipient.split(['-', '@']).next() {
        Some("no") => "550 5.1.1 nobody here".into(),
        Some("later") => "450 4.2.1 come again".into(),
        _ => "250 2.1.5 fine".into(),
    }
}

/// RFC 3461 §5.2.2: to a host without DSN nothing is said of it, and we report in its place, to
/// each as it asked.
#[test]
fn without_dsn_behind_us_we_report_as_asked() -> io::Result<()> {
    let scratch = Scratch::new("dsn-sink")?;
    let (site, sender) = (Recorder::answering(mood)?, Recorder::start()?);
    let settings = route("site.test", site.address()) + &route("sender.test", sender.address());
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let recipients = [
        "<yes-asked@site.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@other.test",
        "<yes@site.test>",
        "<yes-never@site.test> NOTIFY=NEVER",
        "<no-never@site.test> NOTIFY=NEVER",
        "<no-success@site.test> NOTIFY=SUCCESS,DELAY",
        "<no@site.test>",
        "<no-asked@site.test> NOTIFY=FAILURE ORCPT=rfc822;second@other.test",
    ];
    let mut speaker = envelope(&ringpost, " RET=FULL ENVID=E1", &recipients)?;
    speaker.say("DATA", "354")?;
    speaker.say(TEXT, "250")?;

    let mails = site.wait_for(1, PATIENCE)?;
    let plain =
        ["<yes-asked@", "<yes@", "<yes-never@"].map(|who| format!("RCPT TO:{who}site.test>"));
    assert_eq!(mails[0].commands[1..], plain);
    assert!(!mails[0].commands[0].contains("RET") && says(&mails[0], "\r\n.hello\r\n"));
    let reports = sender.wait_for(2, PATIENCE)?;
    drained(&ringpost)?;
    assert_eq!(sender.mails().len(), 2, "a report of each kind: {reports:?}");
    let by = |action: &str| reports.iter().find(|mail| says(mail, action)).expect("there is one");
    let (relayed, failed) = (by("Action: relayed\r\n"), by("Action: failed\r\n"));
    for report in [relayed, failed] {
        assert!(report.sender.is_empty() && says(report, "Original-Envelope-Id: E1\r\n"));
    }
    assert_eq!(named(relayed), ["yes-asked@site.test"]);
    assert!(says(relayed, "Original-Recipient: rfc822;first@other.test\r\n"));
    assert!(says(relayed, "text/rfc822-headers") && !says(relayed, ".hello"), "its header only");
    assert_eq!(named(failed), ["no@site.test", "no-asked@site.test"]);
    assert!(says(failed, "message/rfc822") && says(failed, "\r\n.hello\r\n"), "all of it");
    Ok(())
}

/// The recipients a report is about.
fn named(report: &Mail) -> Vec<String> {
    let text = String::from_utf8_lossy(&report.text);
    let lines = text.lines().filter_map(|line| line.strip_prefix("Final-Recipient: rfc822; "));
    lines.map(str::to_owned).collect()
}

/// Once, however often it is tried again, and whatever we live through; and only if asked.
#[test]
fn a_delay_is_told_once() -> io::Result<()> {
    let scratch = Scratch::new("dsn-delay")?;
    let (site, sender) = (Recorder::answering(mood)?, Recorder::start()?);
    let settings = route("site.test", site.address())
        + &route("sender.test", sender.address())
        + RETRY_SOON
        + "delay_notice = \"1s\"\n";
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    let recipients = [
        "<later@site.test>",
        "<later-asked@site.test> NOTIFY=DELAY,FAILURE ORCPT=rfc822;first@other.test",
        "<later-never@site.test> NOTIFY=NEVER",
    ];
    let mut speaker = envelope(&ringpost, "", &recipients)?;
    speaker.say("DATA", "354")?;
    speaker.say(TEXT, "250")?;

    let reports = sender.wait_for(1, PATIENCE)?;
    assert_eq!(named(&reports[0]), ["later-asked@site.test"]);
    for words in
        ["Action: delayed\r\n", "Status: 4.2.1\r\n", "Will-Retry-Until: ", "first@other.test"]
    {
        assert!(says(&reports[0], words), "no {words} in {:?}", reports[0]);
    }
    let tried = |ringpost: &Ringpost| Some(ringpost.attempts("later-asked@site.test").ok()?.len());
    let soon = tried(&ringpost).expect("a log") + 3;
    wait::until("more attempts", PATIENCE, || (tried(&ringpost)? >= soon).then_some(()))?;
    ringpost.kill()?;
    ringpost.restart()?;
    let later = tried(&ringpost).expect("a log") + 3;
    wait::until("attempts after a restart", PATIENCE, || {
        (tried(&ringpost)? >= later).then_some(())
    })?;
    assert_eq!(sender.mails().len(), 1, "it was told before");
    let attempts = ringpost.attempts("later-asked@site.test")?;
    assert!(attempts.iter().all(|attempt| attempt.number < 1_000), "{attempts:?}");
    Ok(())
}

/// RFC 6152 §3, RFC 6531 §3.2, RFC 3030 §3: what a host cannot take is not sent there.
#[test]
fn what_the_next_host_cannot_take_comes_back() -> io::Result<()> {
    let scratch = Scratch::new("dsn-forms")?;
    let site = Recorder::offering(&["PIPELINING", "CHUNKING"], |_| "250 2.1.5 fine".into())?;
    let sender = Recorder::start()?;
    let settings = route("site.test", site.address()) + &route("sender.test", sender.address());
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let wide = "Subject: w\r\n\r\nü\r\n.";
    for (mail, recipient, text) in [
        (" BODY=8BITMIME", "<wide@site.test>", wide),
        (" SMTPUTF8 BODY=8BITMIME", "<jörg@site.test>", wide),
        (" BODY=8BITMIME", "<narrow@site.test>", TEXT),
    ] {
        let mut speaker = envelope(&ringpost, mail, &[recipient])?;
        speaker.say("DATA", "354")?;
        speaker.say(text, "250")?;
    }
    let mut speaker = envelope(&ringpost, " BODY=BINARYMIME RET=FULL", &["<bits@site.test>"])?;
    speaker.chunk(b"Subject: b\r\n\r\na\nb\0\r")?;

    let reports = sender.wait_for(3, PATIENCE)?;
    drained(&ringpost)?;
    for (recipient, status) in
        [("wide@site.test", "5.6.3"), ("g@site.test", "5.6.7"), ("bits@site.test", "5.6.3")]
    {
        let report = reports.iter().find(|report| says(report, recipient)).expect("each is told");
        assert!(says(report, &format!("Status: {status}\r\n")), "{report:?}");
        assert!(report.text.is_ascii() && !says(report, "message/rfc822"), "{report:?}");
    }
    let mails = site.mails();
    assert_eq!(mails.len(), 1, "only what is seven bits, whatever was declared: {mails:?}");
    Ok(())
}

/// BDAT in; BDAT out where it must be, DATA where it can be; and `spool export` in between.
#[test]
fn octets_go_out_as_they_came_in() -> io::Result<()> {
    const RAW: &[u8] = b"Subject: r\r\n\r\n.\r\n..a\r\nb\r\n.c without an end";
    const BITS: &[u8] = b"Subject: b\r\n\r\na\nb\0\r\n.\r\n\xff\r";
    let scratch = Scratch::new("dsn-octets")?;
    let offers = ["PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME", "SIZE"];
    let site = Recorder::offering(&offers, |_| "250 2.1.5 fine".into())?;
    let settings = route("site.test", site.address());
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let large: Vec<u8> = (0..600_000_u32).map(|at| (at * 7 % 251) as u8).collect();
    let large = [b"Subject: l\r\n\r\n", &large[..]].concat();
    let lines = b"Subject: m\r\n\r\n".iter().chain(b".line\r\n".iter().cycle().take(700_000));
    let lines: Vec<u8> = lines.copied().collect();
    let messages =
        [("", RAW), (" BODY=BINARYMIME", BITS), (" BODY=BINARYMIME", &large), ("", &lines)];
    for (mail, octets) in messages {
        let mut speaker = envelope(&ringpost, mail, &["<a@site.test>"])?;
        speaker.chunk(octets)?;
    }
    let mails = site.wait_for(messages.len(), PATIENCE)?;
    for (mail, octets) in messages {
        let binary = !mail.is_empty();
        let end: &[u8] = if binary || octets.ends_with(b"\r\n") { b"" } else { b"\r\n" };
        let sent = [octets, end].concat();
        let arrived = mails.iter().find(|mail| mail.text.ends_with(&sent)).expect("each arrives");
        assert_eq!(arrived.chunked, binary);
        assert_eq!(arrived.commands[0].contains(" BODY=BINARYMIME"), binary);
        let declared = format!(" SIZE={}", arrived.text.len());
        assert!(arrived.commands[0].contains(&declared), "{:?}, not{declared}", arrived.commands);
        assert!(arrived.text.starts_with(b"Received: "));
    }
    drained(&ringpost)
}

/// The labels and wishes of a message are where the operator looks for them.
#[test]
fn the_operator_sees_what_was_asked() -> io::Result<()> {
    let scratch = Scratch::new("dsn-tools")?;
    let site = Recorder::answering(|_| "450 4.2.1 later".into())?;
    let mut ringpost = Ringpost::start(scratch.path(), &route("site.test", site.address()))?;
    let asked = ["<a@site.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@other.test", "<c@site.test>"];
    let mut speaker = envelope(&ringpost, " RET=FULL ENVID=E+2B1", &asked)?;
    speaker.chunk(b"Subject: x\r\n\r\n.dot")?;
    wait::until("an attempt", PATIENCE, || {
        (ringpost.attempts("c@site.test").ok()?.len() == 1).then_some(())
    })?;
    ringpost.drain()?;
    let export = scratch.path().join("export");
    let done = spool(scratch.path(), &["export", &export.display().to_string()])?;
    assert!(done.status.success(), "{done:?}");
    let line = fs::read_to_string(export.join("messages.jsonl"))?;
    let line: serde_json::Value = serde_json::from_str(&line).map_err(io::Error::other)?;
    assert_eq!((&line["ret"], &line["labels"]["envid"]), (&"FULL".into(), &"E+2B1".into()));
    let first = &line["recipients"][0];
    assert_eq!(first["notify"], "SUCCESS,DELAY");
    assert_eq!(first["orcpt"], "rfc822;b@other.test");
    assert_eq!((&line["recipients"][1]["notify"], &line["binary"]), (&().into(), &false.into()));
    let text = fs::read(export.join(line["file"].as_str().unwrap_or_default()))?;
    assert!(text.ends_with(b"\r\n\r\n.dot"), "to the octet");
    Ok(())
}
