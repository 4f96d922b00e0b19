//! A disk that stops answering. Its shard says so in time and loses nothing; the other shard
//! does not notice.

use crate::load::{self, Ends, told};
use crate::{PATIENCE, settings, turn};
use loadgen::arrivals::Arrivals;
use loadgen::rate::Rate;
use loadgen::send::{self, Sending};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::Duration;
use tests::loop_disk::{Filesystem, LoopDisk};
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

const DISK_BYTES: u64 = 256 * 1_024 * 1_024;
/// Segments long enough that none is given back in a test.
const SPOOL: &str = "segment_bytes = 33554432\nfree_bytes_min = 16777216\n";
/// How long at least a message waits for the disk before it hears 451: 30 s from the write
/// that hangs, which may be one before its own.
const DISK_WAIT: Duration = Duration::from_secs(25);
/// By when it must have heard it, on a machine that does ten other things.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// Messages a second on all connections.
const RATE: Rate = Rate::per_second(200.0);
/// Messages timed before the disk freezes.
const TIMED: usize = 2_000;
/// Messages timed between two looks at the shard whose disk is frozen.
const LOOK_EVERY: usize = 100;
/// Messages that may arrive twice after the kill.
const DUPLICATES: u64 = 1_000;

#[test]
fn a_frozen_log_is_its_own_shards_trouble() -> io::Result<()> {
    let Some(turn) = turn() else { return Ok(()) };
    let scratch = Scratch::new("frozen")?;
    let disk = LoopDisk::make(scratch.path(), "disk", Filesystem::Ext4, DISK_BYTES, &[])?;
    let ends = Ends::start(scratch.path(), 0.2)?;
    let spool = spool_with_a_log_on(&disk, scratch.path())?;
    let mut ringpost = start(&spool, scratch.path(), &ends)?;
    let sending = offer(&ends, &ringpost)?;
    let (mut healthy, mut held, mut turned_away) =
        (on_shard(0, &ringpost)?, on_shard(1, &ringpost)?, on_shard(1, &ringpost)?);
    let mut calm = Latencies::default();
    calm.time(&mut healthy, TIMED)?;
    // Half a minute of waiting is to come, beside which others may run.
    drop(turn);

    let frozen = disk.freeze()?;
    let start = wait::now();
    let holding = thread::spawn(move || hold(&mut held));
    let mut meanwhile = Latencies::default();
    // The other shard takes its mail all the while.
    while ringpost.accepting()? == 2 {
        meanwhile.time(&mut healthy, LOOK_EVERY)?;
        assert!(start.elapsed() < ANSWER_MAX, "the shard still takes mail");
    }
    turned_away.say("MAIL FROM:<me@sender.test>", "452 4.3.0 the spool's disk does not answer")?;
    while !holding.is_finished() {
        meanwhile.time(&mut healthy, LOOK_EVERY)?;
    }
    drop(frozen);
    let waited = holding.join().expect("it does not panic")?;
    assert!(waited >= DISK_WAIT && waited < ANSWER_MAX, "451 came after {waited:?}");

    load::accepting(&ringpost, 2)?;
    turned_away.send("me@sender.test", "back@site.test", "Subject: x\r\n\r\nthawed\r\n")?;
    println!("451 after {waited:.1?}; the other shard: {calm}; frozen: {meanwhile}");
    end(sending)?;
    // What was taken back is on the disk, and must not come back from there.
    load::empty(&ringpost)?;
    assert!(ringpost.drain()?.success(), "{}", ringpost.said());
    ringpost.restart()?;
    on_shard(1, &ringpost)?;
    let verdicts = ends.judge(&ringpost, 0)?;
    assert!(verdicts.proof.holds, "{}", told(&verdicts));
    assert_eq!(ringpost.attempts(HELD)?, [], "who heard 451 sends it again, so we must not");
    Ok(())
}

#[test]
fn a_relay_killed_on_a_frozen_disk_loses_nothing() -> io::Result<()> {
    let Some(_turn) = turn() else { return Ok(()) };
    let scratch = Scratch::new("frozen-kill")?;
    let disk = LoopDisk::make(scratch.path(), "disk", Filesystem::Xfs, 2 * DISK_BYTES, &[])?;
    let ends = Ends::start(scratch.path(), 0.2)?;
    let mut ringpost = start(&disk.place().join("spool"), scratch.path(), &ends)?;
    let sending = offer(&ends, &ringpost)?;
    let frozen = disk.freeze()?;
    // Both shards have a write under way that does not end.
    load::accepting(&ringpost, 0)?;
    thread::scope(|scope| {
        // Its writers die when the disk thaws, and not before.
        let killing = scope.spawn(|| ringpost.kill());
        drop(frozen);
        killing.join().expect("it does not panic")
    })?;
    ringpost.restart()?;
    load::wait_for(&sending, 500)?;
    end(sending)?;
    let verdicts = ends.judge(&ringpost, DUPLICATES)?;
    assert!(verdicts.proof.holds, "{}", told(&verdicts));
    Ok(())
}

/// A spool whose log of shard 1 lies on `disk`.
fn spool_with_a_log_on(disk: &LoopDisk, folder: &Path) -> io::Result<std::path::PathBuf> {
    let (spool, log) = (folder.join("spool"), disk.place().join("log-01"));
    fs::create_dir(&spool)?;
    fs::create_dir(&log)?;
    symlink(&log, spool.join("log-01"))?;
    Ok(spool)
}

fn start(spool: &Path, folder: &Path, ends: &Ends) -> io::Result<Ringpost> {
    let outfit = Outfit {
        shards: Some(2),
        spool: Some(spool.into()),
        spool_settings: SPOOL.into(),
        ..Outfit::default()
    };
    Ringpost::start_as(outfit, folder, &settings(ends.address()))
}

/// Offers mail on connections of both shards, and waits until it flows.
fn offer(ends: &Ends, ringpost: &Ringpost) -> io::Result<Sending> {
    let patience = 2 * ANSWER_MAX;
    let plan =
        send::Options { arrivals: Arrivals::constant(RATE), patience, ..ends.plan(ringpost)? };
    let sending = send::start(plan)?;
    load::wait_for(&sending, 200)?;
    Ok(sending)
}

fn end(sending: Sending) -> io::Result<()> {
    sending.stop();
    sending.join().map(drop)
}

/// A connection that this shard has taken: its log is the first number in a message's name.
fn on_shard(shard: usize, ringpost: &Ringpost) -> io::Result<Speaker> {
    let accepted = format!("250 2.0.0 accepted {shard}-");
    wait::until("a connection on that shard", PATIENCE, || {
        let mut speaker = Speaker::connect(ringpost.smtp()).ok()?;
        speaker.say("EHLO probe.test", "250").ok()?;
        let reply = speaker.send("me@sender.test", "probe@site.test", "Subject: x\r\n\r\nx\r\n");
        reply.ok()?.starts_with(&accepted).then_some(speaker)
    })
}

/// Who gets a message that is never taken.
const HELD: &str = "held@site.test";

/// Sends a message to a disk that does not answer. Returns how long it took to hear 451.
fn hold(speaker: &mut Speaker) -> io::Result<Duration> {
    speaker.be_patient(2 * ANSWER_MAX)?;
    speaker.say("MAIL FROM:<me@sender.test>", "250")?;
    speaker.say(&format!("RCPT TO:<{HELD}>"), "250")?;
    speaker.say("DATA", "354")?;
    let start = wait::now();
    speaker.say("Subject: x\r\n\r\nheld\r\n.", "451 4.3.0 ")?;
    Ok(start.elapsed())
}

/// How long messages took, from MAIL to the answer to the final dot.
#[derive(Debug, Default)]
struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sends so many messages, each of which must be taken.
    fn time(&mut self, speaker: &mut Speaker, messages: usize) -> io::Result<()> {
        for _ in 0..messages {
            let start = wait::now();
            speaker.send("me@sender.test", "timed@site.test", "Subject: x\r\n\r\ntimed\r\n")?;
            self.0.push(start.elapsed());
        }
        Ok(())
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at =
            |percent: usize| sorted.get(sorted.len() * percent / 100).unwrap_or(&Duration::ZERO);
        write!(f, "p50 {:.2?} p99 {:.2?} of {}", at(50), at(99), sorted.len())
    }
}
