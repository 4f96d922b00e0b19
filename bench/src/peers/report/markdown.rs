//! The report as a page of Markdown, `bench/RESULTS.md`.

use super::Report;
use crate::peers::Scenario;
use std::fmt::Write as _;

impl Report {
    /// The page; `command` is what was typed to make it.
    #[must_use]
    pub fn markdown(&self, command: &str) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "# Results\n\n\
             Written by `{command}`; do not edit. Median (least - most) of {} rounds in turn; the\n\
             last column is {} over the best other. Settings of each relay: `bench/peers/`.\n\n\
             | | |\n|---|---|\n",
            self.plan.rounds,
            Scenario::Relay4k.ours(),
        );
        for (name, value) in [
            ("date (UTC)", machine.date.clone()),
            ("commit", machine.commit.clone()),
            (
                "machine",
                format!(
                    "{}, {} cores, {} GiB",
                    machine.processor, machine.cores, machine.memory_gib
                ),
            ),
            ("kernel", machine.kernel.clone()),
            ("file system", machine.filesystem.clone()),
            ("load before", machine.load.clone()),
        ] {
            let _ = writeln!(text, "| {name} | {} |", escaped(&value));
        }
        let _ = writeln!(text, "\n{}", self.introduction().trim_end().replace('\n', "  \n"));
        for &scenario in &self.plan.scenarios {
            self.scenario_page(scenario, &mut text);
        }
        text
    }

    fn scenario_page(&self, scenario: Scenario, text: &mut String) {
        let contestants = scenario.contestants(&self.plan.relays);
        let _ = writeln!(text, "\n## {}\n\n{}.\n", scenario.name(), scenario.about());
        let quantities = self.quantities(scenario);
        if !quantities.is_empty() {
            let _ = writeln!(text, "| | {} | ratio |", contestants.join(" | "));
            let _ = writeln!(text, "|---|{}---|", "---|".repeat(contestants.len()));
        }
        for quantity in quantities {
            let _ = write!(text, "| {} |", quantity.name());
            for name in &contestants {
                let _ = write!(text, " {} |", self.cell(scenario, name, quantity));
            }
            let _ = writeln!(text, "{} |", self.ratio_cell(scenario, quantity, " "));
        }
        let failures: Vec<String> = contestants
            .iter()
            .filter_map(|name| self.failure(scenario, name).map(|reason| told(name, reason)))
            .collect();
        if !failures.is_empty() {
            let _ = writeln!(text, "\n{}", failures.join("\n"));
        }
    }
}

/// A reason as an item of a list; its first line, the rest is for the terminal.
fn told(name: &str, reason: &str) -> String {
    format!("- {name}: {}", escaped(reason.lines().next().unwrap_or_default()))
}

/// What would end a cell or begin a link does not.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('[', "\\[")
}
