//! Ringpost beside another relay, on this machine: `peers postfix`.
//!
//! Installs nothing. Bounded in messages and time, and speaks to loopback only.

use bench::peers::{Generator, Plan, Relay, run};
use clap::Parser;
use std::process::ExitCode;

/// Compare Ringpost with another relay that is installed here.
#[derive(Debug, Parser)]
struct Options {
    /// The relay to compare with.
    peer: Peer,
    /// Bytes of a message; may be given several times.
    #[arg(long = "size", default_values_t = [4_096, 51_200])]
    sizes: Vec<u64>,
    /// Turns of each relay.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Messages of a round through the peer; Ringpost, being faster, gets five times as many.
    #[arg(long, default_value_t = 3_000)]
    messages: u64,
    /// Connections of the generator.
    #[arg(long, default_value_t = 20)]
    sessions: u64,
    /// Who sends and who receives.
    #[arg(long, value_enum, default_value_t = Generator::SmtpSource)]
    generator: Generator,
    /// Measure the peer alone.
    #[arg(long)]
    alone: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Peer {
    Postfix,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let Peer::Postfix = options.peer;
    let mut relays = vec![Relay::Postfix];
    if !options.alone {
        relays.push(Relay::Ringpost);
    }
    if let Some(missing) = relays.iter().find_map(|relay| relay.ready().err()) {
        eprintln!("{missing}");
        return ExitCode::FAILURE;
    }
    let Options { sizes, rounds, messages, sessions, generator, json, .. } = options;
    let plan = Plan { relays, sizes, rounds, messages, sessions, generator };
    match run(&plan, |line| eprintln!("{line}")) {
        Ok(report) if json => println!("{:#}", report.json()),
        Ok(report) => print!("{}", report.table()),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
