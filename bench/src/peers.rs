//! Generator, relay, sink: the same mail through Ringpost and through other relays in turn.
//!
//! Every round starts a relay of its own in an empty folder on the same disk, warms it up,
//! and measures from the first message offered to the last one at the sink. Processor time
//! is read once the relay is quiet again, so what it does behind the last message counts.

#![allow(clippy::cast_precision_loss, reason = "a figure means three digits")]

mod client;
mod figures;
mod interrupt;
mod launch;
mod load;
mod machine;
mod processes;
mod relay;
mod report;
mod scenario;
mod syncs;
mod template;
mod watch;

use std::io;

pub use figures::{Better, Figures, Quantity};
pub use interrupt::clean_up_on_signals;
pub use load::Generator;
pub(crate) use load::listen;
pub use machine::Machine;
pub use relay::Relay;
pub use report::Report;
pub use scenario::Scenario;

/// What to compare, and how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The relays, in the order in which they take turns.
    pub relays: Vec<Relay>,
    /// What is asked of them.
    pub scenarios: Vec<Scenario>,
    /// Turns of each relay in each scenario.
    pub rounds: u32,
    /// Messages of a round through a peer; Ringpost gets [`Relay::share`] times as many.
    pub messages: u64,
    /// Messages in the queue of [`Scenario::Backlog`] and [`Scenario::Restart`], of each relay
    /// alike.
    pub backlog: u64,
    /// Connections of [`Scenario::Idle`].
    pub idle: u64,
    /// Connections of the generator.
    pub sessions: u64,
    /// Who sends and who receives, where a scenario leaves the choice.
    pub generator: Generator,
    /// Whether syncs under load are counted, in runs of their own.
    pub syncs: bool,
}

/// One round of one relay of `plan`.
///
/// # Errors
/// What kept it from starting, or its mail from arriving.
pub fn round(scenario: Scenario, relay: Relay, plan: &Plan) -> io::Result<Figures> {
    scenario.run(relay.name(), plan)
}

/// Runs all of `plan`, telling `progress` about each round. A round that fails is told in the
/// report, and the others go on.
pub fn run(plan: &Plan, mut progress: impl FnMut(&str)) -> Report {
    let mut report = Report::new(plan);
    for &scenario in &plan.scenarios {
        let contestants = scenario.contestants(&plan.relays);
        for number in 1..=scenario.rounds(plan.rounds) {
            for &contestant in &contestants {
                if report.gave_up(scenario, contestant) {
                    continue;
                }
                let outcome = scenario.run(contestant, plan).map_err(|error| error.to_string());
                let told = match &outcome {
                    Ok(figures) => figures.to_string(),
                    Err(reason) => reason.clone(),
                };
                progress(&format!("{}, round {number}, {contestant}: {told}", scenario.name()));
                report.add(scenario, contestant, outcome);
            }
        }
        for &contestant in contestants.iter().filter(|_| plan.syncs) {
            if report.gave_up(scenario, contestant) {
                continue;
            }
            match scenario.syncs(contestant, plan) {
                Ok(Some(syncs)) => {
                    let figures = Figures::default().with(Quantity::Syncs, syncs);
                    report.add(scenario, contestant, Ok(figures));
                }
                Ok(None) => (),
                Err(error) => {
                    progress(&format!("{}, syncs of {contestant}: {error}", scenario.name()));
                }
            }
        }
    }
    report
}
