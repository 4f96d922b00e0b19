//! The harness itself, tried without Ringpost, so that a failure elsewhere is Ringpost's.

use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;
use tests::postfix::Postfix;
use tests::scratch::Scratch;
use tests::{policy, tool, wait};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn postfix_takes_mail_into_a_maildir_and_stops() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("postfix-maildir")?;
    let mailbox = scratch.path().join("mail");
    fs::create_dir(&mailbox)?;
    std::os::unix::fs::chown(&mailbox, Some(65_534), Some(65_534))?;
    let base = mailbox.display().to_string();
    let postfix = Postfix::start(
        scratch.path(),
        &[
            ("virtual_mailbox_domains", "site.test"),
            ("virtual_mailbox_maps", "static:inbox/"),
            ("virtual_mailbox_base", &base),
            ("virtual_uid_maps", "static:65534"),
            ("virtual_gid_maps", "static:65534"),
        ],
    )?;
    source(&postfix, "a@site.test", "10")?;
    let inbox = mailbox.join("inbox/new");
    wait::until("ten mails", PATIENCE, || (fs::read_dir(&inbox).ok()?.count() == 10).then_some(()))
        .map_err(|late| io::Error::other(format!("{late}\n{}", postfix.log())))?;
    wait::until("an empty queue", PATIENCE, || (postfix.queued() == 0).then_some(()))?;
    let master = postfix.master().expect("it runs");
    drop(postfix);
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
    assert!(source(&postfix, "never@site.test", "1").is_err());
    assert!(
        postfix.log().contains(
            "550 5.1.1 <never@site.test>: Recipient address rejected: no never@site.test"
        )
    );
    Ok(())
}

fn source(postfix: &Postfix, to: &str, messages: &str) -> io::Result<()> {
    let mut source = Command::new("smtp-source");
    source
        .args(["-m", messages, "-f", "s@sender.test", "-t", to])
        .arg(postfix.address().to_string());
    let output = source.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or_else(|| io::Error::other(said))
}
