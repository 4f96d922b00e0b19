//! The users' file is read again when it has changed.
//!
//! Looked at once a second: name, size and times, so that a file that was replaced counts as
//! well as one that was written to. It is read once two looks see the same, so that a writer is
//! not interrupted. What cannot be read changes nothing.

use super::{Shared, User};
use crate::Chore;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How users are read.
pub struct Load {
    /// The file they are in.
    pub file: PathBuf,
    /// Reads it, or says in words what is wrong with it.
    pub read: Box<dyn Fn() -> Result<Vec<User>, String> + Send>,
    /// Hears how many users there are each time they were read again.
    pub told: Box<dyn Fn(usize) + Send>,
}

/// What tells one state of a file from another.
type Stamp = Option<(u64, u64, i64, i64, i64, i64)>;

impl Load {
    /// The users, and the state of the file they are from: one that is written to meanwhile has
    /// changed.
    pub(super) fn first(&self) -> io::Result<(Vec<User>, Stamp)> {
        let stamp = stamp(&self.file);
        Ok(((self.read)().map_err(io::Error::other)?, stamp))
    }
}

/// Looks at the file, as long as somebody asks `shared`.
pub(super) fn chore(shared: &Arc<Shared>, load: Load, mut read: Stamp) -> Chore {
    let shared = Arc::downgrade(shared);
    let mut seen = read;
    let work = move || {
        let Some(shared) = shared.upgrade() else { return };
        let now = stamp(&load.file);
        if now == seen && now != read {
            read = now;
            match (load.read)() {
                Ok(users) => {
                    let count = users.len();
                    shared.replace(users);
                    (load.told)(count);
                }
                Err(wrong) => tracing::error!("the users stay as they were: {wrong}"),
            }
        }
        seen = now;
    };
    Chore { every: LOOK_EVERY, work: Box::new(work) }
}

fn stamp(file: &Path) -> Stamp {
    let facts = fs::metadata(file).ok()?;
    let (written, changed) = (facts.mtime_nsec(), facts.ctime_nsec());
    Some((facts.ino(), facts.len(), facts.mtime(), written, facts.ctime(), changed))
}
