//! A folder of a test's own, gone when the test is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io, process};

/// Folders made by this process so far, for their names.
static MADE: AtomicU32 = AtomicU32::new(0);

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
        if std::thread::panicking() {
            eprintln!("kept for a look: {}", self.0.display());
        } else {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
