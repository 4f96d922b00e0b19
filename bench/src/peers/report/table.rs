//! The report for a terminal: a table a scenario, `median (least - most)`.

use super::Report;
use crate::peers::{Generator, Quantity, Scenario};
use crate::spread::Spread;
use std::fmt::Write as _;

/// Columns of a cell, so that `100 (90.0 - 110)` stands apart from its neighbours.
const CELL: usize = 26;
const HEADING: usize = 24;

impl Report {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = self.introduction();
        for &scenario in &self.plan.scenarios {
            self.scenario_table(scenario, &mut text);
        }
        text
    }

    /// What was run, in lines.
    pub(super) fn introduction(&self) -> String {
        let mut text = format!(
            "{}, {} sessions kept open; {} rounds in turn, median (least - most).\n",
            match self.plan.generator {
                Generator::SmtpSource => "smtp-source, not pipelined -> relay -> smtp-sink",
                Generator::Ringload =>
                    "ringload send, envelopes pipelined -> relay -> ringload sink",
            },
            self.plan.sessions,
            self.plan.rounds
        );
        for relay in &self.plan.relays {
            let messages = self.plan.messages * relay.share();
            let _ = writeln!(text, "{relay}: {messages} messages a round");
        }
        for (relay, why) in &self.absent {
            let _ = writeln!(text, "{relay}: takes no part; {why}");
        }
        text
    }

    fn scenario_table(&self, scenario: Scenario, text: &mut String) {
        let contestants = scenario.contestants(&self.plan.relays);
        let _ = writeln!(text, "\n{}: {}", scenario.name(), scenario.about());
        let _ = write!(text, "{:<HEADING$}", "");
        for name in &contestants {
            let _ = write!(text, "{name:>CELL$}");
        }
        text.push('\n');
        for quantity in self.quantities(scenario) {
            let _ = write!(text, "{:<HEADING$}", quantity.name());
            for name in &contestants {
                let _ = write!(text, "{:>CELL$}", self.cell(scenario, name, quantity));
            }
            let _ = writeln!(text, "{}", self.ratio_cell(scenario, quantity, "   "));
        }
        for name in contestants {
            if let Some(reason) = self.failure(scenario, name) {
                let _ = writeln!(text, "{name}: {}", reason.trim_end());
            }
        }
    }

    pub(super) fn cell(&self, scenario: Scenario, contestant: &str, quantity: Quantity) -> String {
        let values = self.values(scenario, contestant, quantity);
        Spread::of(&values).map_or_else(|| "-".into(), |spread| spread.text(""))
    }

    /// Such as `12.0x (10.0 - 13.0) Postfix`, behind `gap`; empty where nothing is compared.
    pub(super) fn ratio_cell(&self, scenario: Scenario, quantity: Quantity, gap: &str) -> String {
        let ratio = self.ratio(scenario, quantity);
        ratio.map_or_else(String::new, |(best, spread)| format!("{gap}{} {best}", spread.text("x")))
    }
}
