//! What a listener bears, limit by limit: each is kept, and is told by its name.

use crate::common::{PATIENCE, route};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

const TEXT: &str = "From: a@shop.test\r\n\r\nbody\r\n";

/// A Ringpost with these lines in its listener and its spool, on one shard.
fn with(
    name: &str,
    listener_settings: &str,
    spool_settings: &str,
) -> io::Result<(Scratch, Recorder, Ringpost)> {
    let scratch = Scratch::new(name)?;
    let recorder = Recorder::start()?;
    let outfit = Outfit {
        shards: Some(1),
        listener_settings: listener_settings.into(),
        spool_settings: spool_settings.into(),
        ..Outfit::default()
    };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &route("*", recorder.address()))?;
    Ok((scratch, recorder, ringpost))
}

fn greeted(ringpost: &Ringpost) -> io::Result<Speaker> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO client.test", "250")?;
    Ok(speaker)
}

/// All that is heard after `header`, and `bytes` behind the greeting, until we are hung up on.
fn heard(to: SocketAddr, header: &[u8], bytes: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(header)?;
    let mut all = vec![0; 4];
    stream.read_exact(&mut all)?;
    stream.write_all(bytes)?;
    // The end may be a reset: what we said last was not read.
    let _ = stream.read_to_end(&mut all);
    Ok(String::from_utf8_lossy(&all).into_owned())
}

/// A storm of RSET in one breath. Mail is no such command, however much of it there is.
#[test]
fn commands_that_bring_no_mail_have_a_rate() -> io::Result<()> {
    let (_scratch, recorder, ringpost) = with("defence-commands", "commands = \"20/m\"", "")?;
    let mut busy = greeted(&ringpost)?;
    for _ in 0..30 {
        busy.send("a@shop.test", "one@site.test", TEXT)?;
    }
    let storm = "HELO a.test\r\n".to_owned() + &"RSET\r\n".repeat(40);
    let said = heard(ringpost.smtp(), b"", storm.as_bytes())?;
    // The one too many is answered, and told that it was.
    assert_eq!(said.matches("250 2.0.0 ok\r\n").count(), 21, "{said}");
    assert!(said.ends_with("\r\n421 4.7.0 limit commands exceeded\r\n"), "{said}");
    ringpost.wait_for_metric("ringpost_refusals_total{rule=\"commands\"} 1")?;
    assert_eq!(recorder.wait_for(30, PATIENCE)?.len(), 30);
    Ok(())
}

#[test]
fn a_header_has_so_many_fields_and_so_many_bytes() -> io::Result<()> {
    const FIELDS: &str = "552 5.3.4 limit header_bytes_max exceeded";
    let settings = "header_fields_max = 10\nheader_bytes_max = 4096";
    let (_scratch, recorder, ringpost) = with("defence-header", settings, "")?;
    let line = |bytes: usize| format!("X: {}\r\n", "x".repeat(bytes - 5));
    let of_bytes = |bytes: usize| line(900).repeat(4) + &line(bytes - 3_600);
    let cases = [
        (line(20).repeat(10), "250"),
        (line(20).repeat(11), "550 5.6.0 limit header_fields_max exceeded"),
        (of_bytes(4_096), "250"),
        (of_bytes(4_097), FIELDS),
        // So long that it goes to disk in parts before its end is known.
        (line(900).repeat(2_000), FIELDS),
    ];
    let mut speaker = greeted(&ringpost)?;
    for (header, expected) in &cases {
        speaker.say("MAIL FROM:<a@shop.test>", "250")?;
        speaker.say("RCPT TO:<one@site.test>", "250")?;
        speaker.say("DATA", "354")?;
        speaker.say(&format!("{header}\r\nbody\r\n."), expected)?;
    }
    ringpost.wait_for_metric("ringpost_refusals_total{rule=\"header_bytes_max\"} 2")?;
    ringpost.wait_for_metric("ringpost_refusals_total{rule=\"header_fields_max\"} 1")?;
    assert_eq!(recorder.wait_for(2, PATIENCE)?.len(), 2, "only those that were taken");
    Ok(())
}

/// Those of a client, not of the balancer that brings them all; and none of who may relay.
#[test]
fn connections_are_counted_by_address_and_by_network() -> io::Result<()> {
    let settings = "proxy = \"any\"\nproxy_from = [\"127.0.0.1\"]\n\
        relay_from = [\"192.0.2.0/24\"]\n\
        connections_per_address = 2\nconnections_per_network = 3";
    let (_scratch, _recorder, ringpost) = with("defence-callers", settings, "")?;
    let header = |client: &str| format!("PROXY TCP4 {client} 198.51.100.1 56324 25\r\n");
    let enter = |client: &str| Speaker::behind(ringpost.smtp(), header(client).as_bytes());
    let refused = |client: &str| heard(ringpost.smtp(), header(client).as_bytes(), b"");
    let first = enter("203.0.113.1")?;
    let _second = enter("203.0.113.1")?;
    let address = "421 4.7.0 limit connections_per_address reached, try again later\r\n";
    assert_eq!(refused("203.0.113.1")?, address);
    let _third = enter("203.0.113.2")?;
    let network = "421 4.7.0 limit connections_per_network reached, try again later\r\n";
    assert_eq!(refused("203.0.113.3")?, network);
    let _elsewhere = enter("198.51.100.1")?;
    let _friends = (0..5).map(|_| enter("192.0.2.1")).collect::<io::Result<Vec<_>>>()?;
    for rule in ["connections_per_address", "connections_per_network"] {
        ringpost.wait_for_metric(&format!("ringpost_refusals_total{{rule=\"{rule}\"}} 1"))?;
    }
    drop(first);
    wait::until("a free place", PATIENCE, || enter("203.0.113.3").ok()).map(drop)
}

/// 452 at MAIL, before any byte of text and before all memory is used: the rest is for those who
/// have begun, and it passes once enough of them have ended.
#[test]
fn mail_waits_while_memory_is_short() -> io::Result<()> {
    const SHORT: &str = "452 4.3.1 limit intake_bytes reached";
    const INTAKE: usize = 1 << 20;
    /// What a message begins with.
    const FIRST: usize = 20 << 10;
    let (_scratch, recorder, ringpost) =
        with("defence-memory", "", &format!("intake_bytes = {INTAKE}"))?;
    let mut open = Vec::new();
    let mut late = loop {
        let mut speaker = greeted(&ringpost)?;
        if speaker.say("MAIL FROM:<a@shop.test>", "250").is_err() {
            break speaker;
        }
        open.push(speaker);
        assert!(open.len() < 1_000, "a message begins with some memory");
    };
    let most = INTAKE * 87 / 100 / FIRST + 1;
    assert_eq!(open.len(), most, "one more is welcome below 87 % of it, and none above");
    late.say("MAIL FROM:<a@shop.test>", SHORT)?;
    late.say("DATA", "503")?;
    ringpost.wait_for_metric("ringpost_refusals_total{rule=\"intake_bytes\"} 2")?;
    let begun = open.last_mut().expect("there was room for one");
    begun.say("RCPT TO:<one@site.test>", "250")?;
    begun.say("DATA", "354")?;
    begun.say(&format!("{TEXT}."), "250")?;
    let low = INTAKE * 75 / 100 / FIRST;
    // Most have ended, and it is still too many.
    open.truncate(low + 1);
    let left = format!("ringpost_intake_bytes{{shard=\"0\"}} {}", (low + 1) * FIRST);
    ringpost.wait_for_metric(&left)?;
    late.say("MAIL FROM:<a@shop.test>", SHORT)?;
    open.truncate(low);
    let again = || late.say("MAIL FROM:<a@shop.test>", "250").ok();
    wait::until("room for a message", PATIENCE, again)?;
    late.say("RCPT TO:<two@site.test>", "250")?;
    late.say("DATA", "354")?;
    late.say(&format!("{TEXT}."), "250")?;
    assert_eq!(recorder.wait_for(2, PATIENCE)?.len(), 2);
    Ok(())
}
