//! Addresses that send some more every day: so many of today, also over a restart and by new settings.

use crate::common::{PATIENCE, route, succeed};
use std::io;
use std::process::Command;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{program, wait};

const FIRST: &str = "127.0.0.91";
const SECOND: &str = "127.0.0.92";

/// A time zone where it is about noon now, so that the day does not end meanwhile, and its date.
fn noon() -> (String, String) {
    let now = kernel::uring::wall().0 / 1_000;
    let ahead = 12 - (now / 3_600 % 24).cast_signed();
    let at = jiff::Timestamp::from_second(now.cast_signed() + ahead * 3_600).expect("it is near");
    // Its names count from the other side.
    let zone = if ahead < 0 { format!("Etc/GMT+{}", -ahead) } else { format!("Etc/GMT-{ahead}") };
    (zone, at.to_string()[..10].to_owned())
}

fn settings(sources: &[&str], to: std::net::SocketAddr) -> String {
    let (zone, today) = noon();
    let tables =
        sources.iter().map(|address| format!("[[pool.source]]\naddress = \"{address}\"\n"));
    let tables: String = tables.collect();
    format!(
        "[[pool]]\nname = \"main\"\n{tables}[delivery]\npool = \"main\"\n\
         [[warmup]]\nsources = [\"{FIRST}\"]\nstarted = \"{today}\"\nzone = \"{zone}\"\n\
         per_day = [3, 1000]\n{}",
        route("*", to)
    )
}

fn send(ringpost: &Ringpost, count: usize) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for _ in 0..count {
        speaker.send("me@sender.test", "one@a.test", "Subject: x\r\n\r\nhello\r\n")?;
    }
    Ok(())
}

fn ask(ringpost: &Ringpost, words: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program::built("ringpost")?);
    succeed(command.args(words).arg("--admin").arg(ringpost.admin().to_string()))
}

/// Asks why a site's mail waits until it is for its day.
fn is_held(ringpost: &Ringpost, site: &str) -> io::Result<String> {
    let mut last = String::new();
    let told = || {
        last = ask(ringpost, &["why", site]).unwrap_or_else(|error| error.to_string());
        last.contains("held by   warmup").then(|| last.clone())
    };
    wait::until("the day to be spent", PATIENCE, told)
        .map_err(|late| io::Error::other(format!("{late}: {last}")))
}

#[test]
fn what_one_address_may_not_send_today_leaves_from_another() -> io::Result<()> {
    let scratch = Scratch::new("warmup")?;
    let taken = Recorder::start()?;
    let ringpost = Ringpost::start(scratch.path(), &settings(&[FIRST, SECOND], taken.address()))?;
    send(&ringpost, 20)?;
    let mails = taken.wait_for(20, PATIENCE)?;
    let first = mails.iter().filter(|mail| mail.client == FIRST).count();
    assert_eq!((first, mails.len()), (3, 20));
    assert!(!ringpost.log().contains(r#""outcome":"deferred""#), "nobody is charged");
    Ok(())
}

#[test]
fn what_has_no_day_left_waits_also_over_a_restart_and_says_why() -> io::Result<()> {
    let scratch = Scratch::new("warmup-why")?;
    let taken = Recorder::start()?;
    let mut ringpost = Ringpost::start(scratch.path(), &settings(&[FIRST], taken.address()))?;
    let site = taken.address().to_string();
    send(&ringpost, 8)?;
    taken.wait_for(3, PATIENCE)?;
    let told = is_held(&ringpost, &site)?;
    for words in ["127.0.0.91 of the pool main has had its 3 messages of today", ".toml:"] {
        assert!(told.contains(words), "{words} is not in\n{told}");
    }
    assert!(ringpost.drain()?.success());
    ringpost.restart()?;
    is_held(&ringpost, &site)?;
    assert_eq!(taken.mails().len(), 3, "the day goes on");
    ringpost.rewrite(|text| text.replace("[3, 1000]", "[5, 1000]"))?;
    ask(&ringpost, &["reload"])?;
    taken.wait_for(5, PATIENCE)?;
    is_held(&ringpost, &site)?;
    ringpost.rewrite(|text| text.replace("[5, 1000]", "[]"))?;
    ask(&ringpost, &["reload"])?;
    let mails = taken.wait_for(8, PATIENCE)?;
    assert!(mails.iter().all(|mail| mail.client == FIRST), "behind its last day it is free");
    assert!(!ringpost.log().contains(r#""outcome":"deferred""#), "nobody is charged");
    Ok(())
}
