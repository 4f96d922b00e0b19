//! Generator, relay, sink: the same mail through Ringpost and through another relay in turn.
//!
//! Every round starts a relay of its own in an empty folder on the same disk, warms it up,
//! and measures from the first message offered to the last one at the sink. Processor time
//! is read once the relay is quiet again, so what it does behind the last message counts.

#![allow(clippy::cast_precision_loss, reason = "a figure means three digits")]

mod figures;
mod load;
mod relay;
mod report;
mod round;
mod syncs;

pub use figures::{Figures, Quantity};
pub use load::Generator;
pub use relay::Relay;
pub use report::Report;

use load::Load;
use std::io;

/// What to compare, and how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The relays, in the order in which they take turns.
    pub relays: Vec<Relay>,
    /// Bytes of a message, one comparison each.
    pub sizes: Vec<u64>,
    /// Turns of each relay at each size.
    pub rounds: u32,
    /// Messages of a round through Postfix; Ringpost gets [`Relay::share`] times as many.
    pub messages: u64,
    /// Connections of the generator.
    pub sessions: u64,
    /// Who sends and who receives.
    pub generator: Generator,
}

/// Runs all of `plan`, telling `progress` about each round.
///
/// # Errors
/// If a relay, the generator or the sink fails.
pub fn run(plan: &Plan, mut progress: impl FnMut(&str)) -> io::Result<Report> {
    let mut report = Report::new(plan);
    for &bytes in &plan.sizes {
        let load = |relay: Relay| {
            let messages = plan.messages * relay.share();
            Load { generator: plan.generator, messages, bytes, sessions: plan.sessions }
        };
        for number in 1..=plan.rounds {
            for &relay in &plan.relays {
                let figures = round::run(relay, load(relay))?;
                progress(&format!("{bytes} bytes, round {number}, {relay}: {figures}"));
                report.add(relay, bytes, figures);
            }
        }
        for &relay in &plan.relays {
            report.add_syncs(relay, bytes, syncs::count(relay, load(relay))?);
        }
    }
    Ok(report)
}
