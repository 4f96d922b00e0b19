//! The harness itself, tried without Ringpost, so that a failure elsewhere is Ringpost's.

use crate::common::{Mailboxes, PATIENCE};
use std::fs;
use std::io;
use tests::postfix::Postfix;
use tests::scratch::Scratch;
use tests::smtp_sink::SmtpSource;
use tests::{policy, tool, wait};

#[test]
fn postfix_takes_mail_into_a_maildir_and_stops() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("postfix-maildir")?;
    let mailboxes = Mailboxes::start(scratch.path(), &[])?;
    let postfix = &mailboxes.postfix;
    source("a@site.test", 10).send(postfix.address())?;
    assert_eq!(mailboxes.wait_for(10)?.len(), 10);
    wait::until("an empty queue", PATIENCE, || (postfix.queued() == 0).then_some(()))?;
    let master = postfix.master().expect("it runs");
    drop(mailboxes);
    assert!(!fs::exists(format!("/proc/{master}"))?, "its master is gone");
    Ok(())
}

#[test]
fn postfix_answers_as_the_policy_says() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("postfix-policy")?;
    let address = policy::serve(|recipient| format!("550 5.1.1 no {recipient}"))?;
    let restrictions = format!("check_policy_service inet:{address}, permit_mynetworks, reject");
    let postfix = Postfix::start(
        scratch.path(),
        &[("relayhost", "127.0.0.1:1"), ("smtpd_recipient_restrictions", &restrictions)],
    )?;
    assert!(source("never@site.test", 1).send(postfix.address()).is_err());
    assert!(
        postfix.log().contains(
            "550 5.1.1 <never@site.test>: Recipient address rejected: no never@site.test"
        )
    );
    Ok(())
}

fn source(recipient: &'static str, messages: u64) -> SmtpSource {
    SmtpSource { messages, bytes: 1_000, sessions: 1, recipient }
}
