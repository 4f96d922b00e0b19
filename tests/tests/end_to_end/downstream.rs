//! A real Postfix behind Ringpost: it takes, puts off, and refuses.

use crate::common::{Mailboxes, PATIENCE, RETRY_SOON, route};
use std::collections::HashMap;
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::smtp_sink::SmtpSource;
use tests::speaker::Speaker;
use tests::{policy, tool, wait};

/// How often `later@site.test` is put off.
const DEFERRALS: u32 = 2;

#[test]
fn postfix_gets_everything_once() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("downstream")?;
    let mailboxes = Mailboxes::start(&scratch.path().join("postfix"), &[])?;
    let settings = route("*", mailboxes.postfix.address());
    let ringpost = Ringpost::start(&scratch.path().join("relay"), &settings)?;
    let source =
        SmtpSource { messages: 300, bytes: 20_000, sessions: 10, recipient: "a@site.test" };
    source.send(ringpost.smtp())?;

    assert_eq!(mailboxes.wait_for(300)?.len(), 300);
    wait::until("the last verdict", PATIENCE, || (ringpost.queued().ok()? == 0).then_some(()))?;
    assert!(!mailboxes.postfix.log().contains("improper command pipelining"));
    Ok(())
}

#[test]
fn what_postfix_puts_off_comes_later_and_what_it_refuses_comes_back() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("downstream-moody")?;
    let moods = policy::serve(mood())?;
    let moods = format!("check_policy_service inet:{moods}, permit_mynetworks, reject");
    let settings = [("smtpd_recipient_restrictions", moods.as_str())];
    let mailboxes = Mailboxes::start(&scratch.path().join("postfix"), &settings)?;
    let sender = Recorder::start()?;
    let settings = route("site.test", mailboxes.postfix.address())
        + &route("sender.test", sender.address())
        + RETRY_SOON;
    let ringpost = Ringpost::start(&scratch.path().join("relay"), &settings)?;
    send_to_three(&ringpost)?;

    assert_eq!(mailboxes.wait_for(2)?.len(), 2, "one at once, one later");
    let reports = sender.wait_for(1, PATIENCE)?;
    assert_eq!(
        (reports[0].sender.as_str(), &reports[0].recipients[..]),
        ("", &["me@sender.test".into()][..])
    );
    let report = String::from_utf8_lossy(&reports[0].text).into_owned();
    for words in [
        "multipart/report",
        "report-type=delivery-status",
        "Final-Recipient: rfc822;",
        "never@site.test",
        "Action: failed",
        "Status: 5.1.1",
        "550",
        "Subject: three",
    ] {
        assert!(report.contains(words), "no {words} in {report}");
    }
    assert!(!report.contains("later@site.test"), "nobody else failed: {report}");
    assert_eq!(attempts(&ringpost, "later@site.test")?, ["deferred", "deferred", "delivered"]);
    assert_eq!(attempts(&ringpost, "never@site.test")?, ["failed"]);
    assert_eq!(attempts(&ringpost, "fine@site.test")?, ["delivered"]);
    Ok(())
}

fn mood() -> impl FnMut(&str) -> String + Send {
    let mut seen: HashMap<String, u32> = HashMap::new();
    move |recipient| {
        let times = seen.entry(recipient.into()).or_default();
        *times += 1;
        match (recipient.split('@').next(), *times) {
            (Some("later"), ..=DEFERRALS) => "450 4.2.1 come again".into(),
            (Some("never"), _) => "550 5.1.1 nobody here".into(),
            _ => "dunno".into(),
        }
    }
}

fn send_to_three(ringpost: &Ringpost) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.say("MAIL FROM:<me@sender.test>", "250")?;
    for mood in ["fine", "later", "never"] {
        speaker.say(&format!("RCPT TO:<{mood}@site.test>"), "250")?;
    }
    speaker.say("DATA", "354")?;
    speaker.say("Subject: three\r\n\r\nhello\r\n.", "250").map(|_| ())
}

/// The outcomes of the attempts for `recipient`, once the last of them is final.
fn attempts(ringpost: &Ringpost, recipient: &str) -> io::Result<Vec<String>> {
    wait::until(recipient, PATIENCE, || {
        let attempts = ringpost.attempts(recipient).ok()?;
        let outcomes: Vec<String> =
            attempts.iter().map(|attempt| attempt.outcome.clone()).collect();
        outcomes.last().is_some_and(|last| last != "deferred").then_some(outcomes)
    })
}
