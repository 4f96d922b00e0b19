//! Ringpost beside other relays, on this machine: `peers`, or `peers postfix --scenario relay-4k`.
//!
//! Installs nothing: see bench/peers/README.md. Bounded in messages and time, and speaks to
//! loopback only.

use bench::peers::{Generator, Plan, Relay, Scenario, clean_up_on_signals, run};
use clap::Parser;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compare Ringpost with the other relays that are there.
#[derive(Debug, Parser)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Options {
    /// The relays to compare with; all that are there, if none is named.
    peers: Vec<Relay>,
    /// What to ask of them; may be given several times. Everything, if left out.
    #[arg(long = "scenario", value_enum)]
    scenarios: Vec<Scenario>,
    /// Fewer scenarios, messages and rounds: under four minutes.
    #[arg(long)]
    quick: bool,
    /// The queue of `backlog` and `restart` is a million messages. Takes hours.
    #[arg(long)]
    full: bool,
    /// Turns of each relay [default: 3, with --quick 1].
    #[arg(long)]
    rounds: Option<u32>,
    /// Messages of a round through a peer; Ringpost, being faster, gets five times as many
    /// [default: 800, with --quick 400].
    #[arg(long)]
    messages: Option<u64>,
    /// Messages in the queue of the scenarios `backlog` and `restart`, of each relay alike
    /// [default: 2000, with --quick 600].
    #[arg(long)]
    backlog: Option<u64>,
    /// Connections of the scenario `idle`.
    #[arg(long, default_value_t = 10_000)]
    idle: u64,
    /// Connections of the generator.
    #[arg(long, default_value_t = 20)]
    sessions: u64,
    /// Who sends and who receives, where a scenario leaves the choice.
    #[arg(long, value_enum, default_value_t = Generator::Ringload)]
    generator: Generator,
    /// Measure the named relays alone, without Ringpost.
    #[arg(long)]
    alone: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Also write the tables to this page, as Markdown.
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

/// The backlog of `--full`.
const MILLION: u64 = 1_000_000;

fn main() -> ExitCode {
    let options = Options::parse();
    let (relays, absent) = relays(&options);
    for (relay, why) in &absent {
        eprintln!("{relay} takes no part: {why}");
    }
    if relays.is_empty() {
        return ExitCode::FAILURE;
    }
    if let Err(error) = clean_up_on_signals() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let report = run(&plan(&options, relays), |line| eprintln!("{line}")).without(absent);
    if let Some(page) = &options.results {
        let command: Vec<String> = env::args().skip(1).collect();
        let command = format!("cargo run --release -p bench --bin peers -- {}", command.join(" "));
        if let Err(error) = fs::write(page, report.markdown(command.trim_end())) {
            eprintln!("{}: {error}", page.display());
            return ExitCode::FAILURE;
        }
    }
    if options.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.table());
    }
    ExitCode::SUCCESS
}

/// Who takes part, and who cannot and why.
fn relays(options: &Options) -> (Vec<Relay>, Vec<(Relay, String)>) {
    let named = |relay: &Relay| match relay {
        Relay::Ringpost => !options.alone,
        _ => options.peers.is_empty() || options.peers.contains(relay),
    };
    let (mut there, mut absent) = (Vec::new(), Vec::new());
    for relay in Relay::ALL.into_iter().filter(named) {
        match relay.ready() {
            Ok(()) => there.push(relay),
            Err(why) => absent.push((relay, why)),
        }
    }
    (there, absent)
}

fn plan(options: &Options, relays: Vec<Relay>) -> Plan {
    let or = |given: Option<u64>, usual, quick| {
        given.unwrap_or(if options.quick { quick } else { usual })
    };
    let scenarios = match (options.scenarios.as_slice(), options.quick) {
        ([], false) => Scenario::all().to_vec(),
        ([], true) => Scenario::QUICK.to_vec(),
        (named, _) => named.to_vec(),
    };
    Plan {
        relays,
        scenarios,
        rounds: options.rounds.unwrap_or(if options.quick { 1 } else { 3 }),
        messages: or(options.messages, 600, 400),
        backlog: if options.full { MILLION } else { or(options.backlog, 2_000, 600) },
        idle: options.idle,
        sessions: options.sessions,
        generator: options.generator,
        syncs: !options.quick,
    }
}
