//! A running engine says what of its spool is damaged, and keeps the bad bytes; the operator's
//! tools know them when they see them.

use crate::common::{PATIENCE, RETRY_SOON, route};
use crate::spool_tools::{NOWHERE, RETRY_LATE, needles, said, segment, send, spool, value};
use serde_json::Value;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
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
    let ids = needles(&ringpost)?;
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

/// The bytes are put right again in the end, as those of a fault that passes.
#[test]
fn a_message_found_damaged_when_it_is_tried_is_told_once_and_kept_waiting() -> io::Result<()> {
    let scratch = Scratch::new("spool-damaged-text")?;
    let folder = scratch.path();
    let willing = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&willing);
    let site = Recorder::answering(move |_| {
        let taken = asked.load(Ordering::Relaxed);
        if taken { "250 2.1.5 fine".into() } else { "450 4.2.1 later".into() }
    })?;
    let ringpost = Ringpost::start(folder, &(route("*", site.address()) + RETRY_SOON))?;
    let id = send(ringpost.smtp(), &["a@site.test"], "Subject: x\r\n\r\nneedle\r\n")?;
    let (file, bytes, text) = segment(folder, b"needle")?;
    let file = fs::OpenOptions::new().write(true).open(file)?;
    file.write_all_at(&[bytes[text] ^ 4], text as u64)?;
    let words = "the message's copy on disk is damaged";
    let damaged = |lines: &[Value]| lines.iter().filter(|line| line["text"] == words).count();
    let attempts = wait::until("attempts that fail for it", PATIENCE, || {
        Some(lines(folder, "attempt")).filter(|lines| damaged(lines) >= 3)
    })?;
    let attempt = attempts.iter().find(|line| line["text"] == words).expect("there are three");
    assert_eq!((&attempt["outcome"], &attempt["code"]), (&"deferred".into(), &451.into()));
    let line = damage(folder, 1)?;
    assert_eq!((&line["messages"], &line["flaw"]), (&serde_json::json!([id]), &"damaged".into()));
    let kept = line["start"].as_u64()..line["end"].as_u64();
    assert!(kept.contains(&Some(text as u64)), "{line}");
    assert!(line["copy"].is_string(), "{line}");
    assert!((ringpost.metric("ringpost_spool_messages_damaged_total")? - 1.0).abs() < 0.5);

    willing.store(true, Ordering::Relaxed);
    file.write_all_at(&bytes[text..=text], text as u64)?;
    let mail = site.wait_for(1, PATIENCE)?.remove(0);
    assert!(mail.text.ends_with(b"needle\r\n"), "it is sent as it was received");
    Ok(())
}
