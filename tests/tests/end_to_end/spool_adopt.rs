//! `ringpost spool adopt`: a dead node's mail goes out through another, once.

use crate::common::{PATIENCE, RETRY_SOON, route};
use crate::spool_tools::{RETRY_LATE, said, send, spool, value};
use crate::why::ask;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::wait;

/// Messages the dead node leaves behind.
const MESSAGES: usize = 40;

/// A node that was killed with mail in its spool, each recipient tried once, and one that
/// will take over.
struct Nodes {
    scratch: Scratch,
    dead: Ringpost,
    heir: Ringpost,
    site: Recorder,
    sent: BTreeSet<String>,
}

impl Nodes {
    fn start() -> io::Result<Self> {
        let scratch = Scratch::new("adopt")?;
        let moody = Recorder::answering(|_| "450 4.2.1 later".into())?;
        let retry = "[retry]\nfirst = \"2s\"\nfactor = 1.0\nlongest = \"2s\"\njitter = 0.0\n";
        let settings = route("*", moody.address()) + RETRY_LATE;
        let mut dead = Ringpost::start(&scratch.path().join("dead"), &settings)?;
        let mut sent = BTreeSet::new();
        for number in 0..MESSAGES {
            let recipient = format!("{number}@site.test");
            send(dead.smtp(), &[&recipient], &text(&recipient))?;
            sent.insert(recipient);
        }
        let folder = scratch.path().join("dead");
        wait::until("an attempt each, on disk", PATIENCE, || {
            let index = scratch.path().join("seen");
            let _ = fs::remove_dir_all(&index);
            spool(&folder, &["export", &index.display().to_string()]).ok()?;
            let lines = fs::read_to_string(index.join("messages.jsonl")).ok()?;
            (lines.matches("\"attempts\":1").count() == MESSAGES).then_some(())
        })?;
        dead.kill()?;

        let site = Recorder::start()?;
        let settings = route("*", site.address()) + retry;
        let mut heir = Ringpost::start(&scratch.path().join("heir"), &settings)?;
        send(heir.smtp(), &["own@site.test"], &text("own@site.test"))?;
        site.wait_for(1, PATIENCE)?;
        sent.insert("own@site.test".into());
        assert!(heir.drain()?.success());
        Ok(Self { scratch, dead, heir, site, sent })
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn adopt(&self) -> io::Result<std::process::Output> {
        adopt(&self.folder("heir"), &self.folder("dead"))
    }

    /// The heir delivers all of it, each message once and whole, counting attempts on.
    fn deliver(&mut self) -> io::Result<()> {
        self.heir.restart()?;
        // What the dead node put off is due when it was.
        let site = self.site.address().to_string();
        ask(&self.heir, &["flush", &site, "--reason", "adopted"])?;
        self.site.wait_for(self.sent.len(), PATIENCE)?;
        wait::until("an empty queue", PATIENCE, || (self.heir.queued().ok()? == 0).then_some(()))?;
        let mails = self.site.mails();
        assert_eq!(mails.len(), self.sent.len(), "each of them once");
        let came: BTreeSet<String> = mails.iter().map(|mail| mail.recipients[0].clone()).collect();
        assert_eq!(came, self.sent);
        for mail in &mails {
            assert!(mail.text.ends_with(text(&mail.recipients[0]).as_bytes()), "{mail:?}");
        }
        // The delivery log is written now and then.
        let attempts = wait::until("a line in the delivery log", PATIENCE, || {
            self.heir.attempts("7@site.test").ok().filter(|attempts| !attempts.is_empty())
        })?;
        assert_eq!((attempts.len(), attempts[0].number), (1, 2), "the first was the dead node's");
        Ok(())
    }
}

fn text(recipient: &str) -> String {
    format!("Subject: to {recipient}\r\n\r\nhello {recipient}\r\n")
}

fn adopt(heir: &Path, dead: &Path) -> io::Result<std::process::Output> {
    spool(heir, &["adopt", &dead.join("spool").display().to_string()])
}

#[test]
fn a_dead_nodes_mail_is_delivered_once_by_the_one_that_adopts_it() -> io::Result<()> {
    let mut nodes = Nodes::start()?;
    let done = nodes.adopt()?;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(said(&done).contains(&format!("{MESSAGES} messages")), "{}", said(&done));
    let check = spool(&nodes.folder("heir"), &["check", "--deep"])?;
    assert_eq!(check.status.code(), Some(0), "{}", said(&check));

    let refused = nodes.dead.restart().expect_err("its mail is not its own any more").to_string();
    assert!(refused.contains("its mail was adopted by node "), "{refused}");
    nodes.deliver()?;

    assert!(nodes.heir.drain()?.success());
    let twice = nodes.adopt()?;
    assert_eq!(twice.status.code(), Some(1), "{}", said(&twice));
    assert!(said(&twice).contains("is here already"), "{}", said(&twice));
    let third =
        Ringpost::start(&nodes.folder("third"), &route("*", nodes.site.address()))?.drain()?;
    assert!(third.success());
    let other = adopt(&nodes.folder("third"), &nodes.folder("dead"))?;
    assert!(said(&other).contains("its mail was adopted by node "), "{}", said(&other));
    Ok(())
}

/// What a crash may leave behind, step by step; a repeat gets on from there.
#[test]
fn an_adoption_that_was_cut_short_is_repeated_without_harm() -> io::Result<()> {
    let mut nodes = Nodes::start()?;
    let (ours, theirs) = (nodes.folder("heir/spool"), nodes.folder("dead/spool"));
    // In the middle of the copies: their node may start still.
    fs::create_dir_all(ours.join("adopting/log-09"))?;
    fs::write(ours.join("adopting/log-09/00000000000000001.seg"), "half")?;
    let logs_before = logs(&ours)?;
    let node = fs::read_to_string(theirs.join("NODE"))?;
    assert_eq!(nodes.adopt()?.status.code(), Some(0));
    assert!(!ours.join("adopting").exists());
    let adopted: Vec<String> =
        logs(&ours)?.into_iter().filter(|log| !logs_before.contains(log)).collect();
    assert!(!adopted.is_empty(), "{logs_before:?}");

    // Behind the fence, before the last log had its name, and nothing was noted.
    fs::remove_file(ours.join("ADOPTED"))?;
    fs::remove_dir_all(ours.join(adopted.last().expect("one at least")))?;
    assert_eq!(nodes.adopt()?.status.code(), Some(0));
    // All logs had theirs, and nothing was noted.
    fs::remove_file(ours.join("ADOPTED"))?;
    assert_eq!(nodes.adopt()?.status.code(), Some(0));
    assert_eq!(logs(&ours)?.len(), logs_before.len() + adopted.len(), "none came twice");

    // A copy of their spool from before the fence is known all the same.
    fs::write(theirs.join("NODE"), node)?;
    let copy = nodes.adopt()?;
    assert!(said(&copy).contains("is here already"), "{}", said(&copy));
    nodes.deliver()
}

fn logs(spool: &Path) -> io::Result<BTreeSet<String>> {
    let names = fs::read_dir(spool)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name.starts_with("log-")).collect())
}

#[test]
fn a_spool_in_use_is_neither_adopted_nor_adopts() -> io::Result<()> {
    let scratch = Scratch::new("adopt-used")?;
    let site = Recorder::start()?;
    let settings = route("*", site.address()) + RETRY_SOON;
    let (one, two) = (scratch.path().join("one"), scratch.path().join("two"));
    let running = Ringpost::start(&one, &settings)?;
    assert!(Ringpost::start(&two, &settings)?.drain()?.success());
    let before = logs(&two.join("spool"))?;
    let used = format!("process {} has it", running.id());
    for (heir, dead) in [(&two, &one), (&one, &two)] {
        let refused = adopt(heir, dead)?;
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains(&used), "{}", said(&refused));
    }
    assert_eq!(logs(&two.join("spool"))?, before);
    send(running.smtp(), &["a@site.test"], &text("a@site.test"))?;
    site.wait_for(1, PATIENCE)?;
    assert_eq!(value(&two, &["stat"])?["engine"], serde_json::Value::Null, "and lets go");
    let itself = adopt(&two, &two)?;
    assert!(said(&itself).contains("it is the spool that would adopt"), "{}", said(&itself));
    Ok(())
}
