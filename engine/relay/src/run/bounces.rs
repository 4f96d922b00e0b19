//! Who hard-bounced lately, kept over a restart: a file of the spool.

use control::Chore;
use policy::bounces::{HardBounces, Place};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What it is called.
const FILE: &str = "hard-bounces";
/// How often it is written, if there is something new: what a crash costs.
const WRITE_EVERY: Duration = Duration::from_mins(1);

/// What was kept; nothing, and why, if it cannot be used.
pub(super) fn open(spool: &Path) -> (Arc<Mutex<HardBounces>>, Keeper) {
    let path = spool.join(FILE);
    let known = read(&path).unwrap_or_else(|error| {
        super::warn(error);
        HardBounces::default()
    });
    let edition = known.edition();
    let known = Arc::new(Mutex::new(known));
    let writer = Writer { path, known: Arc::clone(&known), edition };
    (known, Keeper(Arc::new(Mutex::new(writer))))
}

fn read(path: &Path) -> io::Result<HardBounces> {
    let wrong = |why: &dyn std::fmt::Display| {
        let path = path.display();
        io::Error::other(format!("{path} cannot be used, hard bounces are counted anew: {why}"))
    };
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HardBounces::default()),
        Err(error) => Err(wrong(&error)),
        Ok(bytes) => HardBounces::read(&bytes).ok_or_else(|| wrong(&"it is not whole")),
    }
}

/// Who writes it.
#[derive(Clone)]
pub(super) struct Keeper(Arc<Mutex<Writer>>);

struct Writer {
    path: PathBuf,
    known: Arc<Mutex<HardBounces>>,
    /// What of it is in the file.
    edition: u64,
}

impl Keeper {
    /// Writes it now and then.
    pub(super) fn chore(&self) -> Chore {
        let this = self.clone();
        let work = move || {
            if let Err(error) = this.write() {
                tracing::error!("who hard-bounced is not kept: {error}");
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
        let lock = || writer.known.lock().unwrap_or_else(PoisonError::into_inner);
        let edition = lock().edition();
        if edition == writer.edition {
            return Ok(());
        }
        let (mut bytes, mut place) = (Vec::new(), Some(Place::Head));
        while let Some(from) = place {
            place = lock().write(from, &mut bytes);
        }
        let new = writer.path.with_extension("new");
        fs::write(&new, bytes)?;
        fs::rename(&new, &writer.path)?;
        writer.edition = edition;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE, open, read};
    use event::Wall;
    use std::fs;

    #[test]
    fn what_is_written_is_there_at_the_next_start() {
        let name = format!("ringpost-hard-bounces-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let (known, keeper) = open(&folder);
        keeper.write().unwrap();
        assert!(!folder.join(FILE).exists(), "there is nothing to keep");
        assert_eq!(known.lock().unwrap().note(1, 2, Wall(0)), None);
        keeper.write().unwrap();
        let (known, _) = open(&folder);
        assert_eq!(known.lock().unwrap().note(1, 2, Wall(0)), Some(2));
        fs::write(folder.join(FILE), "something else").unwrap();
        let told = read(&folder.join(FILE)).unwrap_err().to_string();
        assert!(told.contains("hard-bounces cannot be used") && told.contains("counted anew"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
