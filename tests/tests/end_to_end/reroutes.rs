//! Mail that goes elsewhere while an order says so.

use crate::common::{PATIENCE, route};
use crate::drops::wait_for_queued;
use crate::why::{ask, ask_until, orders, put_off};
use serde_json::Value;
use std::io;
use std::net::Ipv4Addr;
use tests::names::{self, Known};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, wait};

const POOLS: &str = r#"
[[source]]
name = "shop"
injects = true
[[pool]]
name = "usual"
[[pool.source]]
address = "127.0.0.41"
[[pool]]
name = "clean"
[[pool.source]]
address = "127.0.0.31"
[delivery]
pool = "usual"
"#;

const NAMES: &[(&str, Known)] = &[("mx.other.test", Known::Address(Ipv4Addr::LOCALHOST))];

fn send(ringpost: &Ringpost, recipient: &str, tenant: &str, count: usize) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    let text = format!("X-Tenant: {tenant}\r\nSubject: x\r\n\r\nhello\r\n");
    for _ in 0..count {
        speaker.send("me@sender.test", recipient, &text)?;
    }
    Ok(())
}

/// The attempts in the log of mail to a recipient.
fn attempts(ringpost: &Ringpost, recipient: &str) -> Vec<Value> {
    let log = ringpost.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == "attempt" && line["recipient"] == recipient).collect()
}

/// What is ready and what waits for a retry goes to other hosts at once, and so does what comes, until the
/// order ends: over a restart, too.
#[test]
fn mail_goes_to_other_hosts_while_an_order_says_so() -> io::Result<()> {
    let scratch = Scratch::new("reroutes")?;
    let busy = Recorder::answering(|_| "450 4.2.1 mailbox busy".into())?;
    let (other, beside) = (Recorder::start()?, Recorder::start()?);
    let routes = [("busy.test", busy.address()), ("fine.test", beside.address())];
    let dns = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n",
        names::serve(NAMES)?
    );
    let settings = format!("{dns}{}", routes.map(|(domain, to)| route(domain, to)).concat());
    let mut ringpost = Ringpost::start(scratch.path(), &settings)?;
    let site = busy.address().to_string();
    send(&ringpost, "first@busy.test", "shop", 1)?;
    let message = put_off(&ringpost, "first@busy.test")?;
    ask(&ringpost, &["pause", &site, "--reason", "to see what waits"])?;
    send(&ringpost, "more@busy.test", "shop", 3)?;

    let to = format!("mx.other.test:{}", other.address().port());
    let reroute = ["reroute", "--domain", "Busy.test.", "--to", &to, "--reason", "it is busy"];
    let dry = ask(&ringpost, &[&reroute[..], &["--dry-run"]].concat())?;
    let dry = dry.replace('\n', " ");
    assert!(dry.contains("would be about 3 ready, 1 waiting for a retry"), "{dry}");
    assert_eq!((ringpost.queued()?, other.mails().len()), (4, 0), "it was only counted");
    ask(&ringpost, &[&reroute[..], &["--for", "2h"]].concat())?;
    assert_eq!(other.wait_for(4, PATIENCE)?.len(), 4);
    wait_for_queued(&ringpost, 0)?;
    let told = || Some(attempts(&ringpost, "first@busy.test")).filter(|all| all.len() == 2);
    let ends = wait::until("its second attempt", PATIENCE, told)?;
    assert_eq!((&ends[1]["outcome"], &ends[1]["id"]), (&"delivered".into(), &message.into()));
    assert_eq!(ends[1]["attempt"], 2);
    let why = ask(&ringpost, &["why", "busy.test"])?;
    let site_line = format!("busy.test: its mail goes to the site {to}");
    for words in [site_line.as_str(), "rerouted  domain busy.test to mx.other.test", "loopback:"] {
        assert!(why.contains(words), "{words} is not in\n{why}");
    }

    // Later mail too, and after a restart; other mail is not meant.
    ringpost.drain()?;
    ringpost.restart()?;
    send(&ringpost, "later@busy.test", "shop", 2)?;
    send(&ringpost, "x@fine.test", "shop", 1)?;
    other.wait_for(6, PATIENCE)?;
    beside.wait_for(1, PATIENCE)?;
    let listed = ask(&ringpost, &["orders"])?;
    assert!(listed.contains(&format!("reroute domain Busy.test. to {to}")), "{listed}");

    // It is over: mail goes its usual way, which is paused.
    ask(&ringpost, &["end-reroute", "--domain", "Busy.test."])?;
    send(&ringpost, "again@busy.test", "shop", 1)?;
    ask_until(&ringpost, &["why", "busy.test"], "held by   paused")?;
    ask(&ringpost, &["resume", &site])?;
    put_off(&ringpost, "again@busy.test")?;
    assert_eq!((other.mails().len(), busy.mails().len()), (6, 0));
    let again = ask(&ringpost, &["end-reroute", "--domain", "Busy.test."]).unwrap_err();
    assert!(again.to_string().contains("no order reroutes domain Busy.test."), "{again}");
    let verbs = ["pause", "reroute", "pause", "reroute", "end-reroute", "resume"];
    let mut told = orders(&ringpost, 6)?;
    let mut expected: Vec<_> = verbs.map(|verb| format!("{verb} loopback")).into();
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
    Ok(())
}

/// A tenant's mail leaves by another pool; who is not meant does not. What waits by an order that ends goes
/// its usual way.
#[test]
fn mail_leaves_by_another_pool_and_comes_back_when_the_order_ends() -> io::Result<()> {
    let scratch = Scratch::new("reroutes-pool")?;
    let recorder = Recorder::start()?;
    let nobody = port::free()?;
    let settings = format!("{POOLS}{}", route("*", recorder.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let unknown =
        ask(&ringpost, &["reroute", "--tenant", "shop", "--pool", "cleen", "--reason", "x"])
            .unwrap_err();
    assert!(unknown.to_string().contains("no [[pool]] is called cleen"), "{unknown}");
    ask(&ringpost, &["reroute", "--tenant", "shop", "--pool", "clean", "--reason", "listed"])?;
    send(&ringpost, "a@site.test", "shop", 3)?;
    send(&ringpost, "b@site.test", "bank", 2)?;
    let mails = recorder.wait_for(5, PATIENCE)?;
    for mail in &mails {
        let is_meant = mail.recipients[0] == "a@site.test";
        assert_eq!(mail.client, if is_meant { "127.0.0.31" } else { "127.0.0.41" }, "{mail:?}");
    }
    let told = || Some(attempts(&ringpost, "a@site.test")).filter(|all| all.len() == 3);
    let told = wait::until("their lines", PATIENCE, told)?;
    assert!(told.iter().all(|line| line["pool"] == "clean"), "{told:?}");

    // One message's order is more exact than its tenant's; there nobody listens.
    let to = nobody.to_string();
    ask(&ringpost, &["reroute", "--tenant", "bank", "--to", &to, "--reason", "a test"])?;
    send(&ringpost, "c@site.test", "bank", 3)?;
    ask_until(&ringpost, &["queue", &to], "resting")?;
    assert_eq!(recorder.mails().len(), 5);
    ask(&ringpost, &["end-reroute", "--tenant", "bank", "--reason", "nobody is there"])?;
    // A dial that failed was charged to one of them, which waits for its retry.
    let told = || Some(attempts(&ringpost, "c@site.test")).filter(|all| all.len() == 3);
    let told = wait::until("a line of each", PATIENCE, told)?;
    let delivered = told.iter().filter(|line| line["outcome"] == "delivered").count();
    assert!(0 < delivered && delivered < 3, "{told:?}");
    wait_for_queued(&ringpost, 3 - delivered as u64)?;
    assert_eq!(recorder.mails().len(), 5 + delivered);
    let mails = recorder.mails();
    assert!(mails[5..].iter().all(|mail| mail.client == "127.0.0.41"), "{mails:?}");
    Ok(())
}
