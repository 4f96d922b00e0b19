//! The temporary directory of a demo, and the settings file in it.

use super::Ended;
use super::engine::Ports;
use super::providers::Cast;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How much of the engine's last words is shown when it ends before its time.
const LAST_WORDS_MAX: usize = 2_000;

/// The directory. Removed on drop, unless it is to be kept.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    keep: bool,
}

impl Place {
    /// Makes a fresh one.
    pub(super) fn make(keep: bool) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("ringpost-demo-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self { path, keep })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The generator's ledger.
    pub(super) fn sent(&self) -> PathBuf {
        self.path.join("accepted.ledger")
    }

    /// The providers' ledger.
    pub(super) fn received(&self) -> PathBuf {
        self.path.join("delivered.ledger")
    }

    /// The engine's settings.
    pub(super) fn settings(&self) -> PathBuf {
        self.path.join("ringpost.toml")
    }

    /// What the engine says.
    pub(super) fn engine_log(&self) -> PathBuf {
        self.path.join("engine.log")
    }

    /// Writes the settings file and returns its text.
    pub(super) fn write_settings(&self, cast: &Cast, ports: Ports) -> io::Result<String> {
        let text = settings(&self.path, cast, ports);
        fs::write(self.settings(), &text)?;
        Ok(text)
    }

    /// Adds the engine's last words, if it is the engine that failed.
    pub(super) fn explain(&self, ended: Ended) -> Ended {
        let said = || {
            let log = fs::read(self.engine_log()).unwrap_or_default();
            let tail = &log[log.len().saturating_sub(LAST_WORDS_MAX)..];
            String::from_utf8_lossy(tail).trim_end().replace('\n', "\n    ")
        };
        match ended {
            Ended::Engine(how) => Ended::Engine(format!("{how}\n    {}", said())),
            Ended::Stuck(standing) => Ended::Stuck(format!("{standing}\n    {}", said())),
            other => other,
        }
    }

    /// Says where everything is, if it is kept.
    pub(super) fn farewell(&self) {
        if self.keep {
            println!("\n  kept: {}", self.path.display());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("  {} is left behind: {error}", self.path.display());
        }
    }
}

/// A settings file as a reader might write it.
fn settings(directory: &Path, cast: &Cast, ports: Ports) -> String {
    let Ports { smtp, admin } = ports;
    let directory = directory.display();
    let mut text = format!(
        "hostname = \"mta1.bulk.example\"\n\
         \n\
         [spool]\n\
         path = \"{directory}/spool\"\n\
         durability = \"sync\"            # on the disk before every 250\n\
         \n\
         [[listener]]\n\
         address = \"{smtp}\"\n\
         \n\
         [delivery]\n\
         connections_per_site = 20\n\
         heed_replies = false            # these would have recipients wait for an hour\n\
         \n\
         [retry]                         # short, for show; the default begins with 30m\n\
         first = \"1s\"\n\
         longest = \"4s\"\n\
         \n\
         [log]\n\
         delivery = \"{directory}/delivery.jsonl\"\n\
         \n\
         [admin]\n\
         address = \"{admin}\"\n"
    );
    for (provider, address) in cast.routes() {
        let domain = provider.domain;
        let route = format!("\n[[route]]\ndomain = \"{domain}\"");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{route}\nto = [\"{address}\"]");
    }
    text
}
