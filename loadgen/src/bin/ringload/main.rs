//! `ringload`: loads a mail relay, plays the providers behind it, and proves what arrived.

mod compare;
mod report;
mod screen;
mod send;
mod sink;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Loads a mail relay, plays the mailbox providers behind it, and proves what arrived.
#[derive(Debug, Parser)]
#[command(name = "ringload", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Offer messages to a relay.
    Send(Box<send::Arguments>),
    /// Play mailbox providers: take, defer or refuse mail as told.
    Sink(sink::Arguments),
    /// Join the ledgers: missing, duplicate, corrupt, never accepted, out of contract.
    ///
    /// Exits with 0 if the proof holds, 1 if it fails, 2 if there can be none.
    Verify(verify::Arguments),
    /// Merge what send, sink and verify left in a folder into report.html and report.json.
    Report(report::Arguments),
    /// Tell two runs, or two groups of runs, apart from noise.
    ///
    /// Exits with 0 if nothing is worse by more than the threshold, 1 on a regression, 2 if there
    /// is nothing to compare.
    Compare(compare::Arguments),
}

/// The command was understood, and what it was to show does not hold.
const FAILED: u8 = 1;
/// The command could not be carried out.
const UNABLE: u8 = 2;

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Send(arguments) => send::run(&arguments),
        Task::Sink(arguments) => sink::run(&arguments),
        Task::Verify(arguments) => verify::run(&arguments),
        Task::Report(arguments) => report::run(&arguments),
        Task::Compare(arguments) => compare::run(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            eprintln!("ringload: {error}");
            ExitCode::from(UNABLE)
        }
    }
}
