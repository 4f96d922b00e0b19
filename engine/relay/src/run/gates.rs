//! What providers have asked for, kept over a restart: a file of the spool.

use super::keepers::{Book, Keeper};
use crate::settings::Settings;
use policy::gate::Kept;
use serde::{Deserialize, Serialize};
use shard::{GateBook, Politeness};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    #[serde(default)]
    gate: Vec<Kept>,
}

/// What is known at start, with what was kept; and who keeps what is asked from now on.
pub(super) fn open(politeness: Politeness, settings: &Settings) -> (Politeness, Keeper<Gates>) {
    let spool = &settings.spool.path;
    let keeper = Keeper::new(spool, Gates(Arc::clone(&politeness.book)), 0);
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
    let path = spool.join(Gates::FILE);
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

/// What providers have asked for, as the shards write it down.
pub(super) struct Gates(Arc<GateBook>);

impl Book for Gates {
    const FILE: &'static str = "gates.toml";
    const WRITE_EVERY: Duration = Duration::from_secs(10);
    const WHAT: &'static str = "what providers have asked for";

    fn newer(&self, edition: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        let (newest, gate) = self.0.read();
        if newest == edition {
            return Ok(None);
        }
        let text = toml::to_string(&Contents { gate }).map_err(io::Error::other)?;
        Ok(Some((newest, text.into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::{Book as _, Contents, Gates, read};
    use std::fs;

    #[test]
    fn a_file_that_is_not_ours_is_named() {
        let folder = std::env::temp_dir().join(format!("ringpost-gates-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(read(&folder).unwrap().is_empty());
        let text = toml::to_string(&Contents::default()).unwrap();
        fs::write(folder.join(Gates::FILE), text).unwrap();
        assert!(read(&folder).unwrap().is_empty());
        fs::write(folder.join(Gates::FILE), "[[gate]]\nsite = 1\n").unwrap();
        assert!(read(&folder).unwrap_err().to_string().contains("gates.toml cannot be used"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
