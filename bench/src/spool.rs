//! The spool on this machine's disk: what a durable message costs, and what a full one.
//!
//! | `spool` | measures |
//! |---|---|
//! | `write` | every way of making a block durable, and how long to gather one |
//! | `append` | durable messages through a log, beside the bare disk |
//! | `reclaim` | a log in which one message in a hundred is stuck |
//! | `stuck` | the same with the whole engine, beside one without |
//! | `restart` | from a killed process to one that takes mail and knows all of its own |
//! | `memory` | bytes of memory for a queued recipient |
//! | `commands` | what operators ask and order beside ten million queued, and what it costs other mail |
//!
//! What is compared takes turns, so that noise of the machine falls on all of it, and each figure is
//! a median of the rounds. A goal is shown beside the figure that should reach it. Everything
//! is bounded in messages, and speaks to loopback only.

#![allow(clippy::cast_precision_loss, reason = "a figure means three digits")]

mod append;
mod backlog;
mod commands;
mod device;
mod engine;
mod journal;
mod load;
mod memory;
mod reclaim;
mod restart;
mod strategy;
mod stuck;
mod write;

use crate::report::{self, Report};
use clap::{Parser, Subcommand};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the spool costs, beside the disk it lies on.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
    /// Rounds of everything; medians are shown.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Where the files are written: a folder on the disk to measure.
    #[arg(long, global = true)]
    directory: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every way of making a block durable, and how long to gather one.
    Write(write::Options),
    /// Durable messages through a log, beside the bare disk.
    Append(append::Options),
    /// A log in which one message in a hundred is stuck, beside one without.
    Reclaim(reclaim::Options),
    /// The whole engine with one message in a hundred stuck, beside one without.
    Stuck(stuck::Options),
    /// From a killed process to one that takes mail and knows all of its own.
    Restart(restart::Options),
    /// Bytes of memory for a queued recipient.
    Memory(memory::Options),
    /// What operators ask and order beside very much that is queued, and what it costs other mail.
    Commands(commands::Options),
}

/// A folder of our own, and how often to try.
#[derive(Clone, Debug)]
struct Plan {
    folder: PathBuf,
    rounds: u32,
}

/// Measures, and shows what was measured.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    let json = options.json;
    report::show("spool", measure(options), json)
}

fn measure(options: Options) -> io::Result<Report> {
    let Options { what, rounds, directory, .. } = options;
    let scratch = Folder::new(directory)?;
    let plan = Plan { folder: scratch.0.clone(), rounds };
    match what {
        What::Write(options) => write::measure(&options, &plan),
        What::Append(options) => append::measure(&options, &plan),
        What::Reclaim(options) => reclaim::measure(&options, &plan),
        What::Stuck(options) => stuck::measure(&options, &plan),
        What::Restart(options) => restart::measure(&options, &plan),
        What::Memory(options) => memory::measure(&options, &plan),
        What::Commands(options) => commands::measure(&options, &plan),
    }
}

/// A folder that goes with us.
struct Folder(PathBuf);

impl Folder {
    /// In `parent`, or where programs keep what is large and theirs.
    fn new(parent: Option<PathBuf>) -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let parent = parent.unwrap_or_else(|| "/var/tmp".into());
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("ringpost-bench-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is found by whoever cleans the parent.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests;
