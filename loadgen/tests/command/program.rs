//! The program itself: what it refuses, what its exit status says, and what a kill leaves.

use crate::{Running, Scratch, free_address, outcome, ringload, sink, wait_until};
use loadgen::send::{self, Options};
use loadgen::verify;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

fn joined(scratch: &Scratch) -> verify::Proof {
    let [sent, received] = ["sent", "received"].map(|name| vec![scratch.file(name).into()]);
    verify::verify(&verify::Options { sent, received, ..verify::Options::default() }).unwrap()
}

#[test]
fn others_servers_are_not_loaded() {
    let (status, said) = outcome(&["send", "192.0.2.1:25"]);
    assert_eq!(status, 2);
    assert!(said.contains("--i-own-the-target"), "{said}");
    let (status, said) = outcome(&["sink", "0.0.0.0:0"]);
    assert_eq!(status, 2);
    assert!(said.contains("--i-own-the-target"), "{said}");
}

#[test]
fn profiles_are_listed_shown_and_refused_with_their_line() {
    let (status, said) = outcome(&["sink", "--list-profiles"]);
    assert!(status == 0 && said.contains("gmail         Google: gmail.com"), "{said}");
    let (status, said) = outcome(&["sink", "--show-profile", "orange"]);
    assert!(status == 0 && said.contains("connections_per_source = 2\n"), "{said}");
    let (status, said) = outcome(&["sink", "--profile", "gmial"]);
    assert!(status == 2 && said.contains("no profile is called `gmial`"), "{said}");
    let scratch = Scratch::new("profiles");
    let file = scratch.file("mine.toml");
    fs::write(&file, "name = 'mine'\nextends = 'gmail'\nspeed = 9\n").unwrap();
    let (status, said) = outcome(&["sink", "--profile", &file]);
    assert!(status == 2 && said.contains("mine.toml:3: unknown field `speed`"), "{said}");
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.1.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, said) = outcome(&["sink", "--profile", "orange", "--port", &port]);
    assert_eq!(status, 2);
    assert!(said.contains(&format!("cannot listen at 127.0.1.1:{port}: ")), "{said}");
    assert!(said.contains("choose another port"), "{said}");
}

#[test]
fn the_exit_status_says_whether_the_proof_holds() {
    let scratch = Scratch::new("status");
    let file = |name: &str| scratch.file(name);
    let address = free_address();
    let serving = sink(address, &["--ledger", &scratch.file("received")]);
    let (status, said) =
        outcome(&["send", &address.to_string(), "-m", "300", "--ledger", &file("sent"), "--json"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("\"accepted\": 300"), "{said}");
    drop(serving);
    let verify = ["verify", "--sent", &file("sent"), "--received", &file("received")];
    let (status, said) = outcome(&verify);
    assert!(status == 0 && said.contains("proof holds"), "{said}");
    let rows = fs::read(file("received")).unwrap();
    fs::write(file("received"), &rows[..rows.len() - 48]).unwrap();
    let (status, said) = outcome(&[&verify[..], &["--json"]].concat());
    assert!(status == 1 && said.contains("\"missing\": 1"), "{said}");
    fs::write(file("received"), b"this file is not a ledger, but longer than a row of one")
        .unwrap();
    let (status, said) = outcome(&verify);
    assert!(status == 2 && said.contains("is no ledger"), "{said}");
}

/// Every mistake is named with what to write instead, and costs no connection.
#[test]
fn options_that_cannot_be_meant_are_refused_with_those_that_can() {
    for (arguments, cause) in [
        (&["--arrivals", "ramp:1/s"][..], "ramp:RATE-RATE:SPAN"),
        (&["--rate", "0"], "constant:RATE"),
        (&["--rate", "5/s", "--arrivals", "closed"], "cannot be used with"),
        (&["--tls", "yes"], "none, starttls or implicit"),
        (&["--tls", "starttls", "--tls-name", "no name"], "--tls-name"),
        (&["--tls-ca", "no such file"], "PEM"),
        (&["--user", "ann"], "--password"),
        (&["--bdat=0"], "65536 or 64k"),
        (&["--proxy-sources", "127.1.0.0/16"], "--proxy"),
        (&["--proxy", "v1", "--proxy-sources", "::/64"], "of the same kind as 127.0.0.1"),
        (&["--domains", "zipf:0:1:a"], "zipf:COUNT:EXPONENT:SUFFIX"),
        (&["-F", "no such folder"], "no such folder"),
        (&["--recipients-from", "no such file"], "one a line"),
    ] {
        let (status, said) = outcome(&[&["send", "127.0.0.1:1"], arguments].concat());
        assert!(status == 2 && said.contains(cause), "{arguments:?}: {said}");
    }
}

#[test]
fn a_run_says_what_the_generator_itself_can_do() {
    let scratch = Scratch::new("itself");
    let address = free_address();
    let _serving = sink(address, &["--ledger", &scratch.file("received")]);
    let target = address.to_string();
    let paced = ["send", &target, "-m", "50", "--rate", "100/s", "-q"];
    let (status, said) = outcome(&paced);
    assert_eq!(status, 0, "{said}");
    for line in ["greeting", "from start", "own lateness", "session wait", "capacity"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let (status, said) = outcome(&[&paced[..], &["--no-self-check"]].concat());
    assert!(status == 0 && !said.contains("capacity"), "{said}");
}

/// What a sink has said 250 to is in its ledger, even if it was killed right behind it.
#[test]
fn a_killed_sink_forgets_nothing_it_has_acknowledged() {
    let scratch = Scratch::new("sink");
    let address = free_address();
    let serving = sink(address, &["--ledger", &scratch.file("received")]);
    let sending = send::start(Options {
        messages: 1 << 30,
        ledger: Some(scratch.file("sent").into()),
        patience: Duration::from_millis(50),
        ..Options::new(address)
    })
    .unwrap();
    let accepted = || sending.counters().accepted.load(std::sync::atomic::Ordering::Relaxed);
    wait_until("3,000 messages", || accepted() >= 3_000);
    drop(serving);
    let report = sending.join().unwrap();
    let proof = joined(&scratch);
    assert!(proof.holds, "{proof}");
    assert_eq!((proof.exact, proof.unanswered), (report.accepted, report.unanswered));
}

/// What the generator was told 250 is in its ledger, except what was under way.
#[test]
fn a_killed_generator_leaves_a_ledger_that_can_be_joined() {
    let scratch = Scratch::new("send");
    let (sent, address) = (scratch.file("sent"), free_address());
    let serving = sink(address, &["--ledger", &scratch.file("received")]);
    let target = address.to_string();
    let arguments = ["send", &target, "-m", "100000000", "-q", "--ledger", &sent];
    let sending = Running(ringload(&arguments).spawn().unwrap());
    let written = || fs::metadata(&sent).map_or(0, |file| file.len());
    wait_until("3,000 rows", || written() >= 48 * 3_000);
    drop(sending);
    drop(serving);
    let proof = joined(&scratch);
    assert!(proof.holds && proof.generator_was_cut, "{proof}");
    let sessions = 20;
    assert!(proof.exact >= 2_999 && proof.never_accepted <= sessions, "{proof}");
}
