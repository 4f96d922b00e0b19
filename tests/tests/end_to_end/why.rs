//! Why mail does not move, asked of a running engine by its command line.

use crate::common::{PATIENCE, route, succeed};
use serde_json::Value;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, program, wait};

/// Asks the engine, by the command line; what it says, or that it fails.
pub(crate) fn ask(ringpost: &Ringpost, words: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program::built("ringpost")?);
    succeed(command.args(words).arg("--admin").arg(ringpost.admin().to_string()))
}

/// Asks until the answer has this word.
pub(crate) fn ask_until(ringpost: &Ringpost, words: &[&str], word: &str) -> io::Result<String> {
    let mut last = String::new();
    let told = || {
        last = ask(ringpost, words).unwrap_or_else(|error| error.to_string());
        last.contains(word).then(|| last.clone())
    };
    wait::until(word, PATIENCE, told).map_err(|late| io::Error::other(format!("{late}: {last}")))
}

pub(crate) fn send(ringpost: &Ringpost, to: &str) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.send("me@sender.test", to, "Subject: x\r\n\r\nhello\r\n").map(drop)
}

/// The message whose recipient was put off.
pub(crate) fn put_off(ringpost: &Ringpost, recipient: &str) -> io::Result<String> {
    let line = || {
        let log = ringpost.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut ours = lines.filter(|line| line["recipient"] == recipient);
        ours.find_map(|line| Some(line["id"].as_str()?.to_owned()))
    };
    wait::until("a line in the log", PATIENCE, line)
}

/// Asks until what keeps the mail is `held`; the answer has these words too.
pub(crate) fn explained(
    ringpost: &Ringpost,
    about: &str,
    held: &str,
    words: [&str; 3],
) -> io::Result<String> {
    let told = ask_until(ringpost, &["why", about], &format!("held by   {held}"))?;
    for word in words {
        assert!(told.contains(word), "{word} is not in\n{told}");
    }
    Ok(told)
}

/// Waits until the log tells of so many orders: their verbs, and who gave them, in the order of
/// their times. Each shard's lines are in order; two shards' are not.
pub(crate) fn orders(ringpost: &Ringpost, count: usize) -> io::Result<Vec<String>> {
    let ordered = || {
        let log = ringpost.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let orders = lines.filter(|line| line["event"] == "ordered");
        let mut orders: Vec<Value> = orders.collect();
        orders.sort_by_key(|line| line["at"].as_u64());
        let told = orders.iter().filter_map(|line| {
            Some(format!("{} {}", line["verb"].as_str()?, line["by"].as_str()?))
        });
        let told: Vec<String> = told.collect();
        (told.len() == count).then_some(told)
    };
    wait::until("the orders in the log", PATIENCE, ordered)
}

#[test]
fn what_does_not_move_is_explained_and_moves_when_that_is_lifted() -> io::Result<()> {
    let scratch = Scratch::new("why")?;
    let (nobody, is_busy) = (port::free()?, Arc::new(AtomicBool::new(true)));
    let busy = Arc::clone(&is_busy);
    let later = Recorder::answering(move |_| {
        let fine = !busy.load(Ordering::Relaxed);
        if fine { "250 2.1.5 fine".into() } else { "450 4.2.1 mailbox busy".into() }
    })?;
    let taken = Recorder::start()?;
    let routes =
        [("nobody.test", nobody), ("later.test", later.address()), ("a.test", taken.address())];
    let routes = routes.map(|(domain, to)| route(domain, to)).concat();
    let settings = format!("[delivery]\nidle = \"1m\"\n{routes}");
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    let [nobody, later_site, paused] =
        [nobody, later.address(), taken.address()].map(|address| address.to_string());

    // A site that nobody paused takes mail, also once it was counted what a pause would be about.
    send(&ringpost, "first@a.test")?;
    taken.wait_for(1, PATIENCE)?;
    let pause = ["pause", &paused, "--reason", "a complaint", "--for", "10m"];
    let dry = ask(&ringpost, &[&pause[..], &["--dry-run"]].concat())?;
    assert!(dry.contains("would be about 0 ready"), "{dry}");
    let done = ask(&ringpost, &pause)?;
    assert!(done.contains("it ends by itself in"), "{done}");

    // Each dial that fails is charged to one message: the others wait behind it.
    for to in ["x@later.test", "second@a.test"].into_iter().chain(["x@nobody.test"; 5]) {
        send(&ringpost, to)?;
    }
    let refused = ["451 4.4.1 the connection was refused", "one connection is tried, in", "flush"];
    explained(&ringpost, &nobody, "resting", refused)?;
    let message = put_off(&ringpost, "x@later.test")?;
    let busy = ["<x@later.test>", "450 4.2.1 mailbox busy", "it is tried again, in"];
    explained(&ringpost, &message, "retry: put off after 1 attempt", busy)?;
    let complaint = ["its mail goes to the site", "paused by loopback: a complaint", "1 ready"];
    let told = explained(&ringpost, "a.test", "paused", complaint)?;
    let table = ask(&ringpost, &["queue"])?;
    for (site, held) in [(&nobody, "resting"), (&later_site, "put-off"), (&paused, "paused")] {
        let line = table.lines().find(|line| line.starts_with(site.as_str()));
        assert!(line.is_some_and(|line| line.contains(held)), "{site}: {table}");
    }
    assert!(table.lines().chain(told.lines()).all(|line| line.len() <= 80), "{table}{told}");

    // A pause outlives a restart, and so does what is known of the mail that waits.
    ringpost.drain()?;
    ringpost.restart()?;
    ask_until(&ringpost, &["why", &paused], "1 ready")?;
    assert_eq!(taken.mails().len(), 1, "nothing goes to who is paused");
    ask(&ringpost, &["resume", &paused])?;
    taken.wait_for(2, PATIENCE)?;
    is_busy.store(false, Ordering::Relaxed);
    let flushed = ask(&ringpost, &["flush", &later_site, "--reason", "it is well again"])?;
    assert!(flushed.contains("1 waiting for a retry"), "{flushed}");
    later.wait_for(1, PATIENCE)?;
    let verbs = ["pause", "pause", "resume", "flush"];
    assert_eq!(orders(&ringpost, 4)?, verbs.map(|verb| format!("{verb} loopback")));
    assert!(ask(&ringpost, &["why", "elsewhere.example"]).is_err());
    Ok(())
}

#[test]
fn whose_mail_is_ready_is_told_also_after_a_restart() -> io::Result<()> {
    let scratch = Scratch::new("whose")?;
    let taken = Recorder::start()?;
    let site = taken.address().to_string();
    let settings = format!(
        "[[source]]\nname = \"shop\"\ntenant = \"acme\"\nclass = \"transactional\"\n\
         injects = true\n[[tenant]]\nname = \"acme\"\nweight = 3\n{}",
        route("a.test", taken.address())
    );
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    send(&ringpost, "first@a.test")?;
    taken.wait_for(1, PATIENCE)?;
    ask(&ringpost, &["pause", &site, "--reason", "to see what waits", "--for", "10m"])?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for campaign in ["Campaign: spring", "Job: spring", "Campaign: summer"] {
        let text = format!("X-{campaign}\r\nSubject: x\r\n\r\nhello\r\n");
        speaker.send("me@sender.test", "second@a.test", &text)?;
    }
    for is_later in [false, true] {
        if is_later {
            ringpost.drain()?;
            ringpost.restart()?;
        }
        let told = ask_until(&ringpost, &["queue", &site], "3 ready")?;
        for word in ["2 ready of tenant acme with weight 3, campaign spring", "campaign summer"] {
            assert!(told.contains(word), "{word}, later: {is_later}\n{told}");
        }
        assert_eq!(told.matches("transactional").count(), 2, "{told}");
    }
    ask(&ringpost, &["resume", &site])?;
    taken.wait_for(4, PATIENCE).map(drop)
}

/// Nothing of a tenant or a campaign that is paused goes anywhere; all else does.
#[test]
fn a_campaign_that_is_paused_waits_while_others_go() -> io::Result<()> {
    let scratch = Scratch::new("paused-flows")?;
    let taken = Recorder::start()?;
    let site = taken.address().to_string();
    let source = "[[source]]\nname = \"shop\"\ntenant = \"acme\"\ninjects = true\n";
    let settings = format!("{source}{}", route("a.test", taken.address()));
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    let spring = ["--tenant", "acme", "--campaign", "spring"];
    ask(
        &ringpost,
        &[&["pause", "--reason", "a wrong link", "--for", "10m"], &spring[..]].concat(),
    )?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for campaign in ["spring", "summer", "spring"] {
        let text = format!("X-Campaign: {campaign}\r\nSubject: x\r\n\r\nhello\r\n");
        speaker.send("me@sender.test", &format!("{campaign}@a.test"), &text)?;
    }
    assert_eq!(taken.wait_for(1, PATIENCE)?[0].recipients, ["summer@a.test"]);
    for is_later in [false, true] {
        if is_later {
            ringpost.drain()?;
            ringpost.restart()?;
        }
        let told = ask_until(&ringpost, &["why", &site], "2 ready")?;
        let held = "flow-paused: tenant acme, campaign spring paused by loopback: a wrong link";
        let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(held), "later: {is_later}: {told}");
    }
    let counted = ask(&ringpost, &[&["resume", "--dry-run"], &spring[..]].concat())?;
    assert!(counted.contains("would be about 2 ready, 0 waiting"), "{counted}");
    assert!(ask(&ringpost, &["resume", "--tenant", "acme"]).is_err(), "another order");
    assert_eq!(taken.mails().len(), 1);
    ask(&ringpost, &[&["resume"], &spring[..]].concat())?;
    taken.wait_for(3, PATIENCE)?;
    // One that ends by itself.
    ask(&ringpost, &["pause", "--tenant", "acme", "--reason", "x", "--for", "1s"])?;
    send(&ringpost, "last@a.test")?;
    taken.wait_for(4, PATIENCE).map(drop)
}
