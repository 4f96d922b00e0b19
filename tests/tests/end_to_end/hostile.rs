//! Peers that mean harm: to our memory, and to whoever reads our logs.

use crate::common::{PATIENCE, route};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use tests::cage::Cage;
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{usage, wait};

/// T9: lines, headers, recipients and chunks without end, from two hundred at once who do not
/// read what they are told. Every byte of it has a budget.
#[test]
fn what_has_no_end_takes_no_more_memory_than_there_is_for_it() -> io::Result<()> {
    const EACH: usize = 50;
    /// For text in reception, besides which a connection has a buffer for commands.
    const INTAKE: u64 = 2 << 20;
    const GROWN_MAX: u64 = 12 << 20;
    const PEAK_MAX: u64 = 256 << 20;
    let scratch = Scratch::new("hostile-memory")?;
    let recorder = Recorder::start()?;
    let spool_settings = format!("intake_bytes = {INTAKE}\nmemory_bytes = 1048576");
    let outfit = Outfit { shards: Some(2), spool_settings, ..Outfit::default() };
    let cage = Cage::new("hostile", PEAK_MAX);
    let outfit = match &cage {
        Ok(cage) => cage.around(outfit)?,
        Err(cause) => {
            println!("no control group to be had, so only its peak is looked at: {cause}");
            outfit
        }
    };
    let settings = route("*", recorder.address());
    let mut ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    let mut friend = greeted(&ringpost)?;
    friend.send("a@shop.test", "one@site.test", "\r\n")?;
    let before = usage::peak(ringpost.id());
    let begin = "HELO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n";
    let kinds: [(String, &[u8], usize); 4] = [
        ("NOOP ".into(), b"x", 1 << 20),
        (format!("{begin}DATA\r\n"), b"X-Endless: header\r\n", 2 << 20),
        (begin.into(), b"RCPT TO:<c@b.test>\r\n", 1 << 18),
        (begin.into(), b"BDAT 1\r\nx", 1 << 18),
    ];
    thread::scope(|scope| {
        for (begin, unit, bytes) in &kinds {
            for _ in 0..EACH {
                scope.spawn(|| pour(&ringpost, begin.as_bytes(), unit, *bytes));
            }
        }
    });
    let peak = usage::peak(ringpost.id());
    if let Ok(cage) = &cage {
        println!("with what the kernel keeps of files and sockets, {} bytes", cage.peak()?);
        assert_eq!(cage.kills()?, 0, "it ran with no more memory than that");
    }
    assert_eq!(ringpost.ended(), None, "{}", ringpost.said());
    println!("peak {peak} bytes, {} more than before", peak.saturating_sub(before));
    assert!(before > 0 && peak <= before + GROWN_MAX, "{before} bytes grew to {peak}");
    assert!(peak <= PEAK_MAX, "{peak} bytes");
    // What those had who have just gone is there again in a moment; until then there is a 452.
    let sent = || friend.send("a@shop.test", "two@site.test", "\r\n").ok();
    wait::until("room for another message", PATIENCE, sent)?;
    assert_eq!(recorder.wait_for(2, PATIENCE)?.len(), 2, "others were served");
    Ok(())
}

/// Says `begin`, and then `unit` again and again, up to so many bytes or until nobody takes them.
fn pour(ringpost: &Ringpost, begin: &[u8], unit: &[u8], bytes: usize) {
    let Ok(mut stream) = TcpStream::connect(ringpost.smtp()) else { return };
    // Who is not read any more has done its worst.
    let _ = stream.set_write_timeout(Some(Duration::from_millis(300)));
    let mut left = bytes;
    let burst = unit.repeat(16_384 / unit.len());
    // Who speaks before it is greeted, and text that is sent before it is asked for, end the
    // connection.
    if stream.read_exact(&mut [0; 4]).is_err() {
        return;
    }
    let mut taken = stream.write_all(begin);
    if begin.ends_with(b"DATA\r\n") {
        // Too many are there already for some, who hear so and no 354.
        let mut replies = BufReader::new(&stream).lines().map_while(Result::ok);
        replies.find(|reply| reply.starts_with(['3', '4', '5']));
    }
    while taken.is_ok() && left > 0 {
        taken = stream.write_all(&burst);
        left = left.saturating_sub(burst.len());
    }
}

fn greeted(ringpost: &Ringpost) -> io::Result<Speaker> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO client.test", "250")?;
    Ok(speaker)
}

/// What does something to a terminal, or to a line.
const NASTY: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{8}\t\u{b}\u{7f}\u{85}\u{9b}31m\u{2028}\u{202e}";

/// T14: whatever peers say, in front of us or behind us, a line of the log stays one line, shows
/// what it says and has an end.
#[test]
fn nothing_that_peers_say_does_anything_to_a_log() -> io::Result<()> {
    const MIB: usize = 1 << 20;
    let scratch = Scratch::new("hostile-log")?;
    let site = Recorder::answering(|recipient| match recipient {
        "never@site.test" => format!("550 5.1.1 {NASTY}\0{}", "x".repeat(1_500)),
        _ => "250 2.1.5 fine".into(),
    })?;
    let outfit = Outfit { log_settings: "refused = true".into(), ..Outfit::default() };
    let source = "[[source]]\nname = \"shop\"\ninjects = true\nlint = \"warn\"\n";
    let settings = route("*", site.address()) + source;
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    let mut peer = Speaker::connect(ringpost.smtp())?;
    peer.say(&format!("EHLO {NASTY}"), "501")?;
    peer.say("EHLO client.test", "250")?;
    peer.say(&format!("MAIL FROM:<{NASTY}@shop.test>"), "553")?;
    peer.say("MAIL FROM:<\"\u{202e}\u{2028}\"@shop.test> SMTPUTF8", "250")?;
    peer.say(&format!("RCPT TO:<{NASTY}@site.test>"), "55")?;
    peer.say("RCPT TO:<one@site.test>", "250")?;
    peer.say("DATA", "354")?;
    let fields = format!("From: {NASTY}\r\nSubject: {NASTY}\r\nX{NASTY}: x\r\n");
    peer.say(&format!("{fields}\r\n."), "250")?;
    for job in [NASTY.to_owned(), "j".repeat(MIB)] {
        peer.say("MAIL FROM:<a@shop.test>", "250")?;
        peer.say("RCPT TO:<two@site.test>", "250")?;
        peer.say("DATA", "354")?;
        peer.say(&format!("X-Job: {job}\r\n\r\n."), "5")?;
    }
    peer.send("a@shop.test", "never@site.test", "X-Job: spring\r\n\r\n")?;
    let mut endless = greeted(&ringpost)?;
    // Cut off in the middle of it, perhaps by a reset.
    let _ = endless.say(&format!("MAIL FROM:<{}@shop.test>", "a".repeat(MIB)), "500");
    let log = || ringpost.log();
    let told = ["\"command-length\"", "\"address-syntax\"", "\"failed\"", "\"event\":\"accepted\""];
    wait::until("the log", PATIENCE, || {
        told.iter().all(|word| log().contains(word)).then_some(())
    })?;
    for text in [log(), ringpost.said()] {
        let nasty = |shown: char| {
            (shown.is_control() && shown != '\n') || "\u{2028}\u{202e}".contains(shown)
        };
        assert!(!text.contains(nasty), "{text:?}");
    }
    for line in log().lines() {
        let line: Value = serde_json::from_str(line)?;
        let fields = line.as_object().into_iter().flatten();
        for (name, text) in fields.filter_map(|(name, value)| Some((name, value.as_str()?))) {
            assert!(text.len() <= 1_024, "{name} has {} bytes", text.len());
        }
    }
    Ok(())
}
