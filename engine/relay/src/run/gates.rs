//! What providers have asked for, kept over a restart: a file of the spool.

use crate::settings::Settings;
use control::Chore;
use policy::gate::Kept;
use serde::{Deserialize, Serialize};
use shard::{GateBook, Politeness};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What it is called.
const FILE: &str = "gates.toml";
/// How often it is written, if there is something new.
const WRITE_EVERY: Duration = Duration::from_secs(10);

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    #[serde(default)]
    gate: Vec<Kept>,
}

/// What is known at start, with what was kept; and who keeps what is asked from now on.
pub(super) fn open(politeness: Politeness, settings: &Settings) -> (Politeness, Keeper) {
    let spool = &settings.spool.path;
    let keeper = Keeper::new(spool, &politeness.book);
    match read(spool) {
        Ok(kept) => (Politeness { kept, ..politeness }, keeper),
        Err(error) => {
            super::warn(error);
            (politeness, keeper)
        }
    }
}

/// What is in the file; nothing if it is not there.
fn read(spool: &Path) -> io::Result<Arc<[Kept]>> {
    let path = spool.join(FILE);
    let wrong = |error: &dyn std::fmt::Display| {
        io::Error::other(format!("{} cannot be used: {error}", path.display()))
    };
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Arc::default()),
        Err(error) => Err(wrong(&error)),
        Ok(text) => {
            let contents = toml::from_str::<Contents>(&text).map_err(|error| wrong(&error))?;
            Ok(contents.gate.into())
        }
    }
}

/// Who writes it.
#[derive(Clone)]
pub(super) struct Keeper(Arc<Mutex<Writer>>);

struct Writer {
    path: PathBuf,
    book: Arc<GateBook>,
    /// What of the book is in the file.
    edition: u64,
}

impl Keeper {
    fn new(spool: &Path, book: &Arc<GateBook>) -> Self {
        let (path, book) = (spool.join(FILE), Arc::clone(book));
        Self(Arc::new(Mutex::new(Writer { path, book, edition: 0 })))
    }

    /// Writes it now and then.
    pub(super) fn chore(&self) -> Chore {
        let this = self.clone();
        let work = move || {
            if let Err(error) = this.write() {
                tracing::error!("what providers have asked for is not kept: {error}");
            }
        };
        Chore { every: WRITE_EVERY, work: Box::new(work) }
    }

    /// Writes it, if there is something new. What was there is whole until what is new is.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(&self) -> io::Result<()> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (edition, gate) = writer.book.read();
        if edition == writer.edition {
            return Ok(());
        }
        let text = toml::to_string(&Contents { gate }).map_err(io::Error::other)?;
        let new = writer.path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(&new, &writer.path)?;
        writer.edition = edition;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, FILE, read};
    use std::fs;

    #[test]
    fn a_file_that_is_not_ours_is_named() {
        let folder = std::env::temp_dir().join(format!("ringpost-gates-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(read(&folder).unwrap().is_empty());
        let text = toml::to_string(&Contents::default()).unwrap();
        fs::write(folder.join(FILE), text).unwrap();
        assert!(read(&folder).unwrap().is_empty());
        fs::write(folder.join(FILE), "[[gate]]\nsite = 1\n").unwrap();
        assert!(read(&folder).unwrap_err().to_string().contains("gates.toml cannot be used"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
