//! The spool's directory: ours alone while we run.
//!
//! ```text
//!  spool/        0700
//!    LOCK        flock; holds our process id, for people
//!    NODE        which spool this is, and how often it was opened
//!    log-00/ ..  one log each, see spool/FORMAT.md
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The layout of the directory we write and read.
const FORMAT: u32 = 1;
/// How often the lock is tried: a killed process may hold files for a moment, through a ring.
const TRIES: u32 = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// A spool that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct SpoolLock {
    directory: PathBuf,
    _lock: File,
}

impl SpoolLock {
    /// Makes the directory if it is not there, and locks it, waiting up to five seconds.
    pub(super) fn take(directory: &Path) -> io::Result<Self> {
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

    /// The logs of each of `shards` shards: its own first, then those left behind by a run
    /// with more shards, which only drain.
    pub(super) fn logs(&self, shards: usize) -> io::Result<Vec<Vec<u16>>> {
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
                file.set_len(0)?;
                file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
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

/// Reads NODE, counts this start in it, and makes that durable.
fn count_start(directory: &Path) -> io::Result<()> {
    let path = directory.join("NODE");
    let node = match fs::read_to_string(&path) {
        Ok(text) => Node::parse(&text).ok_or_else(|| {
            io::Error::other(format!("{} is damaged, or of a later version", path.display()))
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Node::new()?,
        Err(error) => return Err(error),
    };
    let node = Node { epoch: node.epoch + 1, ..node };
    let new = directory.join("NODE.new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(node.text().as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(directory)?.sync_all()
}

/// What NODE holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    uuid: String,
    epoch: u64,
}

impl Node {
    fn new() -> io::Result<Self> {
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        Ok(Self { uuid: uuid.trim().to_owned(), epoch: 0 })
    }

    /// `None` for anything but what [`Self::text`] writes.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        if field("format")?.parse() != Ok(FORMAT) {
            return None;
        }
        let (uuid, epoch) = (field("uuid")?.to_owned(), field("epoch")?.parse().ok()?);
        Some(Self { uuid, epoch })
    }

    fn text(&self) -> String {
        format!("format {FORMAT}\nuuid {}\nepoch {}\n", self.uuid, self.epoch)
    }
}

#[cfg(test)]
mod tests;
