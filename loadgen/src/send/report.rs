//! What came of a run, and whether the generator itself stood in its way.

use super::measured::{Measured, Phase};
use super::{Capacity, Findings, RATIO_MIN, Shared};
use crate::latency::{Summary, brief};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A thread of the generator that used more of its time as CPU than this was a bottleneck.
pub const BUSY_MAX: f64 = 0.9;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Messages with at least one accepted recipient.
    pub messages: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Recipients accepted.
    pub accepted: u64,
    /// 4xx answers, each of which was followed by another attempt or a refusal.
    pub postponed: u64,
    /// Recipients refused for good.
    pub refused: u64,
    /// Recipients with the text out and no answer.
    pub unanswered: u64,
    /// Messages that were never offered: stopped, or no connection.
    pub unsent: u64,
    /// Connections made.
    pub connections: u64,
    /// Connections that ended before we ended them.
    pub lost: u64,
    /// Attempts to connect that failed.
    pub dials_failed: u64,
    /// From the start to the end of the last session, however late the report is asked for.
    pub seconds: f64,
    /// Accepted messages a second.
    pub rate: f64,
    /// From the final dot to its answer.
    pub final_dot: Summary,
    /// From MAIL to the 250 of the final dot.
    pub transaction: Summary,
    /// CPU the generator's threads used.
    pub cpu_seconds: f64,
    /// What drove its sockets: `io_uring`, or `epoll` where the host forbids that.
    pub driver: &'static str,
    /// The last thing that went wrong, if anything did.
    pub trouble: Option<String>,
    /// How well the generator itself kept up.
    pub generator: Generator,
    /// The histograms behind the figures; as JSON, their summaries.
    #[serde(flatten)]
    pub measured: Measured,
}

/// How well the generator itself kept up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Starts of an open loop that were later than [`super::Options::late_after`], whatever
    /// they waited for.
    pub late: u64,
    /// Those of them that would have been late with a session free all the time.
    pub late_by_generator: u64,
    /// Starts of an open loop that were not made: see [`super::Options::drop_after`].
    pub dropped: u64,
    /// The share of the run that its busiest thread spent on the CPU, from 0.0 to 1.0.
    pub busiest_thread: f64,
    /// What it can send by itself, if that was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// Why the figures may be the generator's and not the relay's. Empty: they are not.
    pub bottlenecks: Vec<String>,
}

impl Generator {
    fn new(findings: &Findings, shared: &Shared, seconds: f64) -> Self {
        let busiest_thread = findings.cpu_busiest.as_secs_f64() / seconds.max(1e-9);
        let mut bottlenecks = Vec::new();
        if busiest_thread > BUSY_MAX {
            let percent = 100.0 * busiest_thread;
            bottlenecks.push(format!(
                "a thread of the generator was on the CPU {percent:.0} % of the time: raise --threads"
            ));
        }
        let (p99, limit) =
            (findings.measured.own_lateness.summary().p99_micros, shared.options.late_after);
        if u128::from(p99) > limit.as_micros() {
            bottlenecks.push(format!(
                "1 in 100 starts was late by {} though a session was free: give the generator \
                 more CPU, or ask for less",
                brief(p99)
            ));
        }
        Self {
            late: findings.late,
            late_by_generator: findings.late_by_generator,
            dropped: shared.work.dropped(),
            busiest_thread,
            capacity: None,
            bottlenecks,
        }
    }

    /// Takes note of what it can send by itself.
    pub(super) fn judge(&mut self, capacity: Capacity) {
        self.capacity = Some(capacity);
        if capacity.ratio < RATIO_MIN {
            let Capacity { rate, ratio, .. } = capacity;
            self.bottlenecks.push(format!(
                "by itself it sends {rate:.0}/s, {ratio:.2} times what was measured, and {RATIO_MIN} \
                 times is wanted: raise --threads, or give it more CPU"
            ));
        }
    }
}

impl Shared {
    #[expect(clippy::cast_precision_loss, reason = "only shown")]
    pub(super) fn report(&self, findings: Findings) -> Report {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        let counters = &self.counters;
        let took = Duration::from_nanos(findings.ended.saturating_sub(self.started));
        let seconds = took.as_secs_f64();
        let messages = of(&counters.messages);
        let generator = Generator::new(&findings, self, seconds);
        let ended = of(&counters.finished) + generator.dropped;
        Report {
            messages,
            bytes: of(&counters.bytes),
            accepted: of(&counters.accepted),
            postponed: of(&counters.postponed),
            refused: of(&counters.refused),
            unanswered: of(&counters.unanswered),
            unsent: self.options.messages.saturating_sub(ended),
            connections: of(&counters.connections),
            lost: of(&counters.lost),
            dials_failed: of(&counters.dials_failed),
            seconds,
            rate: messages as f64 / seconds.max(1e-9),
            final_dot: findings.measured.phases.of(Phase::Final).summary(),
            transaction: findings.measured.transaction.summary(),
            cpu_seconds: findings.cpu.as_secs_f64(),
            driver: findings.driver,
            trouble: findings.trouble,
            generator,
            measured: findings.measured,
        }
    }
}
