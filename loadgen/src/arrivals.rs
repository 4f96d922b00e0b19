//! When messages start: as soon as a session is free (closed loop), or at moments that do not
//! ask how the relay is doing (open loop).
//!
//! An open loop is a rate over time, and the start of message n is the moment at which n
//! messages are due by that rate. For Poisson arrivals the n-th is due when as many are as the
//! sum of n random gaps of mean 1 says, so every start is a function of the seed.

use crate::hash::{Random, share};
use crate::rate::{self, Rate};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Steps in one description.
pub const STEPS_MAX: usize = 1_000;

/// When messages start.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Arrivals {
    /// Each session starts its next message when the one before is answered.
    #[default]
    Closed,
    /// At moments of their own.
    Open(Plan),
}

/// A rate over time: pieces one after the other, then the last rate for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pieces: Vec<Piece>,
    last: f64,
    poisson: bool,
}

/// The rate goes straight from one value to the other, both a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    from: f64,
    to: f64,
    secs: f64,
}

impl Arrivals {
    /// Evenly spaced.
    #[must_use]
    pub const fn constant(rate: Rate) -> Self {
        Self::Open(Plan { pieces: Vec::new(), last: rate.a_second(), poisson: false })
    }

    /// The starts, in order, as spans since the beginning; none for a closed loop.
    #[must_use]
    pub fn starts(&self, seed: u64) -> Option<Starts> {
        let Self::Open(plan) = self else { return None };
        let random = Random::new(seed ^ 0x0041_5252_4956_414c);
        let mut starts = Starts { plan: plan.clone(), random, due: 0.0 };
        starts.due = starts.gap(0.0);
        Some(starts)
    }
}

impl Piece {
    fn count(&self) -> f64 {
        f64::midpoint(self.from, self.to) * self.secs
    }

    /// When `count` messages are due, at most [`Self::count`].
    ///
    /// The root of `from t + (to - from) t^2 / 2 secs = count` in the form that does not
    /// cancel, and holds for a constant rate too.
    fn when(&self, count: f64) -> f64 {
        let slope = (self.to - self.from) / self.secs;
        let root = (2.0 * slope).mul_add(count, self.from * self.from).max(0.0).sqrt();
        if count > 0.0 { 2.0 * count / (self.from + root) } else { 0.0 }
    }
}

impl Plan {
    /// Seconds after which `count` messages are due.
    fn when(&self, mut count: f64) -> f64 {
        let mut before = 0.0;
        for piece in &self.pieces {
            // A pause is over before the next message, and not at its beginning.
            let all = piece.count();
            if count < all {
                return before + piece.when(count);
            }
            count -= all;
            before += piece.secs;
        }
        before + count / self.last
    }
}

/// The moments at which messages start.
#[derive(Clone, Debug)]
pub struct Starts {
    plan: Plan,
    random: Random,
    /// How many are due by the plan when the next one starts.
    due: f64,
}

impl Starts {
    fn gap(&mut self, regular: f64) -> f64 {
        if self.plan.poisson { -(1.0 - share(self.random.next())).ln() } else { regular }
    }

    /// When the next one starts.
    #[must_use]
    pub fn peek(&self) -> Duration {
        Duration::try_from_secs_f64(self.plan.when(self.due)).unwrap_or(Duration::MAX)
    }

    /// Goes on to the one behind it.
    pub fn advance(&mut self) {
        self.due += self.gap(1.0);
    }
}

/// The text describes no arrivals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotArrivals(String);

impl fmt::Display for NotArrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` describes no arrivals: give closed, constant:RATE, poisson:RATE, \
             ramp:RATE-RATE:SPAN or step:RATE:SPAN,... (at most {STEPS_MAX}) with rates such as \
             5000/s or 83/5s and spans such as 60s; the last rate must be above 0, it goes on",
            self.0
        )
    }
}

impl std::error::Error for NotArrivals {}

impl FromStr for Arrivals {
    type Err = NotArrivals;
    fn from_str(text: &str) -> Result<Self, NotArrivals> {
        let arrivals = if text == "closed" { Some(Self::Closed) } else { open(text) };
        arrivals.ok_or_else(|| NotArrivals(text.to_owned()))
    }
}

fn open(text: &str) -> Option<Arrivals> {
    let (kind, rest) = text.split_once(':')?;
    let (pieces, last) = match kind {
        "constant" | "poisson" => (Vec::new(), a_second(rest)?),
        "ramp" => {
            let (rates, span) = rest.rsplit_once(':')?;
            let (from, to) = rates.split_once('-')?;
            let secs = rate::span(span)?.as_secs_f64();
            (vec![Piece { from: a_second(from)?, to: a_second(to)?, secs }], a_second(to)?)
        }
        "step" => {
            let pieces: Vec<_> = rest.split(',').map(step).collect::<Option<_>>()?;
            let last = pieces.last().map_or(0.0, |piece| piece.to);
            (pieces, last)
        }
        _ => return None,
    };
    let allowed = last > 0.0 && pieces.len() <= STEPS_MAX;
    allowed.then_some(Arrivals::Open(Plan { pieces, last, poisson: kind == "poisson" }))
}

fn step(text: &str) -> Option<Piece> {
    let (rate, span) = text.rsplit_once(':')?;
    let rate = a_second(rate)?;
    Some(Piece { from: rate, to: rate, secs: rate::span(span)?.as_secs_f64() })
}

fn a_second(text: &str) -> Option<f64> {
    text.parse::<Rate>().ok().map(Rate::a_second)
}

#[cfg(test)]
mod tests;
