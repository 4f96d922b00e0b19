//! A drop of many messages, and `kill -9` in the middle of it.

use crate::common::{PATIENCE, route};
use crate::drops::{ended, finals, wait_for_queued};
use crate::load::fill;
use crate::why::{ask, send};
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::wait;

/// Messages that are given up, for two domains.
const MESSAGES: u64 = 12_000;

/// After a crash each message is given up or still there, none is both: what is still there is given up by
/// the same order, or delivered, and nothing that was given up is.
#[test]
fn a_drop_that_is_killed_in_the_middle_leaves_each_message_dropped_or_there() -> io::Result<()> {
    let scratch = Scratch::new("drops-killed")?;
    let host = Recorder::start()?;
    let mut ringpost = Ringpost::start(scratch.path(), &route("*", host.address()))?;
    let site = host.address().to_string();
    send(&ringpost, "first@one.test")?;
    host.wait_for(1, PATIENCE)?;
    ask(&ringpost, &["pause", &site, "--reason", "a recall"])?;
    fill(&ringpost, MESSAGES, "one.test,two.test")?;
    wait_for_queued(&ringpost, MESSAGES)?;

    ask(&ringpost, &["drop", &site, "--reason", "recalled"])?;
    // A line is behind its record, so that some records are durable.
    let is_begun = || (!ended(&ringpost, "dropped").is_empty()).then_some(());
    wait::until("the first of them gone", PATIENCE, is_begun)?;
    ringpost.kill()?;
    // What the system was told to write is written by the time that the port is free again.
    ringpost.restart()?;
    let told = ended(&ringpost, "dropped").len() as u64;
    let left = ringpost.queued()?;
    assert!(0 < left && left < MESSAGES, "{left} are left: it was killed in the middle");
    // The last lines before the crash may be missing; none is of a message that is still there.
    assert!(told + left <= MESSAGES, "{told} are dropped by the log, and {left} are there");

    let again = ["drop", &site, "--domain", "one.test", "--reason", "recalled"];
    ask(&ringpost, &again)?;
    let dry = [&again[..], &["--dry-run"]].concat();
    let is_done = || ask(&ringpost, &dry).ok()?.contains("0 ready, 0 waiting").then_some(());
    wait::until("none left of one domain", PATIENCE, is_done)?;
    let delivered = ringpost.queued()?;
    ask(&ringpost, &["resume", &site])?;
    wait_for_queued(&ringpost, 0)?;
    assert_eq!(host.mails().len() as u64, 1 + delivered);
    let is_delivered = |outcomes: &&Vec<String>| outcomes.contains(&"delivered".to_owned());
    let all = || {
        let ends = finals(&ringpost);
        let count = ends.values().filter(is_delivered).count() as u64;
        (count == 1 + delivered).then_some(ends)
    };
    let ends = wait::until("the lines of what was delivered", PATIENCE, all)?;
    let twice = ends.values().filter(|outcomes| outcomes.len() > 1).count();
    assert_eq!(twice, 0, "of {told} that were dropped before the crash and {left} left");
    assert_eq!(ends.len() as u64, 1 + told + left, "{told} were dropped before, {left} left");
    Ok(())
}
