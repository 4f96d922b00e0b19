//! What a site may have in a time: providers whose contract says so, and what an operator is told.

use crate::common::{PATIENCE, route, succeed};
use crate::load::told;
use std::io;
use std::process::Command;
use std::time::Duration;
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, program, wait};

use loadgen::sink::{self, Provider, dns, profiles};
use loadgen::{send, verify};

const MESSAGES: u64 = 300;
/// A provider that minds, and the limits by which it is kept to.
const PROVIDER: &str = "name=slow,domains=slow.example+slower.example,\
                        hosts=mx1.slow.example+mx2.slow.example,message_rate=50/s,\
                        connection_rate=4/s,contract=message-rate+connection-rate";
const LIMITS: &str = "name = \"slow\"\nmx = [\".slow.example\"]\nmessage_rate = \"50/s\"\n\
                      connection_rate = \"4/s\"\nmessages_per_connection = 20\n";

fn ask(ringpost: &Ringpost, words: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program::built("ringpost")?);
    succeed(command.args(words).arg("--admin").arg(ringpost.admin().to_string()))
}

/// Asks until the answer has this word.
fn ask_until(ringpost: &Ringpost, words: &[&str], word: &str) -> io::Result<String> {
    let mut last = String::new();
    let told = || {
        last = ask(ringpost, words).unwrap_or_else(|error| error.to_string());
        last.contains(word).then(|| last.clone())
    };
    wait::until(word, PATIENCE, told).map_err(|late| io::Error::other(format!("{late}: {last}")))
}

/// Also on several shards with very much to do, which would share a site without rates.
#[test]
fn a_providers_rates_are_kept_and_used_up() -> io::Result<()> {
    let scratch = Scratch::new("rates")?;
    let (sent, received) = (scratch.path().join("sent"), scratch.path().join("received"));
    let port = port::free()?.port();
    let mut providers = vec![Provider::read_line(PROVIDER).map_err(io::Error::other)?];
    profiles::place(&mut providers, port).map_err(io::Error::other)?;
    let options = sink::Options { providers, seed: 1, ledger: Some(received.clone()), threads: 1 };
    let sink = sink::start(options)?;
    let zone = dns::Zone::new(sink.providers()).map_err(io::Error::other)?;
    let dns = dns::serve(([127, 0, 0, 1], 0).into(), zone)?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {port}\n[delivery]\nspread_backlog = 1\n\
         [[site]]\n{LIMITS}",
        dns.address,
    );
    let outfit = Outfit { shards: Some(3), ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    let begun = wait::now();
    let options = send::Options {
        messages: MESSAGES,
        domains: "slow.example,slower.example".parse().map_err(io::Error::other)?,
        ledger: Some(sent.clone()),
        ..send::Options::new(ringpost.smtp())
    };
    let report = send::start(options)?.join()?;
    assert_eq!(report.accepted, MESSAGES, "{report:?}");
    wait::until("an empty queue", Duration::from_mins(1), || {
        (ringpost.queued().ok()? == 0).then_some(())
    })?;
    let took = begun.elapsed();
    sink.stop();
    sink.join()?;
    let options = verify::Options {
        sent: vec![sent],
        received: vec![received],
        ..verify::Options::default()
    };
    let proof = verify::verify(&options).map_err(io::Error::other)?;
    assert!(proof.holds && proof.exact == MESSAGES, "{}", told(&proof));
    println!("{MESSAGES} messages in {took:?}");
    let fair = Duration::from_secs(5)..Duration::from_secs(15);
    assert!(fair.contains(&took), "{MESSAGES} at 50 a second are six seconds: {took:?}");
    Ok(())
}

#[test]
fn what_a_rate_keeps_is_explained_and_goes_by_new_settings() -> io::Result<()> {
    let scratch = Scratch::new("rates-why")?;
    let taken = Recorder::start()?;
    let site = taken.address().to_string();
    let settings =
        format!("[delivery]\nmessage_rate = \"1/h\"\n{}", route("a.test", taken.address()));
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for _ in 0..3 {
        speaker.send("me@sender.test", "one@a.test", "Subject: x\r\n\r\nhello\r\n")?;
    }
    taken.wait_for(1, PATIENCE)?;
    let told = ask_until(&ringpost, &["why", &site], "held by   message-rate")?;
    for words in ["it has had the messages it may have: 1/h", "the next message goes, in", ".toml:"]
    {
        assert!(told.contains(words), "{words} is not in\n{told}");
    }
    // The same settings again, and other limits, are no leave to send more.
    ringpost.rewrite(|text| text.replace("= \"1/h\"", "= \"1/h\"\nmessages_per_connection = 9"))?;
    ask(&ringpost, &["reload"])?;
    ask_until(&ringpost, &["why", &site], "held by   message-rate")?;
    assert_eq!(taken.mails().len(), 1);
    ringpost.rewrite(|text| text.replace("= \"1/h\"", "= \"none\""))?;
    ask(&ringpost, &["reload"])?;
    taken.wait_for(3, PATIENCE).map(drop)
}

#[test]
fn connections_wait_for_their_rate() -> io::Result<()> {
    let scratch = Scratch::new("rates-connections")?;
    let taken = Recorder::start()?;
    let site = taken.address().to_string();
    let settings = format!(
        "[delivery]\nconnection_rate = \"1/h\"\nmessages_per_connection = 1\n{}",
        route("a.test", taken.address())
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for _ in 0..2 {
        speaker.send("me@sender.test", "one@a.test", "Subject: x\r\n\r\nhello\r\n")?;
    }
    taken.wait_for(1, PATIENCE)?;
    let told = ask_until(&ringpost, &["why", &site], "held by   connection-rate")?;
    assert!(told.contains("the next connection is opened, in"), "{told}");
    assert_eq!(taken.mails().len(), 1);
    Ok(())
}
