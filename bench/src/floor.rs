//! The floor: the main job without the mail.
//!
//! The same bytes are received over loopback TCP, appended to a pre-zeroed log with one commit
//! in flight (`O_DIRECT | O_DSYNC`), answered, sent to a sink that answers, in the same round
//! trips as the engine makes; but nothing is parsed, looked up, routed or remembered. What a
//! message costs here is what the kernel asks for it, and no engine can do with less.
//!
//! Relay, generator and sink are processes of their own (this program, run again), so that the
//! relay's processor time is its own. A round is bounded in messages, and by an alarm in time.

mod accept;
mod engine;
mod generator;
mod log;
mod plan;
mod pool;
mod relay;
mod report;
mod ring;
mod run;
mod runtime;
mod shard;
mod sink;

use clap::{Parser, ValueEnum};
use plan::{Plan, Trips};
use runtime::Runtime;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// What physics asks of the main job: the same bytes received, appended, sent; no logic.
#[derive(Clone, Debug, Parser)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Options {
    /// Messages of a round, at 4 KiB and less; larger ones are fewer in proportion.
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    messages: u32,
    /// Message sizes in bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [4_096, 51_200])]
    sizes: Vec<u32>,
    /// Incoming connections.
    #[arg(long, default_value_t = 20)]
    sessions: u16,
    /// Outgoing connections.
    #[arg(long, default_value_t = 10)]
    lanes: u16,
    /// Relay threads, each with a core, a ring and a log of its own.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    shards: Vec<u16>,
    /// Only one round trip for an incoming message: its text and the next envelope together.
    #[arg(long)]
    pipelined: bool,
    /// The engine too, round by round in turn, plain and sending under TLS, with as many shards and
    /// round trips; at two shards, where the floor pins nothing either.
    #[arg(long)]
    engine: bool,
    /// Instead, mail taken and not sent, two shards: the floor, the engine, plain and under TLS, and Postfix if it is
    /// installed, round by round in turn.
    #[arg(long, conflicts_with_all = ["engine", "runtimes"])]
    accept: bool,
    /// Instead, the receiving half alone on each runtime that could drive the engine, one thread.
    #[arg(long, conflicts_with = "engine")]
    runtimes: bool,
    /// Rounds of each line; the median is shown.
    #[arg(long, default_value_t = 3)]
    rounds: u16,
    /// Where the logs are written.
    #[arg(long, default_value = "target")]
    directory: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[arg(long, hide = true)]
    role: Option<Role>,
    #[arg(long, hide = true)]
    runtime: Option<Runtime>,
    #[arg(long, hide = true, value_delimiter = ',')]
    peers: Vec<SocketAddr>,
}

/// What a process of a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Generator,
    Receiver,
    Relay,
    Sink,
}

/// Runs the rounds, or one part of one.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.role {
        None if options.runtimes => runtime::all(&options),
        None if options.accept => accept::all(&options),
        None => run::all(&options),
        Some(role) => play(role, &options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(role: Role, options: &Options) -> io::Result<()> {
    run::end_with_parent();
    let plan = Plan::of(options)?;
    match role {
        Role::Generator => generator::play(&plan, &options.peers),
        Role::Receiver => {
            let runtime = options.runtime.ok_or(io::ErrorKind::InvalidInput)?;
            runtime::play(&plan, runtime)
        }
        Role::Relay => relay::play(&plan, &options.peers),
        Role::Sink => sink::play(&plan),
    }
}

impl Options {
    /// The trips to measure.
    fn trips(&self) -> &'static [Trips] {
        if self.pipelined { &[Trips::One] } else { &[Trips::Two, Trips::One] }
    }
}

#[cfg(test)]
mod tests;
