//! When mail is tried again: by the site it is for, by its class, and as new settings have it.

use crate::common::{PATIENCE, succeed};
use std::io;
use std::net::Ipv4Addr;
use std::process::Command;
use tests::names::{self, Known};
use tests::recorder::Recorder;
use tests::ringpost::{Attempt, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{program, wait};

const HERE: Known = Known::Address(Ipv4Addr::LOCALHOST);
const NAMES: &[(&str, Known)] = &[
    ("a.test", Known::Mx(10, "mx.provider.test")),
    ("mx.provider.test", HERE),
    ("else.test", Known::Mx(10, "mx.else.test")),
    ("mx.else.test", HERE),
];
const HOUR: u64 = 3_600_000;

fn ask(ringpost: &Ringpost, words: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program::built("ringpost")?);
    succeed(command.args(words).arg("--admin").arg(ringpost.admin().to_string()))
}

fn send(ringpost: &Ringpost, to: &str) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.send("me@sender.test", to, "Subject: x\r\n\r\nhello\r\n").map(drop)
}

/// Waits for so many attempts; each wait, of which the given one is the least and a tenth more the
/// most.
fn waits(ringpost: &Ringpost, recipient: &str, least: &[u64]) -> io::Result<()> {
    let attempts: Vec<Attempt> = wait::until(recipient, PATIENCE, || {
        ringpost.attempts(recipient).ok().filter(|attempts| attempts.len() >= least.len())
    })?;
    for (attempt, least) in attempts.iter().zip(least) {
        let wait = attempt.next.expect("it is tried again") - attempt.at;
        // When it was decided and when it was written down are a moment apart.
        let fits = wait + 60 >= *least && wait <= least * 11 / 10 + 1;
        assert!(fits, "{recipient}, {}: {wait} and not {least}", attempt.number);
    }
    Ok(())
}

fn id(ringpost: &Ringpost, recipient: &str) -> Option<String> {
    let log = ringpost.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut ours = lines.filter(|line| line["recipient"] == recipient);
    ours.find_map(|line| Some(line["id"].as_str()?.to_owned()))
}

#[test]
fn a_site_and_a_class_have_waits_of_their_own() -> io::Result<()> {
    let scratch = Scratch::new("schedules")?;
    let busy = Recorder::answering(|_| "450 4.3.0 later".into())?;
    let settings = format!(
        "[[source]]\nname = \"all\"\nclass = \"transactional\"\n\
         [dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {}\n\
         [[site]]\nname = \"provider\"\nmx = [\".provider.test\"]\n\
         retry = [\"300ms\", \"700ms\", \"1h\"]\nexpire = \"2h\"\n\
         [retry]\njitter = 0.1\ntransactional = [\"200ms\", \"3h\"]\n",
        names::serve(NAMES)?,
        busy.address().port(),
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    send(&ringpost, "x@a.test")?;
    send(&ringpost, "x@else.test")?;
    waits(&ringpost, "x@a.test", &[300, 700, HOUR])?;
    waits(&ringpost, "x@else.test", &[200, 3 * HOUR])?;
    // What set it is named with its line.
    let text = std::fs::read_to_string(scratch.path().join("ringpost.toml"))?;
    let line = |of: &str| text.lines().position(|line| line.starts_with(of)).map(|at| at + 1);
    for (to, key, at, expires) in [
        ("x@a.test", "[[site]] retry", line("retry = "), "its time is up in 1 h"),
        ("x@else.test", "[retry] transactional", line("transactional = "), "up in 2 d 23 h"),
    ] {
        let message = wait::until("its name", PATIENCE, || id(&ringpost, to))?;
        let told = ask(&ringpost, &["why", &message])?;
        let place = format!("ringpost.toml:{}: {key}", at.expect("it is there"));
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(&place) && told.contains(expires), "{place}, {expires}: {told}");
    }

    // New settings hold from the next attempt on, and for what comes.
    ringpost.rewrite(|text| {
        text.replace("class = \"transactional\"\n", "")
            .replace("retry = [", "retry = [\"200ms\", ")
            .replace(
                "\"3h\"]",
                "\"3h\"]\nbulk = { first = \"500ms\", factor = 8.0, longest = \"2h\" }",
            )
    })?;
    let done = ask(&ringpost, &["reload"])?;
    assert!(done.contains("[[site]]") && done.contains("retry.bulk"), "{done}");
    send(&ringpost, "y@a.test")?;
    send(&ringpost, "y@else.test")?;
    waits(&ringpost, "y@a.test", &[200, 300, 700, HOUR])?;
    waits(&ringpost, "y@else.test", &[500, 4_000])?;
    ask(&ringpost, &["flush", "provider", "--reason", "a test"])?;
    waits(&ringpost, "x@a.test", &[300, 700, HOUR, HOUR])
}
