//! A recipient that hard-bounces again and again is told of, once, and counted on over a restart.

use crate::common::{PATIENCE, route};
use serde_json::Value;
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

/// Sends to each of these, and waits until all of it has failed.
fn fail(ringpost: &Ringpost, to: &[&str], in_all: u64) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for to in to {
        speaker.send("me@sender.test", to, "Subject: x\r\n\r\nhello\r\n")?;
    }
    ringpost.wait_for_metric(&format!(
        "ringpost_undelivered_total{{outcome=\"failed\",category=\"bad-mailbox\"}} {in_all}"
    ))
}

/// Who is told of, and for how many bounces, once so many are.
fn told(ringpost: &Ringpost, count: usize) -> io::Result<Vec<(String, u64)>> {
    let lines = || {
        let log = ringpost.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let told = lines.filter(|line| line["event"] == "suppression_advised");
        told.filter(|line| line["category"] == "bad-mailbox" && line["text"] == "no such user")
            .filter_map(|line| {
                Some((line["recipient"].as_str()?.to_owned(), line["bounces"].as_u64()?))
            })
            .collect::<Vec<_>>()
    };
    wait::until("the lines", PATIENCE, || Some(lines()).filter(|told| told.len() >= count))
}

#[test]
fn who_hard_bounces_so_often_is_told_of_once() -> io::Result<()> {
    let scratch = Scratch::new("hard-bounces")?;
    let host = Recorder::answering(|path| match path {
        path if path.contains("full@") => "552 5.2.2 mailbox full".into(),
        path if path.contains("me@") => "250 2.1.5 fine".into(),
        _ => "550 5.1.1 no such user".into(),
    })?;
    let settings = format!("[delivery]\nsuppress_after = 2\n{}", route("*", host.address()));
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    // A full mailbox is no hard bounce, however often.
    let first = ["gone@a.test", "full@a.test", "full@a.test", "once@a.test"];
    fail(&ringpost, &first, 2)?;
    fail(&ringpost, &["GONE@A.test"], 3)?;
    fail(&ringpost, &["gone@a.test"], 4)?;
    let gone = ("GONE@A.test".to_owned(), 2);
    assert_eq!(told(&ringpost, 1)?, std::slice::from_ref(&gone));

    ringpost.drain()?;
    ringpost.restart()?;
    fail(&ringpost, &["once@a.test", "gone@a.test"], 2)?;
    let once = ("once@a.test".to_owned(), 2);
    assert_eq!(told(&ringpost, 2)?, [gone, once]);
    let advised = ringpost.metric("ringpost_suppressions_advised_total")?;
    assert!((advised - 1.0).abs() < 0.1, "{advised} since the start");
    Ok(())
}
