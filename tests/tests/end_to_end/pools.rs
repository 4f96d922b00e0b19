//! Pools of source addresses: what mail leaves from where, and what a host sees of it.

use crate::common::{PATIENCE, RETRY_SOON, route};
use loadgen::ledger::Rule;
use loadgen::sink::provider::Provider;
use loadgen::{send, sink, verify};
use std::collections::BTreeSet;
use std::io;
use tests::recorder::{Mail, Recorder};
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

/// Two addresses that share mail three to one, one that is not on this host, and, in a pool of its
/// own, that for mail that names none.
const POOLS: &str = r#"
[[source]]
name = "injector"
injects = true
[[pool]]
name = "warm"
[[pool.source]]
address = "127.0.0.31"
ehlo = "w1.relay.test"
weight = 3
[[pool.source]]
address = "127.0.0.32"
ehlo = "w2.relay.test"
[[pool.source]]
address = "192.0.2.1"
[[pool]]
name = "usual"
[[pool.source]]
address = "127.0.0.41"
[delivery]
pool = "usual"
messages_per_connection = 1
"#;

/// Mail to `recipient` that names a pool, if one is given.
fn send(ringpost: &Ringpost, recipient: &str, pool: Option<&str>) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    let field = pool.map_or_else(String::new, |pool| format!("X-Virtual-MTA: {pool}\r\n"));
    speaker.send("me@sender.test", recipient, &format!("{field}Subject: x\r\n\r\nhello\r\n"))?;
    Ok(())
}

/// Where mail to `recipient` came from, and by which name.
fn seen(mails: &[Mail], recipient: &str) -> Vec<(String, String)> {
    let ours = mails.iter().filter(|mail| mail.recipients.iter().any(|to| to == recipient));
    ours.map(|mail| (mail.client.clone(), mail.hello.clone())).collect()
}

#[test]
fn mail_leaves_by_its_pool_and_waits_where_there_is_none() -> io::Result<()> {
    let scratch = Scratch::new("pools")?;
    let recorder = Recorder::start()?;
    let settings = format!("{POOLS}{RETRY_SOON}{}", route("*", recorder.address()));
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    let absent = ": 192.0.2.1 is not on this host: nothing leaves from it";
    assert!(ringpost.said().contains(absent), "{}", ringpost.said());
    send(&ringpost, "late@site.test", Some("late"))?;
    for _ in 0..40 {
        send(&ringpost, "warm@site.test", Some("warm"))?;
        send(&ringpost, "any@site.test", None)?;
    }
    let mails = recorder.wait_for(80, PATIENCE)?;
    let usual = ("127.0.0.41".to_owned(), "relay.test".to_owned());
    assert!(seen(&mails, "any@site.test").iter().all(|from| *from == usual));
    let warm = seen(&mails, "warm@site.test");
    let of = |client: &str, hello: &str| {
        warm.iter().filter(|(from, name)| from == client && name == hello).count()
    };
    let (first, second) = (of("127.0.0.31", "w1.relay.test"), of("127.0.0.32", "w2.relay.test"));
    assert_eq!(first + second, 40, "{warm:?}");
    assert!((25..=35).contains(&first), "{first} of 40, three quarters by weight");
    let told = |words: &[&str]| {
        let log = ringpost.log();
        log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    };
    wait::until("its lines in the log", PATIENCE, || {
        let warm = r#""source_address":"127.0.0.31","ehlo":"w1.relay.test""#;
        let usual = r#""source_address":"127.0.0.41","ehlo":"relay.test""#;
        let pooled = told(&[warm, r#""pool":"warm""#, ";pool=warm"]) == first;
        (pooled && told(&[usual, r#""pool":"usual""#]) == 40).then_some(())
    })?;
    for (pool, address, taken) in
        [("warm", "127.0.0.31", first), ("warm", "127.0.0.32", second), ("usual", "127.0.0.41", 40)]
    {
        let labels = format!("{{pool=\"{pool}\",address=\"{address}\"}}");
        ringpost.wait_for_metric(&format!("ringpost_egress_delivered_total{labels} {taken}"))?;
        ringpost.wait_for_metric(&format!("ringpost_egress_dial_failures_total{labels} 0"))?;
    }
    let asked = told(&["dial_failed", r#""source_address":"192.0.2.1""#]);
    let absent = "ringpost_egress_dial_failures_total{pool=\"warm\",address=\"192.0.2.1\"}";
    ringpost.wait_for_metric(&format!("{absent} {asked}"))?;
    assert!((1..=2).contains(&asked), "{asked} times, once in a minute");
    assert_eq!(told(&[r#""outcome":"deferred""#, "warm@"]), 0, "others were there");
    let late = ringpost.attempts("late@site.test")?;
    assert!(!late.is_empty() && late.iter().all(|attempt| attempt.outcome == "deferred"));

    ringpost.drain()?;
    let own = "[[pool]]\nname = \"late\"\nsource = [{ address = \"127.0.0.51\" }]\n[delivery]\n";
    ringpost.rewrite(|settings| settings.replacen("[delivery]\n", own, 1))?;
    ringpost.restart()?;
    let mails = recorder.wait_for(81, PATIENCE)?;
    let expected = ("127.0.0.51".to_owned(), "relay.test".to_owned());
    assert_eq!(seen(&mails, "late@site.test"), [expected], "there is one now");
    Ok(())
}

/// A host may have something against one address of ours, and nothing against the others.
#[test]
fn a_source_that_is_turned_away_holds_up_none_of_its_pool() -> io::Result<()> {
    let scratch = Scratch::new("pools-unwelcome")?;
    let recorder = Recorder::start()?;
    recorder.turn_away("127.0.0.31");
    let settings = format!("{POOLS}{}", route("*", recorder.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    for _ in 0..20 {
        send(&ringpost, "warm@site.test", Some("warm"))?;
        send(&ringpost, "any@site.test", None)?;
    }
    let mails = recorder.wait_for(40, PATIENCE)?;
    assert!(mails.iter().all(|mail| mail.client != "127.0.0.31"));
    assert!(ringpost.log().contains("not from there"), "it was tried");
    assert!(!ringpost.log().contains(r#""outcome":"deferred""#), "others took its place");
    assert!(ringpost.metric("ringpost_egress_dial_failures_total")? >= 1.0, "and counted");
    Ok(())
}

#[test]
fn the_limits_of_a_source_are_kept_at_each_site() -> io::Result<()> {
    let sources = [61, 62, 63];
    kept_to_two_each("pools-limits", sources, "connections_max = 2\n", "")
}

#[test]
fn what_a_site_bears_from_one_source_it_gets_from_each() -> io::Result<()> {
    let sources = [64, 65, 66];
    kept_to_two_each("pools-each", sources, "", "connections_per_source = 2\n")
}

/// Many more messages than connections, to a host that allows each address two: these are the last
/// numbers of ours. What keeps to that is said of each of them, or in `[delivery]`.
fn kept_to_two_each(name: &str, sources: [u8; 3], of_each: &str, of_all: &str) -> io::Result<()> {
    const MESSAGES: u64 = 300;
    let scratch = Scratch::new(name)?;
    let (sent, received) = (scratch.path().join("sent"), scratch.path().join("received"));
    let provider = Provider {
        listen: vec![([127, 0, 0, 1], 0).into()],
        delay_ms: 3,
        connections_per_source: 2,
        contract: vec![Rule::Connections],
        ..Provider::default()
    };
    let options = sink::Options {
        providers: vec![provider],
        seed: 1,
        ledger: Some(received.clone()),
        threads: 1,
    };
    let sink = sink::start(options)?;
    let sources = sources.map(|number| format!("127.0.0.{number}"));
    let tables = sources.each_ref().map(|address| {
        format!("[[pool.source]]\naddress = \"{address}\"\n{of_each}messages_per_connection = 7\n")
    });
    let settings = format!(
        "[[pool]]\nname = \"main\"\n{}[delivery]\npool = \"main\"\n{of_all}{}",
        tables.concat(),
        route("site.test", sink.providers()[0].addresses[0])
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let options = send::Options {
        messages: MESSAGES,
        domains: "site.test".parse().map_err(io::Error::other)?,
        ledger: Some(sent.clone()),
        ..send::Options::new(ringpost.smtp())
    };
    let report = send::start(options)?.join()?;
    assert_eq!(report.accepted, MESSAGES, "{report:?}");
    wait::until("an empty queue", PATIENCE, || (ringpost.queued().ok()? == 0).then_some(()))?;
    sink.stop();
    sink.join()?;
    let options = verify::Options {
        sent: vec![sent],
        received: vec![received],
        ..verify::Options::default()
    };
    let proof = verify::verify(&options).map_err(io::Error::other)?;
    assert!(proof.holds && proof.exact == MESSAGES, "{}", crate::load::told(&proof));
    assert_eq!(proof.out_of_contract, 0, "{}", crate::load::told(&proof));
    let log = ringpost.log();
    let seen = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once(r#""source_address":""#)?;
        rest.split_once('"').map(|(address, _)| address)
    });
    let seen: BTreeSet<_> = seen.collect();
    assert_eq!(seen, sources.iter().map(String::as_str).collect());
    Ok(())
}
