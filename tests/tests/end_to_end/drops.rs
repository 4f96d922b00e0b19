//! Mail that an operator gives up.

use crate::common::{PATIENCE, RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use crate::why::{ask, put_off};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, wait};

/// Orders under load, and as many messages between two of them.
const ORDERS: usize = 20;
const BETWEEN: u64 = 60;

fn send(ringpost: &Ringpost, recipient: &str, campaign: &str, count: usize) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    let text = format!("X-Campaign: {campaign}\r\nSubject: x\r\n\r\nhello\r\n");
    for _ in 0..count {
        speaker.send("me@sender.test", recipient, &text)?;
    }
    Ok(())
}

/// The attempts in the log with this outcome.
pub(crate) fn ended(ringpost: &Ringpost, outcome: &str) -> Vec<Value> {
    let log = ringpost.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == "attempt" && line["outcome"] == outcome).collect()
}

pub(crate) fn wait_for_queued(ringpost: &Ringpost, queued: u64) -> io::Result<()> {
    let is_so = || (ringpost.queued().ok()? == queued).then_some(());
    wait::until(&format!("{queued} in the queue"), PATIENCE, is_so)
}

/// What there is of a campaign, and what keeps it, is told by site.
fn campaigns_are_explained(ringpost: &Ringpost) -> io::Result<()> {
    let told = ask(ringpost, &["why", "--campaign", "summer"])?;
    let parts = [
        "campaign summer: waits for 2 sites",
        "2 ready, 0 waiting for a retry, ",
        "held by   paused: ",
        "0 ready, 1 waiting for a retry, ",
        "held by   put-off: ",
    ];
    for part in parts {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let nobody = ask(ringpost, &["why", "--campaign", "spring", "--tenant", "acme"])
        .expect_err("nothing is said to wait");
    let words = "no mail of tenant acme, campaign spring waits";
    assert!(nobody.to_string().contains(words), "{nobody}");
    Ok(())
}

#[test]
fn what_is_dropped_leaves_the_queue_and_nothing_else_does() -> io::Result<()> {
    let scratch = Scratch::new("drops")?;
    let nobody = port::free()?;
    let busy = Recorder::answering(|_| "450 4.2.1 mailbox busy".into())?;
    let home = Recorder::start()?;
    let routes = [("nobody.test", nobody), ("busy.test", busy.address())];
    let routes = routes.map(|(domain, to)| route(domain, to)).concat();
    let own = route("sender.test", home.address());
    let source = "[[source]]\nname = \"shop\"\ninjects = true\n";
    let mut ringpost = Ringpost::start(scratch.path(), &format!("{source}{routes}{own}"))?;
    let site = nobody.to_string();
    send(&ringpost, "first@nobody.test", "spring", 1)?;
    put_off(&ringpost, "first@nobody.test")?;
    ask(&ringpost, &["pause", &site, "--reason", "to see what waits"])?;
    send(&ringpost, "a@nobody.test", "spring", 3)?;
    send(&ringpost, "b@nobody.test", "summer", 2)?;
    send(&ringpost, "c@busy.test", "summer", 1)?;
    let message = put_off(&ringpost, "c@busy.test")?;

    campaigns_are_explained(&ringpost)?;

    // It is counted first: ready and waiting mail.
    let spring = ["drop", "--campaign", "spring", "--reason", "recalled"];
    let dry = ask(&ringpost, &[&spring[..], &["--dry-run"]].concat())?;
    let counted = "drop campaign spring would be about 3 ready, 1 waiting for a retry\n";
    assert_eq!((dry.as_str(), ringpost.queued()?), (counted, 7));
    let done = ask(&ringpost, &spring)?;
    assert!(done.contains("is about 3 ready, 1 waiting"), "{done}");
    wait_for_queued(&ringpost, 3)?;
    let lines = || (ended(&ringpost, "dropped").len() == 4).then(|| ended(&ringpost, "dropped"));
    for line in wait::until("their lines", PATIENCE, lines)? {
        let text = "given up by loopback: recalled";
        assert_eq!((&line["text"], &line["campaign"]), (&text.into(), &"spring".into()));
        assert_eq!((&line["code"], &line["site"]), (&554.into(), &site.as_str().into()));
    }
    assert!(home.mails().is_empty(), "nobody is told who was not to be");

    // One message, whose sender is told: why, and not by whom.
    ask(&ringpost, &["drop", "--message", &message, "--reason", "recalled", "--bounce"])?;
    let mails = home.wait_for(1, PATIENCE)?;
    let text = String::from_utf8_lossy(&mails[0].text);
    for words in ["Action: failed", "c@busy.test", "5.7.1 given up by an operator: recalled"] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    wait_for_queued(&ringpost, 2)?;

    // What was not dropped is there after a restart, and what was is not.
    ringpost.drain()?;
    ringpost.restart()?;
    wait_for_queued(&ringpost, 2)?;
    for (words, count) in [
        (&["--domain", "busy.test"][..], "0 ready, 0 waiting"),
        (&["--domain", "Nobody.test.", "--campaign", "spring"], "0 ready, 0 waiting"),
        (&["--domain", "Nobody.test.", "--campaign", "summer"], "2 ready, 0 waiting"),
    ] {
        let told = ask(&ringpost, &[&["drop", "--reason", "x", "--dry-run"], words].concat())?;
        assert!(told.contains(count), "{words:?}: {told}");
    }
    let elsewhere = ask(&ringpost, &["drop", "elsewhere", "--reason", "x"]).unwrap_err();
    assert!(elsewhere.to_string().contains("no site elsewhere is known"), "{elsewhere}");
    ask(&ringpost, &["drop", &site, "--reason", "x"])?;
    wait_for_queued(&ringpost, 0)?;
    assert!(busy.mails().is_empty());
    Ok(())
}

/// The ends that each recipient has met.
pub(crate) fn finals(ringpost: &Ringpost) -> BTreeMap<(String, String), Vec<String>> {
    let log = ringpost.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ends = BTreeMap::<_, Vec<_>>::new();
    for line in lines.filter(|line| line["event"] == "attempt" && line["outcome"] != "deferred") {
        let [id, recipient, outcome] =
            ["id", "recipient", "outcome"].map(|name| line[name].as_str().unwrap_or_default());
        ends.entry((id.to_owned(), recipient.to_owned())).or_default().push(outcome.to_owned());
    }
    ends
}

/// Each recipient meets one end: it is delivered, or given up, and the log says which.
#[test]
fn drops_under_load_balance() -> io::Result<()> {
    let scratch = Scratch::new("drops-load")?;
    let sink = Sink::start(scratch.path(), 0.5)?;
    let few = "[delivery]\nconnections_per_site = 1\n";
    let settings = format!("{few}{RETRY_SOON}{}", route("*", sink.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let load = Load::start(scratch.path(), &ringpost, 300.0)?;
    for _ in 0..ORDERS {
        load.wait_for(BETWEEN)?;
        ask(&ringpost, &["drop", "--domain", "sink.example", "--reason", "a test"])?;
    }
    load.wait_for(BETWEEN)?;
    let proof = load.prove(&ringpost, sink, 0)?;
    let accepted = ringpost.metric("ringpost_accepted_recipients_total")?.to_string();
    let all = || Some(finals(&ringpost)).filter(|ends| ends.len().to_string() == accepted);
    let ends = wait::until("an end of each in the log", PATIENCE, all)?;
    assert!(ends.values().all(|outcomes| outcomes.len() == 1), "one end each");
    let dropped = ends.values().filter(|outcomes| outcomes[0] == "dropped").count() as u64;
    // Some never came to the sink, and some it had put off.
    let absent = proof.missing + proof.queued;
    assert!(dropped > 0 && absent == dropped, "{dropped} dropped\n{}", told(&proof));
    assert_eq!((proof.duplicates, proof.corrupt), (0, 0), "{}", told(&proof));
    Ok(())
}
