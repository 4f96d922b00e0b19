//! `ringpost replay`: a log of the engine's own, once more, by the settings that made it and by better ones.

use crate::common::succeed;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::{port, program, wait};

use loadgen::send;
use loadgen::sink::{self, Provider, dns, profiles};

const MESSAGES: u64 = 300;
/// A provider that takes twenty at once, and twenty a second.
const PROVIDER: &str = r#"
name = "slow"
domains = ["slow.example", "slower.example"]
hosts = ["mx1.slow.example", "mx2.slow.example"]
message_rate = "20/s"

[replies]
rate = "451 4.7.1 Rate limit exceeded, try again later"
"#;
/// Whoever asks again each second, whatever is said.
const RETRY: &str = "[retry]\nfirst = \"1s\"\nfactor = 1.0\nlongest = \"1s\"\n";
const DEAF: &str = "[delivery]\nheed_replies = false\n";
const BETTER: &str = "message_rate = \"18/s\"\n";

/// The log of a run in which the provider has more than it takes.
fn yesterday(folder: &Path) -> io::Result<PathBuf> {
    let port = port::free()?.port();
    let provider = Provider::read_profile("slow", PROVIDER);
    let mut providers = vec![provider.map_err(io::Error::other)?];
    profiles::place(&mut providers, port).map_err(io::Error::other)?;
    let options = sink::Options { providers, seed: 1, ledger: None, threads: 1 };
    let sink = sink::start(options)?;
    let zone = dns::Zone::new(sink.providers()).map_err(io::Error::other)?;
    let dns = dns::serve(([127, 0, 0, 1], 0).into(), zone)?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {port}\n{RETRY}{DEAF}",
        dns.address,
    );
    let ringpost = Ringpost::start(folder, &settings)?;
    let options = send::Options {
        messages: MESSAGES,
        domains: "slow.example,slower.example".parse().map_err(io::Error::other)?,
        ..send::Options::new(ringpost.smtp())
    };
    let report = send::start(options)?.join()?;
    assert_eq!(report.accepted, MESSAGES, "{report:?}");
    wait::until("an empty queue", Duration::from_mins(2), || {
        (ringpost.queued().ok()? == 0).then_some(())
    })?;
    let log = folder.join("yesterday.log");
    wait::until("a whole log", Duration::from_secs(10), || {
        let text = ringpost.log();
        let is_whole = text.matches("\"outcome\":\"delivered\"").count() as u64 == MESSAGES;
        is_whole.then(|| fs::write(&log, text))
    })??;
    sink.stop();
    sink.join()?;
    Ok(log)
}

fn replay(log: &Path, old: &Path, new: &Path, more: &[&str]) -> io::Result<Command> {
    let mut replay = Command::new(program::built("ringpost")?);
    replay.arg("replay").arg(log).arg("--config").arg(old).arg("--profiles").arg(new).args(more);
    Ok(replay)
}

/// How much the second is of the first.
fn share(of: &Value, key: &str, other: &Value) -> f64 {
    let number = |sides: &Value| sides.pointer(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
    number(other) / number(of)
}

fn deferrals(side: &Value) -> u64 {
    let classes = side["deferred"].as_object().into_iter().flatten();
    classes.filter_map(|(_, count)| count.as_u64()).sum()
}

#[test]
fn by_the_same_settings_it_is_near_the_log_and_by_better_ones_less_is_put_off() -> io::Result<()> {
    let scratch = Scratch::new("replay")?;
    let log = yesterday(scratch.path())?;
    let (old, new) = (scratch.path().join("old.toml"), scratch.path().join("new.toml"));
    fs::write(&old, format!("{RETRY}{DEAF}"))?;
    fs::write(&new, format!("{RETRY}{DEAF}{BETTER}"))?;
    let told = succeed(&mut replay(&log, &old, &new, &["--json"])?)?;
    let told: Value = serde_json::from_str(&told)?;
    let total = &told["total"];
    for side in ["log", "old", "new"] {
        assert_eq!(total[side]["delivered"], MESSAGES, "{side}: {told}");
    }
    let [log_count, old_count, new_count] =
        ["log", "old", "new"].map(|side| deferrals(&total[side]));
    println!(
        "{log_count} deferrals in the log, {old_count} and {new_count} in the replay: {told:#}"
    );
    assert!(log_count > MESSAGES, "the provider had too much: {told}");
    // Seen: a sixth fewer, and mail a sixth to a fourth sooner.
    assert!(log_count.abs_diff(old_count) * 5 < log_count * 2, "{log_count}, again {old_count}");
    assert!(new_count * 10 < old_count, "{old_count}, and better {new_count}");
    for key in ["/delivery_ms/median", "/delivery_ms/p99"] {
        let share = share(&total["log"], key, &total["old"]);
        assert!((0.6..1.6).contains(&share), "{key} is {share} of the log's: {told}");
    }
    let text = succeed(&mut replay(&log, &old, &new, &[])?)?;
    for words in ["all sites", "messages at once and", "held by message-rate", "An estimate"] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    Ok(())
}

#[test]
fn what_is_no_log_and_what_are_no_settings_is_told_with_its_line() -> io::Result<()> {
    let scratch = Scratch::new("replay-wrong")?;
    let file = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, text).map(|()| path)
    };
    let right = file("right.toml", "")?;
    let wrong = file("wrong.toml", "[delivery]\nconnections_per_site = \"many\"\n")?;
    let none = file("none.log", "")?;
    let other = file("other.log", "{\"event\":\"shard_stopped\",\"at\":1}\nNov 28 postfix/smtp\n")?;
    let told = |log: &Path, new: &Path| -> io::Result<(Option<i32>, String)> {
        let Output { status, stderr, stdout } = replay(log, &right, new, &[])?.output()?;
        assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
        Ok((status.code(), String::from_utf8_lossy(&stderr).into_owned()))
    };
    let (status, said) = told(&other, &right)?;
    assert!(status == Some(1) && said.contains("other.log:2: expected an event"), "{said}");
    let (status, said) = told(&none, &right)?;
    assert!(status == Some(1) && said.contains("no recipient was tried in it"), "{said}");
    let (status, said) = told(&none, &wrong)?;
    assert!(status == Some(2) && said.contains("wrong.toml:2"), "{said}");
    let (status, said) = told(&scratch.path().join("nothing.log"), &right)?;
    assert!(status == Some(1) && said.contains("nothing.log"), "{said}");
    Ok(())
}
