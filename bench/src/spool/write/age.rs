//! How long a batch should wait for company.
//!
//! Producers in a closed loop: each thinks, puts in a message of 4 KiB, and waits until it is
//! durable. A batch leaves when nothing is in flight and its oldest message has waited as
//! long as is tried here, or when it is full.

use super::{Options, nanos};
use crate::report::{Table, percentile};
use crate::spool::Plan;
use crate::spool::device::Device;
use crate::spool::strategy::{Ground, Strategy};
use crate::usage::clock;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::Path;
use std::time::Duration;

const MESSAGE: &[u8] = &[b'x'; 4_096];
/// A batch of so many bytes waits no longer, as in the spool.
const FULL: usize = 256 * 1_024;
const PRODUCERS: [u32; 3] = [1, 10, 100];
const AGES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_millis(2),
];
/// Mean pause of a producer between an answer and its next message: none, and a round trip.
const PAUSES: [Duration; 2] = [Duration::ZERO, Duration::from_micros(100)];

pub(super) fn measure(options: &Options, plan: &Plan, strategy: Strategy) -> io::Result<Table> {
    let columns = &["messages/s", "a commit", "p50 ms", "p99 ms", "CPU us"];
    let mut table = Table::new(format!("4 KiB messages, {}", strategy.name()), columns);
    let limit = Duration::from_millis(options.age_ms);
    precise();
    for _ in 0..plan.rounds {
        for producers in PRODUCERS {
            for pause in PAUSES {
                for age in AGES {
                    let mut round = Round::new(&plan.folder, strategy, producers, pause, age)?;
                    let name = format!("{producers} producers, pause {pause:?}, age {age:?}");
                    table.add(&name, &round.run(limit)?);
                }
            }
        }
    }
    Ok(table)
}

/// Wakes this thread when it asked to be woken, not 50 us later.
#[allow(unsafe_code, reason = "a call of the C library")]
fn precise() {
    const NANOS: libc::c_ulong = 1_000;
    // SAFETY: the call touches no memory of ours.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, NANOS) };
}

/// Producers around one file.
struct Round {
    device: Device,
    pause: Duration,
    age: Duration,
    /// When the producers that think will have thought, soonest first.
    thinking: BinaryHeap<Reverse<Duration>>,
    /// When the messages of the open batch and of the one in flight came.
    open: Vec<Duration>,
    sealed: Vec<Duration>,
    random: u64,
}

impl Round {
    fn new(
        folder: &Path,
        strategy: Strategy,
        producers: u32,
        pause: Duration,
        age: Duration,
    ) -> io::Result<Self> {
        let device = Device::new(folder, Ground::Zeroed, strategy)?;
        let now = clock(libc::CLOCK_MONOTONIC);
        let thinking = (0..producers).map(|_| Reverse(now)).collect();
        let (open, sealed, random) = (Vec::new(), Vec::new(), 0x9e37_79b9_7f4a_7c15);
        Ok(Self { device, pause, age, thinking, open, sealed, random })
    }

    /// Lets them work for `limit`.
    fn run(&mut self, limit: Duration) -> io::Result<[f64; 5]> {
        let (mut latencies, mut commits) = (Vec::new(), 0_u64);
        let cpu = clock(libc::CLOCK_PROCESS_CPUTIME_ID);
        let start = clock(libc::CLOCK_MONOTONIC);
        let mut now = start;
        while now.saturating_sub(start) < limit {
            self.take_in(now);
            if !self.device.is_busy() && self.leaves_at().is_some_and(|at| at <= now) {
                std::mem::swap(&mut self.open, &mut self.sealed);
                self.device.begin();
                commits += 1;
            }
            let durable = self.device.turn(self.patience(now))? && !self.sealed.is_empty();
            now = clock(libc::CLOCK_MONOTONIC);
            if durable {
                for came in std::mem::take(&mut self.sealed) {
                    latencies.push(nanos(now.saturating_sub(came)));
                    let next = now + self.think();
                    self.thinking.push(Reverse(next));
                }
            }
        }
        let cpu = clock(libc::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(cpu);
        latencies.sort_unstable();
        let messages = latencies.len() as f64;
        Ok([
            messages / now.saturating_sub(start).as_secs_f64(),
            messages / commits as f64,
            percentile(&latencies, 50) / 1e6,
            percentile(&latencies, 99) / 1e6,
            cpu.as_secs_f64() * 1e6 / messages,
        ])
    }

    /// Those who have thought put their messages in.
    fn take_in(&mut self, now: Duration) {
        while let Some(Reverse(came)) = self.thinking.peek().copied()
            && came <= now
        {
            self.thinking.pop();
            self.device.put(MESSAGE);
            self.open.push(came);
        }
    }

    /// When the open batch should leave.
    fn leaves_at(&self) -> Option<Duration> {
        let first = *self.open.first()?;
        Some(if self.device.filled() >= FULL { first } else { first + self.age })
    }

    /// Until when there is nothing to do but to wait for the disk.
    fn patience(&self, now: Duration) -> Option<Duration> {
        let next = self.thinking.peek().map(|next| next.0);
        let leaves = if self.device.is_busy() { None } else { self.leaves_at() };
        let until = next.into_iter().chain(leaves).min()?;
        Some(until.saturating_sub(now))
    }

    /// An exponentially distributed pause: what many independent clients look like.
    fn think(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        self.pause.mul_f64(-(1.0 - share).ln())
    }
}
