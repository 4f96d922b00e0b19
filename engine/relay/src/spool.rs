//! `ringpost spool`: what an operator asks of a spool, running or not.
//!
//! | verb | may an engine run on it | changes |
//! |---|---|---|
//! | `stat`, `check`, `cat` | yes | nothing |
//! | `export` | yes, with a warning: it still delivers what is exported | the folder it is told |
//! | `adopt` | no: neither on ours nor on the one adopted | both, see `adopt.rs` |
//!
//! What reads takes no lock: a segment that is given back meanwhile is noticed, and all is
//! read again. `read.rs` alone knows how a log is read back.

mod adopt;
mod cat;
mod check;
mod export;
mod lock;
mod node;
mod read;
mod show;
mod stat;

pub(crate) use lock::SpoolLock;

use crate::settings::{self, Faults, Host};
use clap::Subcommand;
use node::Node;
use read::Beside;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Shows what each log holds and takes up; safe beside a running engine
    Stat(Which),
    /// Looks for whatever the format forbids; status 0: nothing, 1: problems
    Check(check::Options),
    /// Shows one message: envelope, what became of it so far, where it lies, and its text
    Cat(cat::Options),
    /// Writes every message with an open recipient as a file that any mail program takes
    Export(export::Options),
    /// Takes over the mail of a dead node's spool; no engine may run on either
    Adopt(adopt::Options),
}

/// Which spool is meant, and how to answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The settings file (TOML) of the spool's node; without one, all defaults
    #[arg(long, value_name = "FILE", conflicts_with = "spool")]
    config: Option<PathBuf>,
    /// The spool's directory, instead of settings
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Answers as JSON, for programs
    #[arg(long)]
    json: bool,
}

/// The spool that is meant.
#[derive(Debug)]
struct Target {
    directory: PathBuf,
    /// Where its engine answers, if settings say so.
    admin: Option<SocketAddr>,
    /// Logs its engine takes new mail into.
    shards: usize,
    json: bool,
}

/// Does what is asked. The inner result is the answer's exit status.
///
/// # Errors
/// The faults of the settings file.
pub(crate) fn run(verb: &Verb, host: &Host) -> Result<io::Result<ExitCode>, Faults> {
    let which = match verb {
        Verb::Stat(which) => which,
        Verb::Check(options) => &options.which,
        Verb::Cat(options) => &options.which,
        Verb::Export(options) => &options.which,
        Verb::Adopt(options) => &options.which,
    };
    let target = which.target(host)?;
    Ok(match verb {
        Verb::Stat(_) => stat::stat(&target),
        Verb::Check(options) => check::check(&target, options),
        Verb::Cat(options) => cat::cat(&target, options),
        Verb::Export(options) => export::export(&target, options),
        Verb::Adopt(options) => adopt::adopt(&target, options),
    })
}

impl Which {
    fn target(&self, host: &Host) -> Result<Target, Faults> {
        let json = self.json;
        if let Some(directory) = &self.spool {
            let (directory, shards) = (directory.clone(), host.cores);
            return Ok(Target { directory, admin: None, shards, json });
        }
        let settings = settings::load(self.config.as_deref(), host)?.settings;
        let (directory, shards) = (settings.spool.path, settings.shards);
        Ok(Target { directory, admin: Some(settings.admin.address), shards, json })
    }
}

impl Target {
    /// Whether an engine runs on it. An error if it is no spool at all.
    fn look(&self) -> io::Result<Beside> {
        node_of(&self.directory)?;
        Ok(lock::holder(&self.directory).map_or(Beside::Nobody, Beside::Engine))
    }
}

/// The NODE of a spool that must be there.
fn node_of(directory: &Path) -> io::Result<Node> {
    Node::read(directory).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let wrong = format!("{} is not a spool: there is no NODE in it", directory.display());
            io::Error::new(error.kind(), wrong)
        }
        _ => error,
    })
}
