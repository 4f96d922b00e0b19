use super::SpoolLock;
use crate::spool::node::{Adopted, Node};
use event::Wall;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// A folder of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringpost-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_spool_has_one_owner_and_says_who() {
    let scratch = Scratch::new("owner");
    let spool = scratch.0.join("deep/spool");
    let first = SpoolLock::take(&spool).unwrap();
    let error = SpoolLock::take_within(3, &spool).unwrap_err().to_string();
    assert!(error.contains(&format!("process {} has it", std::process::id())), "{error}");
    drop(first);
    drop(SpoolLock::take(&spool).unwrap());
    let node = Node::parse(&fs::read_to_string(spool.join("NODE")).unwrap()).unwrap();
    assert_eq!(node.epoch, 2, "two starts; the refused one does not count");
}

/// Else a relay that stopped on a disk without free inodes could never start and drain it.
#[test]
fn a_start_makes_no_new_file() {
    let scratch = Scratch::new("files");
    let files = || {
        drop(SpoolLock::take(&scratch.0).unwrap());
        let of = |name| fs::metadata(scratch.0.join(name)).unwrap().ino();
        let (node, spare) = (of("NODE"), of("NODE.new"));
        (node.min(spare), node.max(spare), of("LOCK"), fs::read_dir(&scratch.0).unwrap().count())
    };
    let first = files();
    assert_eq!([files(), files()], [first; 2]);
    let node = Node::parse(&fs::read_to_string(scratch.0.join("NODE")).unwrap()).unwrap();
    assert_eq!(node.epoch, 3);
}

#[test]
fn a_spool_waits_for_its_last_owner_to_go() {
    let scratch = Scratch::new("wait");
    let first = SpoolLock::take(&scratch.0).unwrap();
    let spool = scratch.0.clone();
    let second = std::thread::spawn(move || SpoolLock::take(&spool).map(drop));
    drop(first);
    second.join().unwrap().unwrap();
}

#[test]
fn logs_without_a_shard_go_to_one_that_is_there() {
    let scratch = Scratch::new("logs");
    let lock = SpoolLock::take(&scratch.0).unwrap();
    for name in ["log-00", "log-03", "log-07", "log-10", "log-x", "quarantine"] {
        fs::create_dir(scratch.0.join(name)).unwrap();
    }
    assert_eq!(lock.logs(1).unwrap(), [vec![0, 3, 7, 10]]);
    assert_eq!(lock.logs(3).unwrap(), [vec![0, 3], vec![1, 7, 10], vec![2]]);
    assert_eq!(lock.logs(4).unwrap(), [vec![0], vec![1], vec![2, 10], vec![3, 7]]);
}

#[test]
fn a_node_of_another_version_is_left_alone() {
    let scratch = Scratch::new("node");
    let file = scratch.0.join("NODE");
    for text in
        ["", "format 2\nuuid x\nepoch 1\n", "format 1\nuuid x\n", "format 1\nuuid x\nepoch -1\n"]
    {
        fs::write(&file, text).unwrap();
        let error = SpoolLock::take(&scratch.0).unwrap_err().to_string();
        assert!(error.contains("NODE is damaged"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    let node = Node { uuid: "x".to_owned(), epoch: 7, adopted: None };
    assert_eq!(Node::parse(&node.text()), Some(node));
}

#[test]
fn a_spool_whose_mail_was_adopted_is_not_started_on() {
    let scratch = Scratch::new("adopted");
    let adopted = Some(Adopted { by: "y".to_owned(), at: Wall(1_700_000_000_000) });
    let node = Node { uuid: "x".to_owned(), epoch: 7, adopted };
    node.write(&scratch.0).unwrap();
    let error = SpoolLock::take(&scratch.0).unwrap_err().to_string();
    assert!(error.contains("adopted by node y at Tue, 14 Nov 2023 22:13:20 +0000"), "{error}");
    assert_eq!(Node::read(&scratch.0).unwrap(), node, "and nothing changed");
    let first = node.text().lines().next().unwrap().to_owned();
    let number: Result<u32, _> = first.strip_prefix("format ").unwrap().parse();
    assert!(number.is_err(), "a version that knows of no adoption refuses it too");
}
