//! `spool adopt DIR`: the mail of a dead node goes into our spool, every bit of it once.
//!
//! Each log of the dead node is copied whole and becomes a log of ours that only drains. Its
//! segments stay as they are but for the log's number, which stands in their headers and
//! nowhere else; so attempts, due times, damage and torn tails are what they were, and only
//! the first part of a message's name changes. `spool/FORMAT.md` says why that is sound.
//!
//! ```text
//!  1  both LOCKs are ours: no engine runs on either spool
//!  2  their logs are copied to adopting/, each under a number we never used; synced
//!  3  their NODE says "adopted by us": no engine starts there any more     <- the fence
//!  4  adopting/log-NN becomes log-NN, one after the other; synced
//!  5  ADOPTED in our spool takes note
//! ```
//!
//! A crash before 3 leaves their spool as it was. After 3 only we may go on, and a repeat
//! does: a log that is here already is known by its identity, and is not taken again.

mod copy;

use super::lock::SpoolLock;
use super::node::{Adopted, Node, replace};
use super::read::{self, Beside, Log};
use super::{Target, Which, node_of, show};
use crate::command::say;
use copy::{copy_log, uuid_of};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Copies that are not ours yet.
const STAGING: &str = "adopting";
/// One line for each spool adopted: uuid, epoch, moment, and the logs as `theirs>ours`.
const REGISTER: &str = "ADOPTED";

/// Whose mail is to be taken over.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(super) which: Which,
    /// The dead node's spool: its directory
    #[arg(value_name = "DIR")]
    from: PathBuf,
}

/// A log of theirs and the number it gets here.
struct Move<'a> {
    theirs: &'a Log,
    ours: u16,
}

pub(super) fn adopt(target: &Target, options: &Options) -> io::Result<ExitCode> {
    let (ours, from) = (&target.directory, &options.from);
    node_of(from)?;
    let _own = SpoolLock::take(ours)?;
    let ourselves = fs::canonicalize(ours)? == fs::canonicalize(from)?;
    if ourselves {
        return Err(refusal(from, "it is the spool that would adopt"));
    }
    let _dead = SpoolLock::hold(from).map_err(|error| refusal(from, &error.to_string()))?;
    let (us, them) = (Node::read(ours)?, Node::read(from)?);
    may_adopt(ours, from, &us, &them)?;
    let logs = read::logs(from)?;
    let here = read::logs(ours)?;
    let moves = plan(target, &logs, &here)?;
    let staging = ours.join(STAGING);
    remove(&staging)?;
    enough_space(ours, &moves)?;
    stage(&staging, &moves)?;
    fence(from, &us, &them)?;
    for Move { ours: number, .. } in &moves {
        let name = log_name(*number);
        fs::rename(staging.join(&name), ours.join(&name))?;
        File::open(ours)?.sync_all()?;
    }
    remove(&staging)?;
    register(ours, &them, &logs)?;
    report(target, from, &them, &logs)
}

fn refusal(from: &Path, why: &str) -> io::Error {
    io::Error::other(format!("{} cannot be adopted: {why}", from.display()))
}

/// Whether their mail is nobody's but ours to take.
fn may_adopt(ours: &Path, from: &Path, us: &Node, them: &Node) -> io::Result<()> {
    if them.uuid == us.uuid {
        return Err(refusal(from, "it is a copy of the spool that would adopt"));
    }
    let register = read_register(ours)?;
    let entry = register.lines().find(|line| line.split(' ').next() == Some(&them.uuid));
    if let Some(entry) = entry {
        let epoch = entry.split(' ').nth(1).unwrap_or("?");
        let why = format!(
            "the mail of spool {}, epoch {epoch}, is here already; this is epoch {}",
            them.uuid, them.epoch
        );
        return Err(refusal(from, &why));
    }
    match &them.adopted {
        Some(adopted) if adopted.by != us.uuid => {
            Err(refusal(from, &format!("its mail was {adopted}")))
        }
        _ => Ok(()),
    }
}

/// Which logs are to be taken, and the numbers they get: beyond those of our shards, and of
/// all we have or ever took.
fn plan<'a>(target: &Target, logs: &'a [Log], here: &[Log]) -> io::Result<Vec<Move<'a>>> {
    let taken: BTreeSet<[u8; 16]> = here.iter().filter_map(uuid_of).collect();
    let noted = read_register(&target.directory)?;
    let noted = noted.split(['>', ',', '\n']).filter_map(|field| field.parse::<u16>().ok());
    let own = u16::try_from(target.shards.saturating_sub(1)).ok();
    let highest = here.iter().map(|log| log.number).chain(noted).chain(own).max();
    let mut next = highest.and_then(|highest| highest.checked_add(1));
    let mut moves = Vec::new();
    for theirs in logs {
        copy::refuse_foreign(theirs)?;
        let Some(uuid) = uuid_of(theirs) else { continue };
        if taken.contains(&uuid) {
            continue;
        }
        let ours = next.ok_or_else(|| io::Error::other("no log number is free"))?;
        moves.push(Move { theirs, ours });
        next = ours.checked_add(1);
    }
    Ok(moves)
}

fn log_name(number: u16) -> String {
    format!("log-{number:02}")
}

fn remove(staging: &Path) -> io::Result<()> {
    match fs::remove_dir_all(staging) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn enough_space(ours: &Path, moves: &[Move<'_>]) -> io::Result<()> {
    let needed: u64 =
        moves.iter().flat_map(|one| &one.theirs.segments).map(|segment| segment.len).sum();
    let space = rustix::fs::statvfs(ours)?;
    let free = space.f_bavail * space.f_frsize;
    if free >= needed {
        return Ok(());
    }
    let (needed, free) = (show::bytes(needed), show::bytes(free));
    let wrong = format!("{} has {free} free, and {needed} are to be copied", ours.display());
    Err(io::Error::new(io::ErrorKind::StorageFull, wrong))
}

/// Copies the logs, and compares what is live in them with what was.
fn stage(staging: &Path, moves: &[Move<'_>]) -> io::Result<()> {
    for Move { theirs, ours } in moves {
        copy_log(theirs, &staging.join(log_name(*ours)), *ours)?;
    }
    if moves.is_empty() {
        return Ok(());
    }
    File::open(staging)?.sync_all()?;
    for (copy, Move { theirs, .. }) in read::logs(staging)?.iter().zip(moves) {
        if live(copy)? != live(theirs)? {
            let wrong = format!("{} was not copied right", theirs.directory.display());
            return Err(io::Error::other(wrong));
        }
    }
    Ok(())
}

/// Messages and open recipients of a log nobody writes.
fn live(log: &Log) -> io::Result<(usize, usize)> {
    let live = log.contents(Beside::Nobody, |_| Ok(()))?.live;
    Ok((live.len(), live.iter().map(|live| live.open.len()).sum()))
}

/// From here on no engine starts on their spool. If one did meanwhile, from where its lock
/// does not reach, its epoch shows it.
fn fence(from: &Path, us: &Node, them: &Node) -> io::Result<()> {
    let now = Node::read(from)?;
    if now != *them {
        return Err(refusal(from, "an engine was started on it while it was copied"));
    }
    if them.adopted.is_some() {
        return Ok(());
    }
    let adopted = Some(Adopted { by: us.uuid.clone(), at: kernel::uring::wall() });
    Node { adopted, ..now }.write(from)
}

fn read_register(ours: &Path) -> io::Result<String> {
    match fs::read_to_string(ours.join(REGISTER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}

/// Which log of theirs is which of ours, by identity.
fn pairs(ours: &Path, logs: &[Log]) -> io::Result<Vec<(u16, u16)>> {
    let here = read::logs(ours)?;
    let pair = |theirs: &Log| {
        let uuid = uuid_of(theirs)?;
        let ours = here.iter().find(|ours| uuid_of(ours) == Some(uuid))?;
        Some((theirs.number, ours.number))
    };
    Ok(logs.iter().filter_map(pair).collect())
}

fn register(ours: &Path, them: &Node, logs: &[Log]) -> io::Result<()> {
    let pairs: Vec<String> =
        pairs(ours, logs)?.iter().map(|(theirs, ours)| format!("{theirs}>{ours}")).collect();
    let Node { uuid, epoch, .. } = them;
    let (at, pairs) = (kernel::uring::wall().0, pairs.join(","));
    let text = read_register(ours)? + &format!("{uuid} {epoch} {at} {pairs}\n");
    replace(ours, REGISTER, &text)
}

fn report(target: &Target, from: &Path, them: &Node, logs: &[Log]) -> io::Result<ExitCode> {
    let pairs = pairs(&target.directory, logs)?;
    let (mut messages, mut recipients) = (0, 0);
    for log in read::logs(&target.directory)? {
        if pairs.iter().any(|(_, ours)| *ours == log.number) {
            let (more, open) = live(&log)?;
            messages += more;
            recipients += open;
        }
    }
    if target.json {
        let logs = pairs.iter().map(|(theirs, ours)| json!({ "theirs": theirs, "ours": ours }));
        say(&format!(
            "{:#}\n",
            json!({
                "adopted": them.uuid,
                "epoch": them.epoch,
                "logs": logs.collect::<Vec<_>>(),
                "messages": messages,
                "open_recipients": recipients,
            })
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut answer = format!(
        "{} with {} still open are here now\n",
        show::count(messages, "message"),
        show::count(recipients, "recipient")
    );
    for (theirs, ours) in pairs {
        let _ = writeln!(
            answer,
            "log {theirs:x} is log {ours:x}: message {theirs:x}-1-1 is {ours:x}-1-1 from now on"
        );
    }
    let _ = writeln!(
        answer,
        "The next `ringpost run` delivers them. {} starts no engine any more; nothing else in it \
         was changed, and it may be removed.",
        from.display()
    );
    say(&answer)?;
    Ok(ExitCode::SUCCESS)
}
