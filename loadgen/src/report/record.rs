//! What is looked at once a second while a run is under way: a relay's use of the machine, and
//! what providers counted. Machines: the caller says when it looks and what it sees.

use crate::clock::{self, Nanos};
use crate::sink::Simulated;
use crate::usage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Looks kept. When there are more, every other is dropped, and half as many are made.
const LOOKS_MAX: usize = 1_024;
const SECOND: Nanos = 1_000_000_000;

/// Looks at something that only grows, evenly spaced.
#[derive(Clone, Debug)]
struct Looks<T> {
    every: Nanos,
    due: Nanos,
    taken: Vec<(Nanos, T)>,
}

impl<T> Default for Looks<T> {
    fn default() -> Self {
        Self { every: SECOND, due: 0, taken: Vec::new() }
    }
}

impl<T> Looks<T> {
    fn is_due(&self, since_start: Nanos) -> bool {
        since_start >= self.due
    }

    fn take(&mut self, since_start: Nanos, seen: T) {
        self.taken.push((since_start, seen));
        if self.taken.len() > LOOKS_MAX {
            let mut index = 0;
            self.taken.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every *= 2;
        }
        self.due = (since_start / self.every + 1) * self.every;
    }
}

/// What the relay's processes use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time so far.
    pub cpu: Nanos,
    /// Bytes of memory, shared pages counted once (PSS).
    pub memory_bytes: u64,
}

impl Usage {
    /// What process `pid` and its descendants use now; `None` if it is gone.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let is_there = !usage::descendants(pid).is_empty();
        let cpu = || clock::nanos(usage::cpu(pid));
        is_there.then(|| Self { cpu: cpu(), memory_bytes: usage::memory(pid) })
    }
}

/// Watches the processes of a relay.
#[derive(Clone, Debug, Default)]
pub struct Relay {
    pids: Vec<u32>,
    looks: Looks<Usage>,
    gone: Option<Nanos>,
}

/// A process to be watched is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone(pub u32);

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--relay-pid {}: there is no such process", self.0)
    }
}

impl std::error::Error for Gone {}

impl Relay {
    /// Watches these processes and their descendants.
    #[must_use]
    pub fn new(pids: &[u32]) -> Self {
        Self { pids: pids.to_vec(), ..Self::default() }
    }

    /// Looks, if it is time to: `usage` says what a process and its descendants use, or that it
    /// is gone. Once one is gone, no more looks are taken.
    ///
    /// # Errors
    /// [`Gone`] if a process is not there at the first look.
    pub fn look(
        &mut self,
        since_start: Nanos,
        usage: impl Fn(u32) -> Option<Usage>,
    ) -> Result<(), Gone> {
        if self.looks.is_due(since_start) { self.look_now(since_start, usage) } else { Ok(()) }
    }

    /// Looks, whether it is time to or not: at the end of a run.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub fn look_now(
        &mut self,
        since_start: Nanos,
        usage: impl Fn(u32) -> Option<Usage>,
    ) -> Result<(), Gone> {
        if self.gone.is_some() || self.pids.is_empty() {
            return Ok(());
        }
        let mut sum = Usage::default();
        for pid in &self.pids {
            match usage(*pid) {
                Some(Usage { cpu, memory_bytes }) => {
                    sum.cpu += cpu;
                    sum.memory_bytes += memory_bytes;
                }
                None if self.looks.taken.is_empty() => return Err(Gone(*pid)),
                None => {
                    self.gone = Some(since_start);
                    return Ok(());
                }
            }
        }
        self.looks.take(since_start, sum);
        Ok(())
    }

    /// What was seen while `messages` were accepted; `None` if nothing was watched.
    #[must_use]
    pub fn used(&self, messages: u64) -> Option<super::model::Used> {
        let (_, first) = self.looks.taken.first()?;
        let point = |(at, usage): &(Nanos, Usage)| UsagePoint {
            at_secs: secs(*at),
            cpu_secs: secs(usage.cpu.saturating_sub(first.cpu)),
            memory_bytes: usage.memory_bytes,
        };
        let series: Vec<_> = self.looks.taken.iter().map(point).collect();
        let cpu_secs = series.last()?.cpu_secs;
        #[expect(clippy::cast_precision_loss, reason = "a count below 2^52")]
        Some(super::model::Used {
            pids: self.pids.clone(),
            gone_at_secs: self.gone.map(secs),
            cpu_secs,
            cpu_micros_per_message: cpu_secs * 1e6 / messages.max(1) as f64,
            memory_max_bytes: series.iter().map(|point| point.memory_bytes).max()?,
            series,
        })
    }
}

/// What a relay had used at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsagePoint {
    /// The moment, in seconds since the run started.
    pub at_secs: f64,
    /// Processor time since the first look, in seconds: user and system, of all its processes.
    pub cpu_secs: f64,
    /// Bytes of memory, shared pages counted once (PSS).
    pub memory_bytes: u64,
}

/// What one provider had counted at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Recipients accepted so far.
    pub accepted: u64,
    /// Recipients deferred so far.
    pub deferred: u64,
    /// Recipients failed so far.
    pub failed: u64,
    /// Connections open now.
    pub open: u64,
}

/// What these providers have counted so far.
#[must_use]
pub fn counted(providers: &[Arc<Simulated>]) -> Vec<Counted> {
    let one = |simulated: &Arc<Simulated>| {
        let counters = &simulated.counters;
        Counted {
            accepted: counters.delivered.load(Relaxed),
            deferred: counters.deferred.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            open: counters.open.load(Relaxed),
        }
    };
    providers.iter().map(one).collect()
}

/// Watches providers.
#[derive(Clone, Debug, Default)]
pub struct Providers(Looks<Vec<Counted>>);

/// One span of a run at a provider. Counts are recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderPoint {
    /// When it starts, in seconds since the simulator did.
    pub from_secs: f64,
    /// How long it is, in seconds: about 1, or more if the run was a long one.
    pub secs: f64,
    /// Answered with 250 after the final dot in it.
    pub accepted: u64,
    /// Answered with 4xx in it.
    pub deferred: u64,
    /// Answered with 5xx in it.
    pub failed: u64,
    /// Connections open at its end.
    pub open: u64,
}

impl Providers {
    /// Looks, if it is time to.
    pub fn look(&mut self, since_start: Nanos, counted: impl FnOnce() -> Vec<Counted>) {
        if self.0.is_due(since_start) {
            self.0.take(since_start, counted());
        }
    }

    /// Looks at the end of a run.
    pub fn look_now(&mut self, since_start: Nanos, counted: Vec<Counted>) {
        self.0.take(since_start, counted);
    }

    /// What happened at the provider of that index between the looks, from the first thing to
    /// the last.
    #[must_use]
    pub fn series(&self, index: usize) -> Vec<ProviderPoint> {
        let between = |pair: &[(Nanos, Vec<Counted>)]| {
            let [(from, before), (to, after)] = pair else { return None };
            let (before, after) = (before.get(index)?, after.get(index)?);
            Some(ProviderPoint {
                from_secs: secs(*from),
                secs: secs(to - from),
                accepted: after.accepted - before.accepted,
                deferred: after.deferred - before.deferred,
                failed: after.failed - before.failed,
                open: after.open,
            })
        };
        let mut points: Vec<_> = self.0.taken.windows(2).filter_map(between).collect();
        let is_quiet = |point: &ProviderPoint| {
            point.accepted + point.deferred + point.failed + point.open == 0
        };
        let last = points.iter().rposition(|point| !is_quiet(point)).map_or(0, |last| last + 1);
        points.truncate(last);
        points.drain(..points.iter().take_while(|point| is_quiet(point)).count());
        points
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a run are below 2^53")]
fn secs(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::{Counted, Gone, LOOKS_MAX, Providers, Relay, SECOND, Usage};

    fn usage(cpu: u64) -> Usage {
        Usage { cpu, memory_bytes: 7 }
    }

    #[test]
    fn a_relay_is_looked_at_once_a_second_until_it_is_gone() {
        let mut relay = Relay::new(&[1, 2]);
        for tenth in 0..25 {
            let at = tenth * SECOND / 10;
            relay.look(at, |pid| Some(usage(at + u64::from(pid)))).expect("it is there");
        }
        relay.look_now(5 * SECOND / 2, |_| Some(usage(3 * SECOND))).expect("it is there");
        relay.look(3 * SECOND, |pid| (pid == 1).then(|| usage(0))).expect("it was there");
        relay.look(4 * SECOND, |_| Some(usage(0))).expect("nobody looks");
        let used = relay.used(1_000).expect("it was watched");
        let at: Vec<_> = used.series.iter().map(|point| point.at_secs).collect();
        assert_eq!((at, used.gone_at_secs), (vec![0.0, 1.0, 2.0, 2.5], Some(3.0)));
        assert!((used.cpu_micros_per_message - 6_000.0).abs() < 1e-3, "{used:?}");
        assert_eq!(used.memory_max_bytes, 14);
        assert_eq!(Relay::new(&[9]).look(0, |_| None), Err(Gone(9)));
        assert_eq!(Relay::default().used(1), None);
    }

    #[test]
    fn a_long_run_is_looked_at_less_often_and_nothing_is_lost() {
        let mut providers = Providers::default();
        let secs = 3 * LOOKS_MAX as u64;
        let seen = |second| vec![Counted { accepted: second, open: 1, ..Counted::default() }];
        (0..=secs).for_each(|second| providers.look(second * SECOND, || seen(second)));
        providers.look_now(secs * SECOND + 1, seen(secs));
        let series = providers.series(0);
        assert!(series.len() <= LOOKS_MAX && series.len() > LOOKS_MAX / 2);
        assert_eq!(series.iter().map(|point| point.accepted).sum::<u64>(), secs);
    }

    #[test]
    fn quiet_ends_of_a_provider_are_left_out() {
        let mut providers = Providers::default();
        for (second, accepted) in (0..).zip([0, 0, 0, 5, 5, 9, 9, 9]) {
            let counted = Counted { accepted, ..Counted::default() };
            providers.look(second * SECOND, || vec![counted]);
        }
        let series: Vec<_> =
            providers.series(0).iter().map(|point| (point.from_secs, point.accepted)).collect();
        assert_eq!(series, [(2.0, 5), (3.0, 0), (4.0, 4)]);
    }
}
