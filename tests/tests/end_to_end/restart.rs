//! What a restart must not forget: how often a message was tried, and when it is due.

use crate::common::{PATIENCE, route};
use std::io;
use std::time::Duration;
use tests::recorder::Recorder;
use tests::ringpost::{Attempt, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

/// From one attempt to the next: long enough to be dead in between.
const WAIT: Duration = Duration::from_secs(4);
/// How long it is dead.
const DEAD: Duration = Duration::from_secs(2);

#[test]
fn a_killed_ringpost_keeps_attempts_and_due_times() -> io::Result<()> {
    survive(Ringpost::kill)
}

#[test]
fn a_drained_ringpost_keeps_attempts_and_due_times() -> io::Result<()> {
    survive(|ringpost| {
        assert!(ringpost.drain()?.success());
        Ok(())
    })
}

fn survive(end: impl FnOnce(&mut Ringpost) -> io::Result<()>) -> io::Result<()> {
    let scratch = Scratch::new("restart")?;
    let mut answers = ["450 4.2.1 later", "450 4.2.1 later", "250 2.1.5 fine"].into_iter();
    let site = Recorder::answering(move |_| answers.next().unwrap_or("250 2.1.5 fine").into())?;
    let retry = "[retry]\nfirst = \"4s\"\nfactor = 1.0\njitter = 0.0\n";
    let mut ringpost = Ringpost::start(scratch.path(), &(route("*", site.address()) + retry))?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.send("me@sender.test", "slow@site.test", "Subject: x\r\n\r\nhello\r\n")?;

    let first = attempt(&ringpost, 1)?;
    let due = first.next.expect("a deferral says when it is due");
    assert!(due - first.at > WAIT.as_millis() as u64 / 2, "{first:?}");
    end(&mut ringpost)?;
    let dead = wait::now();
    wait::until("time to pass", PATIENCE, || (dead.elapsed() >= DEAD).then_some(()))?;
    ringpost.restart()?;

    let second = attempt(&ringpost, 2)?;
    assert_eq!((second.number, second.outcome.as_str()), (2, "deferred"));
    assert!(second.at + 1 >= due, "not before it was due: {second:?}, {due}");
    let late = Duration::from_millis(second.at.saturating_sub(due));
    assert!(late < DEAD, "the wait did not begin again: {late:?}");
    let third = attempt(&ringpost, 3)?;
    assert_eq!((third.number, third.outcome.as_str()), (3, "delivered"));
    assert_eq!(site.mails().len(), 1);
    Ok(())
}

/// The how-manieth attempt that was made, once it was.
fn attempt(ringpost: &Ringpost, number: usize) -> io::Result<Attempt> {
    wait::until("an attempt", PATIENCE, || {
        ringpost.attempts("slow@site.test").ok()?.into_iter().nth(number - 1)
    })
}
