//! A folder of a test's own, gone when the test is.

use crate::wait;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, io, process};

/// Folders made by this process so far, for their names.
static MADE: AtomicU32 = AtomicU32::new(0);

/// How long whoever writes in one may take to end.
const ENDING: Duration = Duration::from_secs(5);

/// Those that are there.
static THERE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A folder that is removed when dropped; kept, and named, after a panic.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder on a disk, not in memory: under `RINGPOST_SCRATCH`, or `/var/tmp`.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(name: &str) -> io::Result<Self> {
        let parent =
            env::var_os("RINGPOST_SCRATCH").map_or_else(|| "/var/tmp".into(), PathBuf::from);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("ringpost-{name}-{}-{number}", process::id()));
        fs::create_dir_all(&folder)?;
        THERE.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.clone());
        Ok(Self(folder))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        THERE.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        if std::thread::panicking() {
            eprintln!("kept for a look: {}", self.0.display());
        } else {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Removes all that are there: for a process that is about to end without dropping them.
pub fn remove_all() {
    let there = std::mem::take(&mut *THERE.lock().unwrap_or_else(PoisonError::into_inner));
    for folder in there {
        // Who is ending may write there still. What is left after that is named by nobody, and a
        // temporary folder is the place for it.
        let _ = wait::until("the end of a folder", ENDING, || {
            let _ = fs::remove_dir_all(&folder);
            (!folder.exists()).then_some(())
        });
    }
}
