//! What is learnt of others and outlives a restart, in files of the spool.

use super::{bounces, gates, warmup};
use crate::settings::Settings;
use control::Chore;
use shard::Politeness;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a [`Keeper`] writes.
pub(super) trait Book: Send + 'static {
    /// Its file in the spool.
    const FILE: &'static str;
    /// How often it is written, if there is something new: what a crash costs.
    const WRITE_EVERY: Duration;
    /// What a restart forgets while it cannot be written.
    const WHAT: &'static str;

    /// Its number and what is to be in the file, if it is another edition than this one.
    ///
    /// # Errors
    /// If it cannot be put in writing.
    fn newer(&self, edition: u64) -> io::Result<Option<(u64, Vec<u8>)>>;
}

/// Who writes a book into its file.
#[derive(Debug)]
pub(super) struct Keeper<B>(Arc<Mutex<Writer<B>>>);

#[derive(Debug)]
struct Writer<B> {
    path: PathBuf,
    book: B,
    /// What of it is in the file.
    edition: u64,
}

impl<B: Book> Keeper<B> {
    /// For the book in this spool, of which this edition is there already.
    pub(super) fn new(spool: &Path, book: B, edition: u64) -> Self {
        let path = spool.join(B::FILE);
        Self(Arc::new(Mutex::new(Writer { path, book, edition })))
    }

    /// Writes it now and then.
    fn chore(&self) -> Chore {
        let this = Self(Arc::clone(&self.0));
        let work = move || {
            if let Err(error) = this.write() {
                tracing::error!("{} is not kept: {error}", B::WHAT);
            }
        };
        Chore { every: B::WRITE_EVERY, work: Box::new(work) }
    }

    /// Writes it, if there is something new.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(&self) -> io::Result<()> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((edition, bytes)) = writer.book.newer(writer.edition)? {
            replace(&writer.path, &bytes)?;
            writer.edition = edition;
        }
        Ok(())
    }

    /// Writes it for the last time.
    fn close(&self) {
        if let Err(error) = self.write() {
            super::warn(format!("{} is not kept: {error}", B::WHAT));
        }
    }
}

/// Writes a file anew: what was there is whole until what is new is, also over a crash.
///
/// # Errors
/// What the system says.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

/// Those who write what is learnt.
pub(super) struct Keepers {
    gates: Keeper<gates::Gates>,
    bounces: Keeper<bounces::Bounces>,
    warmup: Keeper<warmup::Warmups>,
}

impl Keepers {
    /// What is known at start, with what was kept; and who keeps what is learnt from now on.
    pub(super) fn open(politeness: Politeness, settings: &Settings) -> (Politeness, Self) {
        let (politeness, gates) = gates::open(politeness, settings);
        let (known, bounces) = bounces::open(&settings.spool.path);
        let (days, warmup) = warmup::open(&settings.spool.path);
        let politeness = Politeness { bounces: known, days, ..politeness };
        (politeness, Self { gates, bounces, warmup })
    }

    /// What is to be done again and again.
    pub(super) fn chores(&self) -> [Chore; 3] {
        [self.gates.chore(), self.bounces.chore(), self.warmup.chore()]
    }

    /// Writes all of it, for the last time.
    pub(super) fn write(&self) {
        self.gates.close();
        self.bounces.close();
        self.warmup.close();
    }
}
