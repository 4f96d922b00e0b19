//! Clients that are not ours, in front: swaks, and Python's smtplib.

use crate::common::{PATIENCE, route, succeed};
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use tests::recorder::{Mail, Recorder};
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::tool;

/// Dots, an empty line, trailing blanks, and a line of the greatest length.
const HARD: &str = "Subject: hard\n\n.\n..\n.one dot\n\n  blanks  \nlast, and no more\n";

#[test]
fn swaks_is_served_and_its_text_arrives_unchanged() -> io::Result<()> {
    if !tool::all_there(&["swaks"]) {
        return Ok(());
    }
    let (scratch, recorder, ringpost) = relay_to_recorder("swaks")?;
    let file = scratch.path().join("mail");
    // swaks ends the text with a line end of its own.
    fs::write(&file, HARD.trim_end())?;
    let mut swaks = Command::new("swaks");
    swaks.args(["--server", &ringpost.smtp().to_string(), "--helo", "swaks.test", "--pipeline"]);
    swaks.args(["--from", "from@swaks.test", "--to", "a@site.test,b@site.test"]);
    let said = succeed(swaks.arg("--data").arg(format!("@{}", file.display())))?;
    assert!(said.contains("250-PIPELINING") && said.contains("<-  250 2.0.0"), "{said}");

    let mails = recorder.wait_for(1, PATIENCE)?;
    assert_eq!(mails.len(), 1, "one transaction for both recipients");
    assert_eq!(mails[0].sender, "from@swaks.test");
    assert_eq!(mails[0].recipients, ["a@site.test", "b@site.test"]);
    assert_relayed(&mails[0], HARD);
    Ok(())
}

#[test]
fn smtplib_is_served_in_all_it_can_say() -> io::Result<()> {
    if !tool::all_there(&["python3"]) {
        return Ok(());
    }
    let (_scratch, recorder, ringpost) = relay_to_recorder("smtplib")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/smtplib_client.py");
    succeed(Command::new("python3").arg(script).arg(ringpost.smtp().port().to_string()))?;

    let mut mails = recorder.wait_for(3, PATIENCE)?;
    mails.sort_by(|a, b| a.sender.cmp(&b.sender));
    let senders: Vec<&str> = mails.iter().map(|mail| mail.sender.as_str()).collect();
    assert_eq!(senders, ["eight@python.test", "hard@python.test", "many@python.test"]);
    assert_relayed(&mails[0], "Subject: eight\n\ngr\u{fc}\u{df}e\n");
    assert_relayed(&mails[1], HARD);
    assert_eq!(mails[2].recipients.len(), 50);
    Ok(())
}

fn relay_to_recorder(name: &str) -> io::Result<(Scratch, Recorder, Ringpost)> {
    let scratch = Scratch::new(name)?;
    let recorder = Recorder::start()?;
    let ringpost = Ringpost::start(scratch.path(), &route("*", recorder.address()))?;
    Ok((scratch, recorder, ringpost))
}

/// The text is one Received field of ours, and then what was sent, byte for byte.
fn assert_relayed(mail: &Mail, sent: &str) {
    let text = String::from_utf8_lossy(&mail.text);
    let sent = sent.replace('\n', "\r\n");
    let ours = text.strip_suffix(&sent).unwrap_or_else(|| panic!("{text:?} ends with {sent:?}"));
    assert!(ours.starts_with("Received: from ") && ours.contains("by relay.test"), "{ours}");
    let fields = ours.lines().filter(|line| !line.starts_with([' ', '\t'])).count();
    assert_eq!(fields, 1, "one field, folded: {ours}");
}
