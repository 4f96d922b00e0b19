//! A running engine says what of its spool is damaged, and keeps the bad bytes; the operator's
//! tools know them when they see them.

use crate::common::{PATIENCE, route};
use crate::spool_tools::{NOWHERE, RETRY_LATE, name, said, segment, spool, value};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::Path;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

/// The lines of this kind in the delivery log so far.
fn lines(folder: &Path, event: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("delivery.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).collect()
}

fn damage(folder: &Path, times: usize) -> io::Result<Value> {
    let mut told = wait::until("damage in the delivery log", PATIENCE, || {
        Some(lines(folder, "spool_damaged")).filter(|lines| lines.len() >= times)
    })?;
    assert_eq!(told.len(), times, "{told:?}");
    Ok(told.remove(times - 1))
}

fn files(directory: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?.map(|file| Ok(file?.file_name().to_string_lossy().into())).collect()
}

#[test]
fn damage_is_told_at_start_and_kept_in_quarantine() -> io::Result<()> {
    let scratch = Scratch::new("spool-damage")?;
    let folder = scratch.path();
    let mut ringpost = Ringpost::start(folder, &(route("*", NOWHERE) + RETRY_LATE))?;
    let mut ids = Vec::new();
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for needle in ["needle-one", "needle-two", "needle-three"] {
        let text = format!("Subject: x\r\n\r\n{needle}\r\n");
        ids.push(name(&speaker.send("me@sender.test", "a@site.test", &text)?));
    }
    ringpost.kill()?;
    let (file, mut bytes, text) = segment(folder, b"needle-two")?;
    bytes[text] ^= 4;
    fs::write(&file, &bytes)?;

    ringpost.restart()?;
    let line = damage(folder, 1)?;
    assert_eq!((&line["flaw"], &line["messages_total"]), (&"damaged".into(), &1.into()), "{line}");
    assert_eq!(line["messages"], serde_json::json!([ids[1]]), "{line}");
    let number = |key: &str| line[key].as_u64().unwrap_or_default() as usize;
    let (start, end) = (number("start"), number("end"));
    assert!((start..end).contains(&text), "{line}");
    let log = file.parent().expect("a log");
    let copy = log.join(line["copy"].as_str().expect("a name"));
    assert!(fs::read(&copy)? == bytes[start..end], "the copy is another");
    wait::until("the counter", PATIENCE, || {
        (ringpost.metric("ringpost_spool_damage_total").ok()? > 0.5).then_some(())
    })?;
    assert_eq!(ringpost.queued()?, 2, "the others are there");

    ringpost.kill()?;
    ringpost.restart()?;
    assert_eq!(damage(folder, 2)?["copy"], line["copy"]);
    assert_eq!(files(&log.join("quarantine"))?.len(), 1, "no second copy");
    assert!(ringpost.drain()?.success());
    tools_know_it(folder, &copy)
}

fn tools_know_it(folder: &Path, copy: &Path) -> io::Result<()> {
    let check = value(folder, &["check", "--deep"])?;
    let problems = check["problems"].as_array().expect("a list");
    let ours = problems.iter().find(|problem| problem["file"] == copy.display().to_string());
    let ours = ours.ok_or_else(|| io::Error::other(check.to_string()))?;
    assert_eq!(ours["harmless"], true, "{ours}");
    let strangers = problems.iter().filter(|one| one["found"] == "a file that is not of the spool");
    assert_eq!(strangers.count(), 0, "{check}");
    assert_eq!(value(folder, &["stat"])?["total"]["quarantine_files"], 1);
    let export = spool(folder, &["export", &folder.join("export").display().to_string()])?;
    assert_eq!(export.status.code(), Some(0), "{}", said(&export));
    Ok(())
}
