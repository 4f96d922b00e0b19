//! Mail taken and not sent, by all that can take it: what accepting alone costs.
//!
//! The next hop of the relays takes connections and says nothing, so that what they accept waits.

use super::engine::{self, Cover};
use super::plan::{Plan, Trips};
use super::{Options, run};
use crate::peers::{self, Generator, Quantity, Relay, Scenario};
use crate::spread::Spread;
use std::io;

/// Postfix gets this share of the messages: it takes a hundred times as long for each.
const SHARE_OF_POSTFIX: u32 = 20;

/// Who takes mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taker {
    Floor,
    Engine,
    /// With the certificate that the engine makes for itself.
    EngineUnderTls,
    Postfix,
}

impl Taker {
    const ALL: [Self; 4] = [Self::Floor, Self::Engine, Self::EngineUnderTls, Self::Postfix];

    const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor: raw io_uring, no logic",
            Self::Engine => "ringpost",
            Self::EngineUnderTls => "ringpost, TLS 1.3",
            Self::Postfix => "Postfix, two round trips",
        }
    }

    /// Seconds of processor time for 1,000 messages.
    fn round(self, options: &Options, plan: &Plan) -> io::Result<f64> {
        match self {
            Self::Floor => Ok(run::round(options, plan)?.cpu_secs_per_1000),
            Self::Engine => engine::round(plan, Cover::Plain),
            Self::EngineUnderTls => engine::round(plan, Cover::Tls),
            Self::Postfix => postfix(plan),
        }
    }
}

fn postfix(plan: &Plan) -> io::Result<f64> {
    let messages = u64::from(plan.messages / SHARE_OF_POSTFIX);
    let plan = peers::Plan {
        relays: vec![Relay::Postfix],
        scenarios: vec![Scenario::AcceptOnly],
        rounds: 1,
        messages,
        backlog: messages,
        idle: 1,
        sessions: plan.sessions.into(),
        generator: Generator::Ringload,
        syncs: false,
    };
    let figures = peers::round(Scenario::AcceptOnly, Relay::Postfix, &plan)?;
    figures.of(Quantity::Cpu).ok_or_else(|| io::Error::other("no processor time was seen"))
}

/// Every size and number of round trips, each round of it in turn.
pub(super) fn all(options: &Options) -> io::Result<()> {
    std::fs::create_dir_all(&options.directory)?;
    for &size in &options.sizes {
        for &trips in options.trips() {
            let plan = Plan::new(options, size, 2, trips)?;
            let name = if trips == Trips::Two { "two round trips" } else { "one round trip" };
            println!(
                "{size} bytes, {name}, {} rounds: CPU us a message (least - most)",
                options.rounds
            );
            table(options, &plan)?;
        }
    }
    Ok(())
}

fn table(options: &Options, plan: &Plan) -> io::Result<()> {
    let takers = Taker::ALL.into_iter().filter(|taker| *taker != Taker::Postfix || has_postfix());
    let mut figures: Vec<(Taker, Vec<f64>)> = takers.map(|taker| (taker, Vec::new())).collect();
    for _ in 0..options.rounds.max(1) {
        for (taker, rounds) in &mut figures {
            rounds.push(1_000.0 * taker.round(options, plan)?);
        }
    }
    let spreads = figures.iter().filter_map(|(taker, rounds)| Some((*taker, Spread::of(rounds)?)));
    let spreads: Vec<_> = spreads.collect();
    let floor = spreads[0].1.median;
    for (taker, spread) in &spreads {
        let ratio = spread.median / floor;
        println!("  {:32} {:28} {ratio:.2} times the floor", taker.name(), spread.text(" us"));
    }
    Ok(())
}

fn has_postfix() -> bool {
    Relay::Postfix.ready().is_ok()
}
