//! A real Postfix in front of Ringpost, with Ringpost as its smart host.

use crate::common::{PATIENCE, route};
use std::collections::BTreeSet;
use std::io;
use tests::postfix::Postfix;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::smtp_sink::SmtpSource;
use tests::speaker::Speaker;
use tests::{tool, wait};

#[test]
fn postfix_hands_all_its_mail_over() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("upstream")?;
    let recorder = Recorder::start()?;
    let ringpost = Ringpost::start(&scratch.path().join("relay"), &route("*", recorder.address()))?;
    let relayhost = format!("[127.0.0.1]:{}", ringpost.smtp().port());
    let postfix = Postfix::start(&scratch.path().join("postfix"), &[("relayhost", &relayhost)])?;
    let source = SmtpSource { messages: 200, bytes: 3_000, sessions: 5, recipient: "a@site.test" };
    source.send(postfix.address())?;
    let mut sender = Speaker::connect(postfix.address())?;
    sender.say("EHLO sender.test", "250")?;
    sender.send("one@sender.test", "two@site.test", "Subject: x\r\n\r\n..\r\nbody\r\n")?;

    let mails = recorder.wait_for(201, PATIENCE)?;
    let ids: BTreeSet<String> = mails.iter().filter_map(|mail| postfix_id(&mail.text)).collect();
    assert_eq!((mails.len(), ids.len()), (201, 201), "each of them once");
    let spoken = mails.iter().find(|mail| mail.sender == "one@sender.test").expect("it came");
    assert!(spoken.text.ends_with(b"\r\n\r\n.\r\nbody\r\n"));
    wait::until("an empty Postfix", PATIENCE, || (postfix.queued() == 0).then_some(()))?;
    let log = postfix.log();
    let warnings: Vec<&str> = log.lines().filter(|line| is_of_us(line)).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    Ok(())
}

/// Whether a line of Postfix's log is a warning of what we might have caused: not of its installation, nor
/// of a file's time, which the kernel takes from its last tick and Postfix from a clock that
/// may lag behind that by a second.
fn is_of_us(line: &str) -> bool {
    let others = ["postfix-script", "file system clock", "resetting file time stamps"];
    line.contains("warning:") && !others.iter().any(|other| line.contains(other))
}

/// Postfix's queue id of a message, from its Received field.
fn postfix_id(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let (_, id) = text.split_once("(Postfix) with ")?.1.split_once(" id ")?;
    id.split_whitespace().next().map(str::to_owned)
}
