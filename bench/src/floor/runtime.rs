//! The receiving half of the floor on each runtime that could drive the engine: SMTP comes in
//! and is answered, nothing is parsed and nothing written. So the choice stays visible, and
//! what the load generator costs beside it.

mod engine;
mod raw;
mod ringload;
mod tokio;
mod tokio_uring;

use super::plan::{ENVELOPE, GO_AHEAD, Plan, Trips};
use super::run::{self, Part};
use super::{Options, Role};
use crate::spread::Spread;
use crate::usage::{Usage, clock, pin};
use clap::ValueEnum;
use kernel::uring::DriverChoice;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;

/// What drives the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Runtime {
    /// `io_uring` by hand: nothing can cost less.
    Raw,
    /// What the engine sits on: monoio, on the ring.
    Ring,
    /// The same on epoll, for hosts that forbid the ring.
    Epoll,
    /// tokio-uring, which the load generator sits on.
    TokioUring,
    /// tokio, on epoll.
    Tokio,
}

/// What one round came to.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Served {
    cpu_secs_per_1000: f64,
    messages_per_sec: f64,
    /// Of the whole process; unknown where a part of one was measured.
    switches_per_message: Option<f64>,
}

/// A runtime's line of the table.
#[derive(Debug, Serialize)]
struct Line {
    runtime: String,
    bytes: usize,
    round_trips: u8,
    sessions: u16,
    rounds: Vec<Served>,
}

/// The load generator's halves, which have all their logic: not receivers only.
const RINGLOAD: [&str; 2] = ["ringload send", "ringload sink"];

/// A runtime as the command line spells it.
fn name(runtime: Runtime) -> String {
    runtime.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Every runtime in turn, round by round, and the load generator.
pub(super) fn all(options: &Options) -> io::Result<()> {
    let mut lines = Vec::new();
    for &size in &options.sizes {
        for &trips in options.trips() {
            let plan = Plan::new(options, size, 1, trips)?;
            let mut table: Vec<_> = Runtime::value_variants()
                .iter()
                .map(|&runtime| Line::new(&name(runtime), &plan))
                .chain(RINGLOAD.map(|part| Line::new(part, &plan)))
                .collect();
            for _ in 0..options.rounds.max(1) {
                let (receivers, parts) = table.split_at_mut(Runtime::value_variants().len());
                for (&runtime, line) in Runtime::value_variants().iter().zip(receivers) {
                    line.rounds.push(round(options, &plan, runtime)?);
                }
                for (line, served) in parts.iter_mut().zip(ringload::round(&plan)?) {
                    line.rounds.push(served);
                }
            }
            lines.extend(table);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
        return Ok(());
    }
    println!(
        "  bytes  trips  sessions  runtime         CPU us a message          messages/s  switches"
    );
    for line in &lines {
        println!("{}", line.row());
    }
    Ok(())
}

fn round(options: &Options, plan: &Plan, runtime: Runtime) -> io::Result<Served> {
    let options = Options { runtime: Some(runtime), ..options.clone() };
    let mut receiver = Part::start(Role::Receiver, &options, plan, "")?;
    let door = receiver.line()?;
    let generator = Part::start(Role::Generator, &options, plan, &door)?;
    let served = receiver.line()?;
    generator.end()?;
    receiver.end()?;
    Ok(serde_json::from_str(&served)?)
}

/// The process that is measured.
#[allow(clippy::cast_precision_loss, reason = "counts of a round are far below 2^52")]
pub(super) fn play(plan: &Plan, runtime: Runtime) -> io::Result<()> {
    pin(0);
    let mut began = None;
    serve(plan, runtime, &mut |address| {
        println!("{address}");
        began = Some((Usage::now(), clock(libc::CLOCK_MONOTONIC)));
    })?;
    let (before, start) = began.ok_or_else(|| io::Error::other("nothing was announced"))?;
    let used = Usage::now()?.since(before?);
    let messages = f64::from(plan.messages);
    let wall = clock(libc::CLOCK_MONOTONIC).saturating_sub(start);
    let served = Served {
        cpu_secs_per_1000: used.time.as_secs_f64() * 1_000.0 / messages,
        messages_per_sec: messages / wall.as_secs_f64(),
        switches_per_message: Some(used.switches as f64 / messages),
    };
    println!("{}", serde_json::to_string(&served)?);
    Ok(())
}

/// Says where it listens, takes the sessions of `plan`, and hears them all out.
pub(super) fn serve(
    plan: &Plan,
    runtime: Runtime,
    announce: &mut dyn FnMut(SocketAddr),
) -> io::Result<()> {
    let listener = run::listen()?;
    match runtime {
        Runtime::Raw => raw::serve(plan, &listener, announce),
        Runtime::Ring => engine::serve(plan, DriverChoice::Uring, announce),
        Runtime::Epoll => engine::serve(plan, DriverChoice::Epoll, announce),
        Runtime::TokioUring => tokio_uring::serve(plan, listener, announce),
        Runtime::Tokio => tokio::serve(plan, listener, announce),
    }
}

/// What a session hears next, and what it answers when all of that has come.
#[derive(Clone, Copy, Debug, Default)]
struct Script {
    message: u32,
    inside: bool,
}

impl Script {
    /// Bytes that come before the next answer; `None` at the end.
    fn awaits(self, plan: &Plan) -> Option<usize> {
        let more = self.message < plan.messages_each();
        more.then(|| if self.inside { plan.incoming_len(self.message) } else { ENVELOPE.len() })
    }

    /// The answer to these, and what comes next.
    fn answer(&mut self, plan: &Plan) -> Vec<u8> {
        if !self.inside {
            self.inside = true;
            return GO_AHEAD.to_vec();
        }
        let answer = plan.answer(self.message);
        self.message += 1;
        self.inside = plan.trips == Trips::One;
        answer
    }
}

impl Line {
    fn new(runtime: &str, plan: &Plan) -> Self {
        Self {
            runtime: runtime.to_owned(),
            bytes: plan.text_len,
            round_trips: if plan.trips == Trips::Two { 2 } else { 1 },
            sessions: plan.sessions,
            rounds: Vec::new(),
        }
    }

    fn row(&self) -> String {
        let spread = |figure: fn(&Served) -> Option<f64>| {
            let values: Vec<f64> = self.rounds.iter().filter_map(figure).collect();
            Spread::of(&values).map_or_else(|| "-".to_owned(), |spread| spread.text(""))
        };
        let Self { runtime, bytes, round_trips, sessions, .. } = self;
        format!(
            "{bytes:7}  {round_trips:5}  {sessions:8}  {runtime:<13}  {:<24}  {:<10}  {}",
            spread(|served| Some(served.cpu_secs_per_1000 * 1_000.0)),
            spread(|served| Some(served.messages_per_sec)),
            spread(|served| served.switches_per_message),
        )
    }
}
