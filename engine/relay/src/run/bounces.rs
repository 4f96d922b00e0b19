//! Who hard-bounced lately, kept over a restart: a file of the spool.

use super::keepers::{Book, Keeper};
use policy::bounces::{HardBounces, Place};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What was kept; nothing, and why, if it cannot be used.
pub(super) fn open(spool: &Path) -> (Arc<Mutex<HardBounces>>, Keeper<Bounces>) {
    let known = read(&spool.join(Bounces::FILE)).unwrap_or_else(|error| {
        super::warn(error);
        HardBounces::default()
    });
    let edition = known.edition();
    let known = Arc::new(Mutex::new(known));
    let keeper = Keeper::new(spool, Bounces(Arc::clone(&known)), edition);
    (known, keeper)
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

/// The table all shards count in.
pub(super) struct Bounces(Arc<Mutex<HardBounces>>);

impl Book for Bounces {
    const FILE: &'static str = "hard-bounces";
    const WRITE_EVERY: Duration = Duration::from_mins(1);
    const WHAT: &'static str = "who hard-bounced";

    fn newer(&self, edition: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = lock().edition();
        if newest == edition {
            return Ok(None);
        }
        let (mut bytes, mut place) = (Vec::new(), Some(Place::Head));
        while let Some(from) = place {
            place = lock().write(from, &mut bytes);
        }
        Ok(Some((newest, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Book as _, Bounces, open, read};
    use event::Wall;
    use std::fs;

    #[test]
    fn what_is_written_is_there_at_the_next_start() {
        let name = format!("ringpost-hard-bounces-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let (known, keeper) = open(&folder);
        keeper.write().unwrap();
        assert!(!folder.join(Bounces::FILE).exists(), "there is nothing to keep");
        assert_eq!(known.lock().unwrap().note(1, 2, Wall(0)), None);
        keeper.write().unwrap();
        let (known, _) = open(&folder);
        assert_eq!(known.lock().unwrap().note(1, 2, Wall(0)), Some(2));
        fs::write(folder.join(Bounces::FILE), "something else").unwrap();
        let told = read(&folder.join(Bounces::FILE)).unwrap_err().to_string();
        assert!(told.contains("hard-bounces cannot be used") && told.contains("counted anew"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
