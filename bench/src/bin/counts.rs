//! Instructions of each pure machine beside those that are kept: `counts`, `counts --keep`.

use bench::counts::{self, Change};
use bench::machine::Machine;
use clap::Parser;
use std::io;
use std::process::ExitCode;

/// Count the instructions of each pure machine, under callgrind.
#[derive(Debug, Parser)]
struct Options {
    /// Keep these counts from now on: they are the ones a test compares with.
    #[arg(long)]
    keep: bool,
    /// Do the work of one machine, and count nothing.
    #[arg(long, hide = true)]
    pass: Option<String>,
    #[arg(long, hide = true, default_value_t = 0)]
    times: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// True if no count has moved too far.
fn run(options: &Options) -> io::Result<bool> {
    if let Some(name) = &options.pass {
        let machine = Machine::ALL.into_iter().find(|machine| machine.to_string() == *name);
        let machine = machine.ok_or_else(|| io::Error::other(format!("no machine {name}")))?;
        counts::pass(machine, options.times);
        return Ok(true);
    }
    let now = counts::count(&std::env::current_exe()?)?;
    let changes = Change::all(&counts::kept().unwrap_or_default(), &now);
    println!("{:<32} {:>10} {:>10}", "instructions", "kept", "now");
    for change in &changes {
        println!("{change}");
    }
    if options.keep {
        counts::keep(&now)?;
        return Ok(true);
    }
    Ok(!changes.iter().any(Change::is_large))
}
