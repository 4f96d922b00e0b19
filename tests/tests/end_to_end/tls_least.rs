//! What TLS a site asks for at least: its mail waits for that, says which line wants it, and goes when that
//! is taken back.

use crate::common::{PATIENCE, succeed};
use serde_json::Value;
use std::io;
use std::net::Ipv4Addr;
use std::process::Command;
use tests::names::{self, Known};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{program, wait};

const HERE: Known = Known::Address(Ipv4Addr::LOCALHOST);
const NAMES: &[(&str, Known)] = &[
    ("a.test", Known::Mx(10, "mx.provider.test")),
    ("mx.provider.test", HERE),
    ("else.test", Known::Mx(10, "mx.else.test")),
    ("mx.else.test", HERE),
];

fn ask(ringpost: &Ringpost, words: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program::built("ringpost")?);
    let told = succeed(command.args(words).arg("--admin").arg(ringpost.admin().to_string()))?;
    // Lines are broken where they are long.
    Ok(told.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn send(ringpost: &Ringpost, to: &str) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.send("me@sender.test", to, "Subject: x\r\n\r\nhello\r\n").map(drop)
}

/// Waits for a line of the log that has these.
fn logged(ringpost: &Ringpost, fields: &[(&str, &str)]) -> io::Result<Value> {
    let found = || {
        let log = ringpost.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| fields.iter().all(|(name, value)| line[*name] == *value))
    };
    wait::until("its line", PATIENCE, found)
}

#[test]
fn mail_waits_for_the_tls_of_its_site_and_goes_without_when_that_is_lifted() -> io::Result<()> {
    let scratch = Scratch::new("tls-least")?;
    // It knows no STARTTLS.
    let host = Recorder::start()?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {}\n\
         [[site]]\nname = \"provider\"\nmx = [\".provider.test\"]\ntls = \"required\"\n\
         [retry]\nfirst = \"300ms\"\nfactor = 1.0\nlongest = \"500ms\"\n",
        names::serve(NAMES)?,
        host.address().port(),
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let text = std::fs::read_to_string(scratch.path().join("ringpost.toml"))?;
    let line = text.lines().position(|line| line.starts_with("tls = ")).expect("it is there") + 1;
    let reason = format!("TLS is required (ringpost.toml:{line}: `tls` of the site provider), and");

    send(&ringpost, "x@a.test")?;
    let put_off = logged(&ringpost, &[("recipient", "x@a.test"), ("outcome", "deferred")])?;
    let said = put_off["text"].as_str().unwrap_or_default();
    assert!(said.starts_with(&reason), "{put_off}");
    assert_eq!(put_off["local"], true, "{put_off}");
    let told = ask(&ringpost, &["why", "provider"])?;
    assert!(told.contains(&reason), "{reason} is not in {told}");
    // Whoever asks for none has its mail, at the same host.
    send(&ringpost, "x@else.test")?;
    let mails = host.wait_for(1, PATIENCE)?;
    assert_eq!(mails.len(), 1);
    logged(&ringpost, &[("recipient", "x@else.test"), ("outcome", "delivered")])?;

    ringpost.rewrite(|text| text.replace("tls = \"required\"", "tls = \"opportunistic\""))?;
    let done = ask(&ringpost, &["reload"])?;
    assert!(done.contains("[[site]]"), "{done}");
    host.wait_for(2, PATIENCE)?;
    logged(&ringpost, &[("recipient", "x@a.test"), ("outcome", "delivered")])?;
    Ok(())
}
