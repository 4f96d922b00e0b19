//! Settings that are read again while mail flows.

use crate::common::{PATIENCE, RETRY_SOON, route, succeed};
use crate::load::{Load, Sink, told};
use loadgen::sink::Provider;
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, program, wait};

/// Reloads under load: many a second, and as many messages between two of them.
const RELOADS: usize = 20;
const BETWEEN: u64 = 40;

/// Seconds of reloads, one each, unless `RINGPOST_RELOADS` asks for others.
const SECONDS: u64 = 8;
/// What waits for a retry may be later than it was due: it has to wait for its turn, and the machine is busy.
const LATE_MAX: u64 = 2_000;
/// Its limits are those of [`LIMITS`], and its contract.
const STRICT: &str = "name=strict,listen=127.0.0.1:0,connections_per_source=3,messages_per_connection=40,message_rate=80/s,\
                      defer=0.1,contract=connections+messages+message-rate";
const LIMITS: &str = "[delivery]\nconnections_per_site = 3\nmessages_per_connection = 40\n\
                      message_rate = \"80/s\"\nidle = \"30s\"\n\
                      [retry]\nfirst = \"3s\"\njitter = 0.0\n";

fn reload(ringpost: &Ringpost, words: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program::built("ringpost")?);
    let command = command.arg("reload").args(words);
    succeed(command.args(["--admin", &ringpost.admin().to_string()]))
}

/// What it says when it refuses.
fn refused(ringpost: &Ringpost) -> String {
    reload(ringpost, &[]).expect_err("it is to be refused").to_string()
}

fn send(ringpost: &Ringpost, to: &str) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.send("me@sender.test", to, "Subject: x\r\n\r\nhello\r\n").map(drop)
}

/// Another host in a route.
fn moved(text: &str, from: SocketAddr, to: SocketAddr) -> String {
    text.replace(&from.to_string(), &to.to_string())
}

#[test]
fn mail_that_waits_for_a_dead_host_goes_where_new_settings_send_it() -> io::Result<()> {
    let scratch = Scratch::new("reload-moves")?;
    let (dead, alive) = (port::free()?, Recorder::start()?);
    let settings = format!("{RETRY_SOON}{}", route("a.test", dead));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    for n in 0..5 {
        send(&ringpost, &format!("{n}@a.test"))?;
    }
    let dials = || ringpost.log().contains("\"event\":\"dial_failed\"").then_some(());
    wait::until("a dial that fails", PATIENCE, dials)?;
    assert_eq!(ringpost.queued()?, 5);

    // What would change is told, and nothing is changed.
    ringpost.rewrite(|text| moved(&text, dead, alive.address()))?;
    let dry = reload(&ringpost, &["--dry-run"])?;
    assert!(dry.contains("would be in force: [[route]]"), "{dry}");
    assert!(!ringpost.log().contains("\"event\":\"reloaded\""));
    let done = reload(&ringpost, &[])?;
    assert!(done.contains("in force: [[route]]"), "{done}");
    alive.wait_for(5, PATIENCE)?;

    let log = ringpost.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told: Vec<Value> = lines.filter(|line| line["event"] == "reloaded").collect();
    assert_eq!(told.len(), 1, "one shard tells it for all: {told:?}");
    assert_eq!((&told[0]["by"], &told[0]["changed"]), (&"loopback".into(), &"[[route]]".into()));
    Ok(())
}

#[test]
fn settings_that_cannot_be_put_in_force_leave_the_old_ones_in_force() -> io::Result<()> {
    let scratch = Scratch::new("reload-refused")?;
    let (old, new) = (Recorder::start()?, Recorder::start()?);
    let ringpost = Ringpost::start(scratch.path(), &route("a.test", old.address()))?;
    let right = std::fs::read_to_string(scratch.path().join("ringpost.toml"))?;

    // A fault anywhere, and nothing is in force of what is right.
    ringpost.rewrite(|text| moved(&text, old.address(), new.address()) + "[retry]\nfirst = 7\n")?;
    let line = right.lines().count() + 2;
    let fault = refused(&ringpost);
    assert!(fault.contains(&format!("ringpost.toml:{line}: `first` cannot be 7")), "{fault}");
    // A file of rules that is not there is found before anything changes, too.
    let rules = "[delivery]\nreply_rules = [\"nowhere.toml\"]\n";
    let moved_right = moved(&right, old.address(), new.address());
    ringpost.rewrite(|_| moved_right.replace("[delivery]\n", rules))?;
    let fault = refused(&ringpost);
    assert!(fault.contains("nowhere.toml cannot be read"), "{fault}");
    // What only a restart can change is named.
    ringpost.rewrite(|_| right.replacen("relay.test", "other.test", 1))?;
    let fault = refused(&ringpost);
    assert!(fault.contains("ringpost.toml:1: `hostname`") && fault.contains("restart"), "{fault}");
    send(&ringpost, "1@a.test")?;
    old.wait_for(1, PATIENCE)?;
    assert!(new.mails().is_empty());

    // SIGHUP asks for the same, and says what came of it where the log of the service is.
    ringpost.hang_up()?;
    let said = || ringpost.said().contains("still in force (reload by SIGHUP)").then_some(());
    wait::until("the refusal", PATIENCE, said)?;
    ringpost.rewrite(|_| moved(&right, old.address(), new.address()))?;
    ringpost.hang_up()?;
    let said = || ringpost.said().contains("read again, for SIGHUP: [[route]]").then_some(());
    wait::until("what has changed", PATIENCE, said)?;
    send(&ringpost, "2@a.test")?;
    new.wait_for(1, PATIENCE)?;
    assert_eq!(old.mails().len(), 1);
    ringpost.wait_for_metric("ringpost_reloads_total{outcome=\"refused\"} 4")?;
    ringpost.wait_for_metric("ringpost_reloads_total{outcome=\"accepted\"} 1")?;
    let page = tests::http::get(ringpost.admin(), "/metrics")?.1;
    let never = "ringpost_reload_last_timestamp_seconds{outcome=\"accepted\"} 0";
    assert!(!page.lines().any(|line| line == never), "it has a time: {page}");
    Ok(())
}

#[test]
fn a_client_that_stays_is_under_new_terms_with_its_next_message() -> io::Result<()> {
    let scratch = Scratch::new("reload-terms")?;
    let taken = Recorder::start()?;
    let source = "[[source]]\nname = \"shop\"\nfrom = [\"127.0.0.0/8\"]\nmessages = \"2/h\"\n";
    let settings = format!("{source}{}", route("a.test", taken.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut client = Speaker::connect(ringpost.smtp())?;
    client.say("EHLO sender.test", "250")?;
    for _ in 0..2 {
        client.send("me@sender.test", "x@a.test", "Subject: x\r\n\r\nhello\r\n")?;
    }
    client.say("MAIL FROM:<me@sender.test>", "45")?;
    ringpost.rewrite(|text| text.replace("\"2/h\"", "\"3/h\""))?;
    assert!(reload(&ringpost, &[])?.contains("[[source]]"));
    for _ in 0..3 {
        client.send("me@sender.test", "x@a.test", "Subject: x\r\n\r\nhello\r\n")?;
    }
    client.say("MAIL FROM:<me@sender.test>", "45")?;
    // What was spent of a limit that is as it was counts on.
    ringpost.rewrite(|text| text.replace("\"3/h\"\n", "\"3/h\"\nrecipients = \"9/h\"\n"))?;
    assert!(reload(&ringpost, &[])?.contains("[[source]]"));
    client.say("MAIL FROM:<me@sender.test>", "45")?;
    taken.wait_for(5, PATIENCE)?;
    let page = tests::http::get(ringpost.admin(), "/metrics")?.1;
    assert!(page.contains("ringpost_source_messages_total{source=\"shop\"} 5"), "{page}");
    assert!(page.contains("ringpost_source_connections{source=\"shop\"} 1"), "{page}");
    Ok(())
}

#[test]
fn reloads_under_load_lose_nothing_and_double_nothing() -> io::Result<()> {
    let scratch = Scratch::new("reload-load")?;
    let sink = Sink::start(scratch.path(), 0.2)?;
    let few = "[delivery]\nconnections_per_site = 2\n";
    let settings = format!("{few}{RETRY_SOON}{}", route("*", sink.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let load = Load::start(scratch.path(), &ringpost, 300.0)?;
    for turn in 0..RELOADS {
        load.wait_for(BETWEEN)?;
        let (from, to) = if turn % 2 == 0 { ("= 2\n", "= 9\n") } else { ("= 9\n", "= 2\n") };
        ringpost.rewrite(|text| {
            text.replace(
                &format!("connections_per_site {from}"),
                &format!("connections_per_site {to}"),
            )
        })?;
        assert!(reload(&ringpost, &[])?.contains("delivery.connections_per_site"));
    }
    let proof = load.prove(&ringpost, sink, 0)?;
    assert!(proof.holds && proof.missing == 0 && proof.duplicates == 0, "{}", told(&proof));
    Ok(())
}

/// Each has connections made anew, and the schedule read again. A timer that began anew with each would not
/// end before the reloads do.
#[test]
fn a_reload_each_second_breaks_no_limit_and_resets_no_timer() -> io::Result<()> {
    let scratch = Scratch::new("reload-each-second")?;
    let seconds = match env::var("RINGPOST_RELOADS") {
        Ok(asked) => asked.parse().map_err(io::Error::other)?,
        Err(_) => SECONDS,
    };
    let strict = Provider::read_line(STRICT).map_err(io::Error::other)?;
    let sink = Sink::play(scratch.path(), strict)?;
    let settings = format!("{LIMITS}{}", route("*", sink.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let load = Load::start(scratch.path(), &ringpost, 50.0)?;
    let begun = wait::now();
    for turn in 1..=seconds {
        let next = Duration::from_secs(turn);
        wait::until("the next second", next * 2, || (begun.elapsed() >= next).then_some(()))?;
        let (from, to) =
            if turn % 2 == 1 { ("\"30s\"", "\"31s\"") } else { ("\"31s\"", "\"30s\"") };
        let other = |key: &str, text: String| {
            text.replace(&format!("{key} = {from}"), &format!("{key} = {to}"))
        };
        ringpost.rewrite(|text| other("idle", text))?;
        assert!(reload(&ringpost, &[])?.contains("delivery.idle"));
    }
    let proof = load.prove(&ringpost, sink, 0)?;
    assert!(proof.holds && proof.out_of_contract == 0, "{}", told(&proof));
    assert!(proof.deferrals > seconds, "{}", told(&proof));
    // The last lines come behind the end of what they tell.
    let all = || lateness(&ringpost).ok().filter(|late| late.len() as u64 == proof.deferrals);
    let late = wait::until("a line for each that was tried again", PATIENCE, all)?;
    let most = late.into_iter().max().unwrap_or_default();
    assert!(most < LATE_MAX, "tried again {most} ms after it was due");
    Ok(())
}

/// How much later than it was due each recipient was tried again that was put off, in milliseconds.
fn lateness(ringpost: &Ringpost) -> io::Result<Vec<u64>> {
    let log = ringpost.log();
    let lines =
        log.lines().map(|line| serde_json::from_str::<Value>(line).map_err(io::Error::other));
    let mut due = BTreeMap::new();
    let mut late = Vec::new();
    for line in lines {
        let line = line?;
        if line["event"] != "attempt" {
            continue;
        }
        let recipient = line["recipient"].as_str().unwrap_or_default().to_owned();
        let at = line["at"].as_u64().ok_or_else(|| io::Error::other(line.to_string()))?;
        if let Some(due) = due.remove(&recipient) {
            assert!(at >= due, "{recipient} was tried before its time: {line}");
            late.push(at - due);
        }
        if let Some(next) = line["next"].as_u64() {
            due.insert(recipient, next);
        }
    }
    Ok(late)
}
