//! The spool's directory: ours alone while we run.
//!
//! ```text
//!  spool/        0700
//!    LOCK        flock; holds our process id, for people
//!    NODE        which spool this is, and how often it was opened: see node.rs
//!    log-00/ ..  one log each, see spool/FORMAT.md
//! ```

use super::node::Node;
use rustix::fs::{major, minor};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How often the lock is tried: a killed process may hold files for a moment, through a ring.
const TRIES: u32 = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the list of locks is looked through: it comes in pieces, and a line of it may be
/// left out while others take and drop locks.
const LOOKS: u32 = 3;

/// A spool that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct SpoolLock {
    directory: PathBuf,
    _lock: File,
}

impl SpoolLock {
    /// Makes the directory if it is not there, and locks it, waiting up to five seconds.
    pub(crate) fn take(directory: &Path) -> io::Result<Self> {
        Self::take_within(TRIES, directory)
    }

    fn take_within(tries: u32, directory: &Path) -> io::Result<Self> {
        let explain = |error: io::Error| {
            let wrong = format!("the spool {} cannot be used: {error}", directory.display());
            io::Error::new(error.kind(), wrong)
        };
        let lock = lock(tries, directory).map_err(explain)?;
        count_start(directory).map_err(explain)?;
        Ok(Self { directory: directory.to_owned(), _lock: lock })
    }

    /// Locks the spool of another node, which must be there, and counts no start in it.
    pub(crate) fn hold(directory: &Path) -> io::Result<Self> {
        Node::read(directory)?;
        let lock = lock(TRIES, directory)?;
        Ok(Self { directory: directory.to_owned(), _lock: lock })
    }

    /// The logs of each of `shards` shards: its own first, then those left behind by a run
    /// with more shards, which only drain.
    pub(crate) fn logs(&self, shards: usize) -> io::Result<Vec<Vec<u16>>> {
        let mut logs: Vec<Vec<u16>> = (0..shards).map(|shard| vec![shard as u16]).collect();
        let mut old = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_prefix("log-")?.parse::<u16>().ok());
            old.extend(number.filter(|number| usize::from(*number) >= shards));
        }
        old.sort_unstable();
        for log in old {
            logs[usize::from(log) % shards].push(log);
        }
        Ok(logs)
    }
}

fn lock(tries: u32, directory: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let path = directory.join("LOCK");
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    for _ in 0..tries {
        match file.try_lock() {
            Ok(()) => {
                // In this order: a full disk has no block for what was given up first.
                let holder = format!("{}\n", std::process::id());
                file.write_all(holder.as_bytes())?;
                file.set_len(holder.len() as u64)?;
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    let mut holder = String::new();
    file.rewind()?;
    file.read_to_string(&mut holder)?;
    let wrong = format!("process {} has it", holder.trim());
    Err(io::Error::new(io::ErrorKind::WouldBlock, wrong))
}

/// The process that has the spool, if one has: found without asking for the lock, so that
/// nobody who wants it is in our way, or we in his.
pub(super) fn holder(directory: &Path) -> Option<u32> {
    let path = directory.join("LOCK");
    let metadata = fs::metadata(&path).ok()?;
    let written = fs::read_to_string(&path).unwrap_or_default();
    (0..LOOKS).find_map(|_| {
        let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
        locks.lines().find_map(|line| holds(line, &metadata, written.trim()))
    })
}

/// The process in a line of `/proc/locks`, if it is about this file: by its device and
/// inode, or, where a filesystem calls its device otherwise there, by inode and process.
///
/// `4: FLOCK  ADVISORY  WRITE 708 00:1a:12345 0 EOF`
fn holds(line: &str, metadata: &Metadata, written: &str) -> Option<u32> {
    let mut fields = line.split_whitespace().skip_while(|field| *field != "FLOCK").skip(3);
    let (process, file) = (fields.next()?, fields.next()?);
    let (device, inode) = file.rsplit_once(':')?;
    let (major, minor) = (major(metadata.dev()), minor(metadata.dev()));
    let ours = inode.parse() == Ok(metadata.ino())
        && (device == format!("{major:02x}:{minor:02x}") || process == written);
    ours.then(|| process.parse().ok())?
}

/// Counts this start in NODE, unless the spool's mail is another node's by now.
fn count_start(directory: &Path) -> io::Result<()> {
    let node = match Node::read(directory) {
        Ok(node) => node,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Node::new()?,
        Err(error) => return Err(error),
    };
    if let Some(adopted) = &node.adopted {
        return Err(io::Error::other(format!(
            "its mail was {adopted}: start on an empty directory, and keep this one or remove it"
        )));
    }
    Node { epoch: node.epoch + 1, ..node }.write(directory)
}

#[cfg(test)]
mod tests;
