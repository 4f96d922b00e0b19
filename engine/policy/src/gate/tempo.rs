//! How fast mail goes to a host that counts what comes in a time, and has not said how much that may be.
//!
//! Messages go evenly, each so long behind the one before, and what is learnt is how long. Between two
//! refusals a host takes just what its limit lets through, however it counts: so the second one says
//! what the limit is. The contract: [`Tempo::took`] for each message that was taken,
//! [`Tempo::refused`] for each reply that says that there are too many, and [`Tempo::due`] when
//! [`Tempo::next_at`] has come.
//!
//! ```text
//!  seeking:  hardly anything for 2 s, until replies to what was on its way are there
//!            an eighth of what went of late, then twice as much every 5 s   refused: holding
//!  holding:  of what was taken since the refusal before, all but three in a hundred
//!            after 1 min, then 10 min, 20 min ... a day: probing            refused: less, for 1 min
//!  probing:  a twentieth more, a minute later two, then four ...            refused: holding
//! ```
//! Where nothing was taken between two refusals nothing goes for ten seconds, as a host that counts
//! by the minute may begin anew by then, then for twenty, and so on; behind the third time it seeks. A step up needs mail that waited for it: what is not used up is not widened.

use super::UNUSED_FOR;
use super::ceiling::probed_after;
use crate::rate::Rate;
use event::Tick;
use std::time::Duration;

/// Replies to what was on its way when it was slowed are of one piece with the first.
pub const AFTERMATH: Duration = Duration::from_secs(2);
/// So far below what went of late it begins.
const BEGIN: u32 = 8;
/// But no slower than this, if that is slower than what went.
const SLOW: Duration = Duration::from_secs(10);
/// So long nothing goes where nothing was taken, and twice as long each time; the pace is another
/// one after so many times.
const SHUT: Duration = Duration::from_secs(10);
const VAIN_MAX: u8 = 2;
/// A step of the search takes so long, or as many messages.
const SEEK: Duration = Duration::from_secs(5);
const SEEK_MESSAGES: u32 = 2;
/// A step beyond what is known to be taken, likewise.
const STEP: Duration = Duration::from_mins(1);
const STEP_MESSAGES: u32 = 32;
/// No probe before so many messages, so that those it costs are few of them.
const HOLD_MESSAGES: u32 = 256;
/// Of a hundred that are taken so many are had.
const HELD_PERCENT: u32 = 97;
/// The shortest and the longest time between two messages; beyond the shortest there is no limit.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_hours(1);
/// What is refused where it was taken for longer than this has changed: how much was taken since the
/// last refusal says nothing.
const FRESH: Duration = Duration::from_mins(2);
/// Connections that wait for leave to send do so at least as often; fewer messages than go meanwhile
/// may go at once.
const TURN: Duration = Duration::from_millis(50);

/// The pace of one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tempo {
    /// From one message to the next.
    pub(super) every: Duration,
    pub(super) phase: Phase,
    /// When it was refused last, and what was taken since.
    refused: Tick,
    taken: u64,
    /// Nothing is heard before.
    settled: Tick,
    /// When the step that is under way began, when it is over, and what was taken since.
    begun: Tick,
    pub(super) next: Tick,
    taken_in_step: u64,
    /// When mail last waited for it.
    pub(super) used: Tick,
    /// Refusals in a row with nothing taken between them.
    in_vain: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// What was on its way is answered; then it goes so far apart.
    Waiting {
        then: Duration,
    },
    Seeking,
    /// More was refused so often.
    Holding {
        times: u8,
        /// What went well for long, where a little more is tried now.
        sure: Option<Duration>,
    },
    /// So many steps above what was held.
    Probing {
        times: u8,
        steps: u8,
        held: Duration,
        /// What went well for the step before.
        good: Duration,
    },
}

/// What a refusal makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It goes on, but not as fast.
    Slower,
    /// Nothing goes for so long.
    Shut(Duration),
}

/// What time makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Same,
    Faster,
    /// There is no limit, or nobody has come near it for long.
    Gone,
}

impl Tempo {
    /// The first refusal, where messages went so far apart of late.
    pub(super) fn begin(recent: Duration, now: Tick) -> Self {
        let then = bounded((recent * BEGIN).min(recent.max(SLOW)));
        let mut tempo = Self::held(then.max(AFTERMATH), 0, now);
        tempo.phase = Phase::Waiting { then };
        tempo.settled = now + AFTERMATH;
        tempo.step(AFTERMATH, now);
        tempo
    }

    /// One that is known, and was refused so many times when it was faster.
    pub(super) fn held(every: Duration, times: u8, now: Tick) -> Self {
        Self {
            every: bounded(every),
            phase: Phase::Holding { times, sure: None },
            refused: now,
            taken: 0,
            settled: now,
            begun: now,
            next: now,
            taken_in_step: 0,
            used: now,
            in_vain: 0,
        }
    }

    /// A message was taken.
    pub(super) const fn took(&mut self) {
        self.taken += 1;
        self.taken_in_step += 1;
    }

    /// There were too many. `None`: that is known.
    pub(super) fn refused(&mut self, longest: Duration, now: Tick) -> Option<Refused> {
        if now < self.settled {
            return None;
        }
        let span = now.since(self.refused);
        let taken = u32::try_from(std::mem::take(&mut self.taken)).unwrap_or(u32::MAX);
        (self.refused, self.settled, self.used) = (now, now + AFTERMATH, now);
        if taken < 2 {
            let pause = SHUT.saturating_mul(1 << u32::from(self.in_vain).min(16));
            self.in_vain = self.in_vain.saturating_add(1);
            (self.every, self.phase) = match self.phase {
                _ if self.in_vain > VAIN_MAX => (bounded(self.every * BEGIN), Phase::Seeking),
                Phase::Waiting { then } => (then, Phase::Seeking),
                Phase::Probing { times, held, .. } => {
                    (held, Phase::Holding { times: times.saturating_add(1), sure: Some(held) })
                }
                known => (self.every, known),
            };
            return Some(Refused::Shut(pause.min(longest.max(SHUT))));
        }
        self.in_vain = 0;
        let sure = match self.phase {
            Phase::Probing { held, .. } => Some(held),
            _ => None,
        };
        let times = self.lower(span / taken * 100 / HELD_PERCENT, span);
        self.phase = Phase::Holding { times, sure };
        self.step(self.hold_len(times), now);
        Some(Refused::Slower)
    }

    /// Goes down to what is taken: `found` is that with its margin, over a span. How often more than that
    /// was refused.
    fn lower(&mut self, found: Duration, span: Duration) -> u8 {
        let (every, times) = match self.phase {
            Phase::Waiting { then } => (found.max(then), 1),
            Phase::Seeking => (found.max(self.every), 1),
            Phase::Holding { .. } if span > FRESH => (self.every * 10 / 7, 1),
            Phase::Holding { times, sure } => {
                let less = found.max(self.every * 100 / HELD_PERCENT);
                (sure.map_or(less, |sure| less.min(sure)), times.max(1))
            }
            // A host that is not asked for all that it takes may keep some of that for later, or none: so
            // less seems to be taken than is. What went well for a step does so still, or is refused soon.
            Phase::Probing { times, held, good, .. } => {
                let most = found.min(good).clamp(self.every.min(held), held);
                (most, times.saturating_add(1))
            }
        };
        self.every = bounded(every);
        times
    }

    /// Nothing went for a while, and now it does again.
    pub(super) fn go_on(&mut self, now: Tick) {
        self.settled = now;
        let len = match self.phase {
            Phase::Holding { times, .. } => self.hold_len(times),
            _ => self.step_len(),
        };
        self.step(len, now);
    }

    /// How long what is held is not exceeded.
    fn hold_len(&self, times: u8) -> Duration {
        probed_after(times).max(self.every * HOLD_MESSAGES)
    }

    /// From one message to the next, once it goes.
    pub(super) const fn goes(&self) -> Duration {
        match self.phase {
            Phase::Waiting { then } => then,
            _ => self.every,
        }
    }

    /// When [`Self::due`] has something to say.
    pub(super) const fn next_at(&self) -> Tick {
        self.next
    }

    /// What time has brought.
    pub(super) fn due(&mut self, now: Tick) -> Due {
        if let Phase::Waiting { then } = self.phase {
            let is_same = self.every == then;
            (self.every, self.phase) = (then, Phase::Seeking);
            self.step(self.step_len(), now);
            return if is_same { Due::Same } else { Due::Faster };
        }
        let is_used = self.is_used(now);
        if !is_used {
            self.step(self.step_len(), now);
            let is_over = now.since(self.used) >= UNUSED_FOR;
            return if is_over { Due::Gone } else { Due::Same };
        }
        self.used = now;
        let every = self.every;
        (self.every, self.phase) = match self.phase {
            Phase::Waiting { .. } | Phase::Seeking => (every / 2, Phase::Seeking),
            Phase::Holding { times, .. } => {
                let (steps, held, good) = (1, every, every);
                (every * 20 / 21, Phase::Probing { times, steps, held, good })
            }
            Phase::Probing { times, steps, held, .. } => {
                let more = (5 << steps.min(4)).min(50);
                let steps = steps.saturating_add(1);
                let faster = every * 100 / (100 + more);
                (faster, Phase::Probing { times, steps, held, good: every })
            }
        };
        self.step(self.step_len(), now);
        if self.every < SHORTEST { Due::Gone } else { Due::Faster }
    }

    /// Whether mail waited for it since the step began.
    fn is_used(&self, now: Tick) -> bool {
        let had = self.every.as_nanos() * u128::from(self.taken_in_step) * 10;
        had >= now.since(self.begun).as_nanos() * 8
    }

    fn step(&mut self, len: Duration, now: Tick) {
        (self.begun, self.next, self.taken_in_step) = (now, now + len, 0);
    }

    fn step_len(&self) -> Duration {
        match self.phase {
            Phase::Waiting { .. } | Phase::Seeking => SEEK.max(self.every * SEEK_MESSAGES),
            Phase::Holding { .. } | Phase::Probing { .. } => STEP.max(self.every * STEP_MESSAGES),
        }
    }
}

fn bounded(every: Duration) -> Duration {
    every.clamp(SHORTEST, LONGEST)
}

/// The rate by which a queue keeps messages so far apart: what is spread evenly are the nineteen of
/// twenty that may not go at once ([`crate::pace`]).
#[must_use]
pub(super) fn rate(every: Duration) -> Option<Rate> {
    let at_once = (TURN.as_nanos() / every.as_nanos().max(1)).min(1_000) as u32;
    let (count, spread) = if at_once == 0 { (10, 10) } else { (20 * at_once, 19 * at_once) };
    Rate::new(count.into(), every * spread)
}

/// The same as people write it: so many in the shortest of second, minute, hour and day in which it is
/// a hundred or more.
pub(super) fn shown(every: Duration) -> Rate {
    let spans = [1, 60, 3_600, 86_400].map(Duration::from_secs);
    let count = |span: Duration| u64::try_from(span.as_nanos() / every.as_nanos().max(1));
    let rate = |span: Duration| Rate::new(count(span).unwrap_or(u64::MAX).max(1), span);
    let fits = spans.into_iter().find(|span| count(*span).is_ok_and(|count| count >= 100));
    let day = Rate::new(1, spans[3]).expect("one a day is a rate");
    rate(fits.unwrap_or(spans[3])).unwrap_or(day)
}

#[cfg(test)]
mod tests;
