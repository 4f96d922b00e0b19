//! What a round was, and how rounds are shown.
#![allow(clippy::cast_precision_loss, reason = "counts of a round are far below 2^52")]

use super::plan::{Plan, Trips};
use super::shard::Tally;
use crate::spread::Spread;
use crate::usage::Usage;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the relay did and used in one round.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Round {
    /// Seconds of processor time for 1,000 messages, of the whole process.
    pub(super) cpu_secs_per_1000: f64,
    /// The same time on the clocks of the relay's threads: without the ring's workers.
    pub(super) thread_secs_per_1000: f64,
    pub(super) messages_per_sec: f64,
    pub(super) enters_per_message: f64,
    pub(super) switches_per_message: f64,
    pub(super) messages_per_commit: f64,
    pub(super) disk_bytes_per_message: f64,
}

impl Round {
    /// Sums up a shard; [`Self::finish`] divides.
    pub(super) fn add(&mut self, tally: Tally, time: Duration) {
        self.thread_secs_per_1000 += time.as_secs_f64();
        self.enters_per_message += tally.enters as f64;
        self.messages_per_commit += tally.commits as f64;
        self.disk_bytes_per_message += tally.bytes as f64;
    }

    pub(super) fn finish(&mut self, usage: Usage, wall: Duration, messages: u32) {
        let messages = f64::from(messages);
        self.cpu_secs_per_1000 = usage.time.as_secs_f64() * 1_000.0 / messages;
        self.thread_secs_per_1000 *= 1_000.0 / messages;
        self.messages_per_sec = messages / wall.as_secs_f64();
        self.enters_per_message /= messages;
        self.switches_per_message = usage.switches as f64 / messages;
        self.messages_per_commit = messages / self.messages_per_commit;
        self.disk_bytes_per_message /= messages;
    }
}

/// The rounds of one line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    bytes: usize,
    round_trips_in: u8,
    shards: u16,
    messages: u32,
    sessions: u16,
    lanes: u16,
    /// The round with the median processor time.
    median: Round,
    cpu_secs_per_1000_min: f64,
    cpu_secs_per_1000_max: f64,
    /// The engine's seconds of processor time for 1,000 messages, and how many times the
    /// median floor that is; if it took turns.
    engine_cpu_secs_per_1000: Option<f64>,
    engine_to_floor: Option<f64>,
    /// The same, where it sends under TLS.
    tls_out_cpu_secs_per_1000: Option<f64>,
    tls_out_to_floor: Option<f64>,
}

impl Line {
    /// # Panics
    /// If there was no round.
    pub(super) fn new(
        plan: &Plan,
        mut rounds: Vec<Round>,
        engine: &[f64],
        tls_out: &[f64],
    ) -> Self {
        rounds.sort_by(|a, b| a.cpu_secs_per_1000.total_cmp(&b.cpu_secs_per_1000));
        let (first, last) = (rounds[0], rounds[rounds.len() - 1]);
        let median = rounds[rounds.len() / 2];
        let [engine, tls_out] =
            [engine, tls_out].map(|rounds| Spread::of(rounds).map(|spread| spread.median));
        let to_floor = |engine: Option<f64>| engine.map(|cpu| cpu / median.cpu_secs_per_1000);
        Self {
            bytes: plan.text_len,
            round_trips_in: if plan.trips == Trips::Two { 2 } else { 1 },
            shards: plan.shards,
            messages: plan.messages,
            sessions: plan.sessions,
            lanes: plan.lanes,
            median,
            cpu_secs_per_1000_min: first.cpu_secs_per_1000,
            cpu_secs_per_1000_max: last.cpu_secs_per_1000,
            engine_cpu_secs_per_1000: engine,
            engine_to_floor: to_floor(engine),
            tls_out_cpu_secs_per_1000: tls_out,
            tls_out_to_floor: to_floor(tls_out),
        }
    }

    pub(super) const HEADER: &'static str = "\
  bytes  trips  shards  messages/s   CPU s per 1000 (min - max)   threads  enters  switches  per commit  engine, and sending under TLS";

    pub(super) fn row(&self) -> String {
        let Self { bytes, round_trips_in, shards, median, .. } = self;
        let times = |cpu: Option<f64>, ratio: Option<f64>| {
            let both = cpu.zip(ratio);
            both.map_or_else(String::new, |(cpu, ratio)| format!("  {cpu:.4}: {ratio:.2} times"))
        };
        let engine = times(self.engine_cpu_secs_per_1000, self.engine_to_floor)
            + &times(self.tls_out_cpu_secs_per_1000, self.tls_out_to_floor);
        format!(
            "{bytes:7}  {round_trips_in:5}  {shards:6}  {:10.0}   {:.4} ({:.4} - {:.4})   {:.4}  {:6.2}  {:8.2}  {:10.1}{engine}",
            median.messages_per_sec,
            median.cpu_secs_per_1000,
            self.cpu_secs_per_1000_min,
            self.cpu_secs_per_1000_max,
            median.thread_secs_per_1000,
            median.enters_per_message,
            median.switches_per_message,
            median.messages_per_commit,
        )
    }
}
