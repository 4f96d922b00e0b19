//! Sources of a pool that an operator takes out of use.

use crate::common::{PATIENCE, route};
use crate::why::{ask, ask_until, explained, orders};
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

const POOL: &str = r#"
[[pool]]
name = "warm"
[[pool.source]]
address = "127.0.0.31"
ehlo = "w1.relay.test"
[[pool.source]]
address = "127.0.0.32"
ehlo = "w2.relay.test"
[delivery]
pool = "warm"
messages_per_connection = 1
"#;

fn send(ringpost: &Ringpost, recipient: &str, count: usize) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for _ in 0..count {
        speaker.send("me@sender.test", recipient, "Subject: x\r\n\r\nhello\r\n")?;
    }
    Ok(())
}

/// From where the mails came behind the first so many.
fn clients(recorder: &Recorder, before: usize, count: usize) -> io::Result<Vec<String>> {
    let mails = recorder.wait_for(before + count, PATIENCE)?;
    let mut clients: Vec<_> = mails[before..].iter().map(|mail| mail.client.clone()).collect();
    clients.sort_unstable();
    clients.dedup();
    Ok(clients)
}

#[test]
fn nothing_leaves_from_a_source_that_is_disabled() -> io::Result<()> {
    let scratch = Scratch::new("disabled")?;
    let (one, other) = (Recorder::start()?, Recorder::start()?);
    let routes = [("one.test", one.address()), ("other.test", other.address())];
    let settings = format!("{POOL}{}", routes.map(|(domain, to)| route(domain, to)).concat());
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    let site = one.address().to_string();
    send(&ringpost, "x@one.test", 4)?;
    assert_eq!(clients(&one, 0, 4)?, ["127.0.0.31", "127.0.0.32"]);

    // What is only counted changes nothing; and a name that nothing has is said.
    let first = ["disable-source", "127.0.0.31", "--reason", "a listing", "--for", "10m"];
    let dry = ask(&ringpost, &[&first[..], &["--dry-run"]].concat())?;
    assert!(dry.contains("source 127.0.0.31 would be about"), "{dry}");
    assert_eq!(ask(&ringpost, &["orders"])?, "no order holds\n");
    let nobody = ask(&ringpost, &["disable-source", "192.0.2.7", "--reason", "x"]).unwrap_err();
    assert!(nobody.to_string().contains("no [[pool.source]] has the address"), "{nobody}");

    // The other takes its mail.
    ask(&ringpost, &first)?;
    send(&ringpost, "x@one.test", 6)?;
    assert_eq!(clients(&one, 4, 6)?, ["127.0.0.32"]);

    // With both out of use at a site its mail waits, there alone, and nothing is charged for it.
    let second = ["disable-source", "W2.relay.test", "--site", &site, "--reason", "too hot"];
    ask(&ringpost, &second)?;
    send(&ringpost, "x@one.test", 3)?;
    send(&ringpost, "x@other.test", 3)?;
    assert_eq!(clients(&other, 0, 3)?, ["127.0.0.32"]);
    let words = ["loopback: a listing", "3 ready", "ringpost enable-source"];
    explained(&ringpost, &site, "source-disabled: 127.0.0.31 of the pool warm", words)?;
    let listed = ask(&ringpost, &["orders"])?;
    assert!(listed.contains(&format!("disable-source source W2.relay.test, site {site}")));

    // Over a restart, too.
    ringpost.drain()?;
    ringpost.restart()?;
    ask_until(&ringpost, &["why", &site], "source-disabled")?;
    assert_eq!(one.mails().len(), 10);
    let log = ringpost.log();
    assert!(!log.contains(r#""outcome":"deferred""#) && !log.contains("dial_failed"), "{log}");

    // A shorter time in the place of the longer one: then it ends by itself.
    let short = ["disable-source", "127.0.0.31", "--reason", "a listing", "--for", "500ms"];
    ask(&ringpost, &short)?;
    assert_eq!(clients(&one, 10, 3)?, ["127.0.0.31"]);
    ask(&ringpost, &["enable-source", "W2.relay.test", "--site", &site])?;
    let gone = || (ask(&ringpost, &["orders"]).ok()? == "no order holds\n").then_some(());
    wait::until("no order", PATIENCE, gone)?;
    send(&ringpost, "x@one.test", 4)?;
    assert_eq!(clients(&one, 13, 4)?, ["127.0.0.31", "127.0.0.32"]);
    let again = ask(&ringpost, &["enable-source", "127.0.0.31"]).unwrap_err();
    assert!(again.to_string().contains("no order disables source 127.0.0.31"), "{again}");
    // Those that hold are told at a start once more.
    let verbs = ["disable-source"; 4].into_iter().chain(["disable-source", "enable-source"]);
    let expected: Vec<_> = verbs.map(|verb| format!("{verb} loopback")).collect();
    assert_eq!(orders(&ringpost, 6)?, expected);
    Ok(())
}
