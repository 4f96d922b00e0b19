//! Whose mail it is: limits of a source, what its header says and has to say, slow clients.

use crate::common::{PATIENCE, route};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

const TEXT: &str = "From: a@shop.test\r\n\r\nbody\r\n";

/// Starts a Ringpost with one source and what it may do.
fn ringpost(scratch: &Scratch, recorder: &Recorder, terms: &str) -> io::Result<Ringpost> {
    ringpost_as(Outfit::default(), scratch, recorder, terms)
}

fn ringpost_as(
    outfit: Outfit,
    scratch: &Scratch,
    recorder: &Recorder,
    terms: &str,
) -> io::Result<Ringpost> {
    let source = format!("[[source]]\nname = \"shop\"\nfrom = [\"127.0.0.0/8\"]\n{terms}\n");
    Ringpost::start_as(outfit, scratch.path(), &(route("*", recorder.address()) + &source))
}

fn greeted(ringpost: &Ringpost) -> io::Result<Speaker> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO client.test", "250")?;
    Ok(speaker)
}

#[test]
fn a_source_keeps_to_its_limits_and_hears_their_names() -> io::Result<()> {
    let scratch = Scratch::new("source-limits")?;
    let recorder = Recorder::start()?;
    let terms = "connections_max = 1\nmessages = \"2/h\"\nrecipients = \"3/h\"\n\
        message_bytes_max = 2000\nsender_domains = [\"shop.test\"]";
    let outfit = Outfit { log_settings: "accepted = false".into(), ..Outfit::default() };
    let ringpost = ringpost_as(outfit, &scratch, &recorder, terms)?;
    let mut speaker = greeted(&ringpost)?;
    let mut turned_away = String::new();
    TcpStream::connect(ringpost.smtp())?.read_to_string(&mut turned_away)?;
    assert_eq!(turned_away, "421 4.7.1 source limit connections_max reached, try again later\r\n");
    speaker.say("MAIL FROM:<a@elsewhere.test>", "550 5.7.1 not one of your sender_domains")?;
    speaker.say("MAIL FROM:<a@shop.test> SIZE=2001", "552 5.3.4 source limit message_bytes_max")?;
    speaker.send("a@shop.test", "one@site.test", TEXT)?;
    speaker.say("MAIL FROM:<>", "250")?;
    speaker.say("RCPT TO:<two@site.test>", "250")?;
    speaker.say("RCPT TO:<three@site.test>", "250")?;
    speaker.say("RCPT TO:<four@site.test>", "452 4.7.1 source limit recipients")?;
    speaker.say("DATA", "354")?;
    speaker.say(&format!("{TEXT}."), "250")?;
    speaker.say("MAIL FROM:<a@shop.test>", "452 4.7.1 source limit messages")?;
    drop(speaker);
    let mails = recorder.wait_for(2, PATIENCE)?;
    assert_eq!(mails.len(), 2, "what was taken was delivered");
    let attempts = || ringpost.log().matches("\"outcome\":\"delivered\"").count();
    wait::until("attempts in the log", PATIENCE, || (attempts() == 3).then_some(()))?;
    assert!(!ringpost.log().contains("\"event\":\"accepted\""), "nobody asked for these");
    wait::until("a free seat", PATIENCE, || greeted(&ringpost).ok().map(drop))
}

#[test]
fn what_a_source_brings_is_told_and_counted() -> io::Result<()> {
    let scratch = Scratch::new("source-told")?;
    let recorder = Recorder::start()?;
    let terms = "tenant = \"acme\"\nmessages = \"1/h\"";
    let ringpost = ringpost(&scratch, &recorder, terms)?;
    let mut speaker = greeted(&ringpost)?;
    let reply = speaker.send("a@shop.test", "one@site.test", TEXT)?;
    speaker.say("MAIL FROM:<a@shop.test>", "452 4.7.1 source limit messages")?;
    let line = wait::until("the line of the message", PATIENCE, || {
        let log = ringpost.log();
        let line = log.lines().find(|line| line.contains("\"event\":\"accepted\""))?;
        serde_json::from_str::<serde_json::Value>(line).ok()
    })?;
    assert!(line["id"].as_str().is_some_and(|id| reply.contains(id)), "{line} for {reply}");
    assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{line}");
    assert_eq!(line["listener"], ringpost.smtp().to_string(), "{line}");
    for (field, value) in
        [("sender", "a@shop.test"), ("source", "shop"), ("protocol", "ESMTP"), ("tenant", "acme")]
    {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!((&line["recipients"], &line["bytes"]), (&1.into(), &TEXT.len().into()), "{line}");
    assert!(line["user"].is_null() && line["tls"].is_null(), "{line}");
    let bytes = format!("ringpost_source_bytes_total{{source=\"shop\"}} {}", TEXT.len());
    for metric in [
        "ringpost_source_connections{source=\"shop\"} 1",
        "ringpost_source_messages_total{source=\"shop\"} 1",
        "ringpost_source_recipients_total{source=\"shop\"} 1",
        "ringpost_source_refusals_total{source=\"shop\",limit=\"messages\"} 1",
        "ringpost_refusals_total{rule=\"source_messages\"} 1",
        &bytes,
    ] {
        ringpost.wait_for_metric(metric)?;
    }
    assert!(!ringpost.log().contains("\"event\":\"refused\""), "nobody asked for these");
    Ok(())
}

#[test]
fn what_was_said_to_us_alone_goes_no_further() -> io::Result<()> {
    let scratch = Scratch::new("source-injects")?;
    let recorder = Recorder::start()?;
    let ringpost = ringpost(&scratch, &recorder, "tenant = \"acme\"\ninjects = true")?;
    let mut speaker = greeted(&ringpost)?;
    let text = "X-Job: spring\r\nFrom: a@shop.test\r\nX-Tenant: acme\r\nSubject: x\r\n\
        X-Campaign: c1\r\n\r\nX-Job: body\r\n";
    speaker.send("a@shop.test", "one@site.test", text)?;
    let mails = recorder.wait_for(1, PATIENCE)?;
    let sent = String::from_utf8_lossy(&mails[0].text).into_owned();
    let end = "\r\nFrom: a@shop.test\r\nSubject: x\r\n\r\nX-Job: body\r\n";
    assert!(sent.starts_with("Received:") && sent.ends_with(end), "{sent}");
    assert_eq!(sent.matches("X-").count(), 1, "{sent}");
    for (field, refusal) in [
        ("X-Tenant: other", "550 5.7.1 X-Tenant is not that of the source"),
        ("X-Job: a\r\nX-Job: b", "550 5.6.0 bad or repeated injection field"),
        // 102 octets of xtext, where 100 are all that a next host has to take.
        ("X-Envid: ==================================", "550 5.6.0 bad or repeated injection"),
        // The next host takes the dot off.
        (".X-Tenant: other", "550 5.7.1 X-Tenant is not that of the source"),
    ] {
        speaker.say("MAIL FROM:<a@shop.test>", "250")?;
        speaker.say("RCPT TO:<two@site.test>", "250")?;
        speaker.say("DATA", "354")?;
        speaker.say(&format!("{field}\r\n{TEXT}."), refusal)?;
    }
    let log = || fs::read_to_string(scratch.path().join("delivery.jsonl")).unwrap_or_default();
    wait::until("the job in the log", PATIENCE, || log().contains("spring").then_some(()))
}

#[test]
fn a_header_is_mended_or_refused_as_its_source_has_it() -> io::Result<()> {
    let scratch = Scratch::new("source-lint")?;
    let recorder = Recorder::start()?;
    let terms = "lint = \"fix\"\nlint_from = \"reject\"\nlint_duplicates = \"warn\"";
    let ringpost = ringpost(&scratch, &recorder, terms)?;
    let mut speaker = greeted(&ringpost)?;
    let twice = format!("Subject: a\r\nSubject: b\r\n{TEXT}");
    speaker.send("a@shop.test", "one@site.test", &twice)?;
    let mails = recorder.wait_for(1, PATIENCE)?;
    let sent = String::from_utf8_lossy(&mails[0].text).into_owned();
    assert!(sent.ends_with(&twice), "nothing in the text is changed: {sent}");
    assert!(sent.contains("\r\nDate: ") && sent.contains("\r\nMessage-ID: <"), "{sent}");
    let log = || fs::read_to_string(scratch.path().join("delivery.jsonl")).unwrap_or_default();
    let told = "\"rules\":\"date-missing field-twice message-id-missing\"";
    wait::until("the rules in the log", PATIENCE, || log().contains(told).then_some(()))?;
    assert!(ringpost.metric("ringpost_header_faults_total")? > 0.0);
    for (text, refusal) in [
        ("Subject: x\r\n\r\nbody\r\n.", "550 5.6.0 header rule from-missing"),
        ("From: a@b.test\r\n.From: c@d.test\r\n\r\n.", "550 5.6.0 header rule from-twice"),
    ] {
        speaker.say("MAIL FROM:<a@shop.test>", "250")?;
        speaker.say("RCPT TO:<two@site.test>", "250")?;
        speaker.say("DATA", "354")?;
        speaker.say(text, refusal)?;
    }
    Ok(())
}

/// T10, on a small scale: who sends a byte now and then is cut off, and others are served
/// meanwhile.
#[test]
fn dribblers_are_cut_off_and_nobody_waits_for_them() -> io::Result<()> {
    const DRIBBLERS: usize = 200;
    let scratch = Scratch::new("source-slow")?;
    let recorder = Recorder::start()?;
    let listener_settings = "data_rate_grace = \"2s\"".to_owned();
    let outfit = Outfit { listener_settings, ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &route("*", recorder.address()))?;
    let dribbler = |_| {
        let mut stream = TcpStream::connect(ringpost.smtp())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.read_exact(&mut [0; 4])?;
        stream.write_all(b"EHLO a.test\r\nMAIL FROM:<a@shop.test>\r\nRCPT TO:<b@site.test>\r\n")?;
        stream.write_all(b"DATA\r\n")?;
        Ok(stream)
    };
    let mut dribblers = (0..DRIBBLERS).map(dribbler).collect::<io::Result<Vec<_>>>()?;
    let mut speaker = greeted(&ringpost)?;
    let mut sent = 0;
    // A byte each, and a whole message of somebody else, until all of them are gone.
    wait::until("all of them cut off", PATIENCE, || {
        speaker.send("a@shop.test", "one@site.test", TEXT).expect("others are served");
        sent += 1;
        dribblers.retain_mut(|stream| stream.write_all(b"x").is_ok());
        dribblers.is_empty().then_some(())
    })?;
    assert_eq!(recorder.wait_for(sent, PATIENCE)?.len(), sent, "only whole messages were taken");
    Ok(())
}
