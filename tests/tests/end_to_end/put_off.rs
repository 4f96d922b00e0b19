//! Mail that an operator puts off.

use crate::common::{PATIENCE, route};
use crate::why::{ask, put_off, send};
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::{Attempt, Ringpost};
use tests::scratch::Scratch;
use tests::wait;

/// How far the clocks of a shard may be from one another.
const COARSE_MILLIS: u64 = 20;

fn attempt(ringpost: &Ringpost, recipient: &str, which: usize) -> io::Result<Attempt> {
    let made = || ringpost.attempts(recipient).ok()?.into_iter().nth(which);
    wait::until("an attempt", PATIENCE, made)
}

/// Milliseconds since the Unix epoch, as the answer in JSON has them.
fn due(told: &str) -> u64 {
    let told: serde_json::Value = serde_json::from_str(told).expect("it is JSON");
    told["due"].as_u64().expect("it says when")
}

/// When a message is tried next, as the record on disk has it.
fn next(ringpost: &Ringpost, message: &str) -> Option<u64> {
    let told = ask(ringpost, &["why", message, "--json"]).ok()?;
    let told: serde_json::Value = serde_json::from_str(&told).ok()?;
    told["open"][0]["limiter"]["next_at"].as_u64()
}

#[test]
fn what_waits_is_due_at_its_time_and_not_before_and_a_restart_keeps_that() -> io::Result<()> {
    let scratch = Scratch::new("put-off")?;
    let fine = Recorder::start()?;
    let mut answers = ["450 4.2.1 mailbox busy"].into_iter();
    let once = Recorder::answering(move |_| answers.next().unwrap_or("250 2.1.5 fine").into())?;
    let routes = [("fine.test", fine.address()), ("once.test", once.address())];
    let routes = routes.map(|(domain, to)| route(domain, to)).concat();
    let settings = format!("[delivery]\nidle = \"1m\"\n{routes}");
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    let site = fine.address().to_string();
    send(&ringpost, "first@fine.test")?;
    fine.wait_for(1, PATIENCE)?;
    ask(&ringpost, &["pause", &site, "--reason", "to see what waits"])?;
    send(&ringpost, "a@fine.test")?;
    send(&ringpost, "b@once.test")?;
    let message = put_off(&ringpost, "b@once.test")?;

    let later = ["schedule", "--domain", "fine.test", "--in", "6s", "--reason", "a sale"];
    let dry = ask(&ringpost, &[&later[..], &["--dry-run"]].concat())?;
    let dry = dry.replace('\n', " ");
    assert!(dry.contains("would be about 1 ready, 0 waiting"), "{dry}");
    let first = due(&ask(&ringpost, &[&later[..], &["--json"]].concat())?);
    // What waits for a retry is due earlier by that, which counts as an attempt on disk, and then is due
    // later by another.
    let sooner = ["schedule", "--message", &message, "--reason", "a sale", "--json", "--in"];
    ask(&ringpost, &[&sooner[..], &["4s"]].concat())?;
    let second = due(&ask(&ringpost, &[&sooner[..], &["7s"]].concat())?);
    let counted = || {
        let told = ask(&ringpost, &["queue"]).ok()?;
        told.contains("0 ready, 2 waiting for a retry").then_some(())
    };
    wait::until("both put off", PATIENCE, counted)?;
    let is_later = || (next(&ringpost, &message)? + COARSE_MILLIS >= second).then_some(());
    wait::until("one put off again", PATIENCE, is_later)?;
    ask(&ringpost, &["resume", &site])?;
    ringpost.drain()?;
    ringpost.restart()?;
    for (recipient, which, number, due) in
        [("a@fine.test", 0, 1, first), ("b@once.test", 1, 3, second)]
    {
        let made = attempt(&ringpost, recipient, which)?;
        assert_eq!((made.number, made.outcome.as_str()), (number, "delivered"));
        assert!(made.at + COARSE_MILLIS >= due, "{recipient}, due at {due}: {made:?}");
    }
    assert_eq!((fine.mails().len(), once.mails().len()), (2, 1));
    Ok(())
}

#[test]
fn mail_whose_time_is_up_before_is_tried_for_the_last_time_then() -> io::Result<()> {
    let scratch = Scratch::new("put-off-expiring")?;
    let fine = Recorder::start()?;
    let idle = "[delivery]\nidle = \"1m\"\n";
    let settings = format!("{idle}[retry]\nexpire = \"8s\"\n{}", route("*", fine.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let site = fine.address().to_string();
    send(&ringpost, "first@fine.test")?;
    fine.wait_for(1, PATIENCE)?;
    ask(&ringpost, &["pause", &site, "--reason", "to see what waits"])?;
    send(&ringpost, "a@fine.test")?;
    let told = ask(&ringpost, &["schedule", &site, "--in", "1h", "--reason", "a sale"])?;
    let told = told.replace('\n', " ");
    assert!(told.contains("1 of these are tried for the last time before"), "{told}");
    ask(&ringpost, &["resume", &site])?;
    let made = attempt(&ringpost, "a@fine.test", 0)?;
    assert_eq!(made.outcome, "delivered");
    let past = ["schedule", &site, "--at", "2020-01-01T00:00:00Z", "--reason", "x"];
    let past = ask(&ringpost, &past).unwrap_err();
    assert!(past.to_string().contains("`at` is to come"), "{past}");
    Ok(())
}
