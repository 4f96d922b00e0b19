//! All rounds, their medians and spreads, and what they say of one relay beside another.

use super::figures::{Figures, Quantity};
use super::relay::{POSTFIX_SETTINGS, Relay};
use super::{Generator, Plan};
use crate::spread::{Spread, digits};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Everything measured so far.
#[derive(Clone, Debug)]
pub struct Report {
    plan: Plan,
    rounds: Vec<Round>,
    syncs: Vec<(Relay, u64, Option<f64>)>,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    relay: Relay,
    bytes: u64,
    figures: Figures,
}

impl Report {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), rounds: Vec::new(), syncs: Vec::new() }
    }

    pub(super) fn add(&mut self, relay: Relay, bytes: u64, figures: Figures) {
        self.rounds.push(Round { relay, bytes, figures });
    }

    pub(super) fn add_syncs(&mut self, relay: Relay, bytes: u64, syncs: Option<f64>) {
        self.syncs.push((relay, bytes, syncs));
    }

    /// For people: one table a message size, `median (least - most)`.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = self.introduction();
        for &bytes in &self.plan.sizes {
            let _ = writeln!(text, "\n{bytes} bytes");
            let _ = write!(text, "{:<24}", "");
            for relay in &self.plan.relays {
                let _ = write!(text, "{relay:>30}");
            }
            let _ = writeln!(text, "{:>28}", self.ratio_name().unwrap_or_default());
            for quantity in Quantity::ALL {
                let _ = writeln!(text, "{}", self.row(quantity, bytes));
            }
            let _ = writeln!(text, "{}", self.syncs_row(bytes));
        }
        text
    }

    /// For programs: every round, and the same medians, spreads and ratios.
    #[must_use]
    pub fn json(&self) -> Value {
        let sizes = self.plan.sizes.iter().map(|&bytes| {
            let relays = self.plan.relays.iter().map(|&relay| (relay.to_string(), self.relay_json(relay, bytes)));
            let ratios = Quantity::ALL.iter().filter_map(|quantity| {
                let spread = Spread::of(&self.ratios(*quantity, bytes))?;
                Some((quantity.name().to_owned(), spread.json()))
            });
            json!({ "bytes": bytes, "relays": relays.collect::<Map<_, _>>(), "ratios": ratios.collect::<Map<_, _>>() })
        });
        json!({
            "rounds": self.plan.rounds,
            "generator": format!("{:?}", self.plan.generator),
            "sessions": self.plan.sessions,
            "messages": self.plan.messages,
            "ratio": self.ratio_name(),
            "postfix_settings": POSTFIX_SETTINGS.map(|(name, value)| format!("{name} = {value}")),
            "sizes": sizes.collect::<Vec<_>>(),
        })
    }

    fn introduction(&self) -> String {
        let mut text = format!(
            "{}, {} sessions kept open; {} rounds in turn, median (least - most).\n",
            match self.plan.generator {
                Generator::SmtpSource => "smtp-source, not pipelined -> relay -> smtp-sink",
                Generator::Ringload => "ringload send, pipelined -> relay -> ringload sink",
            },
            self.plan.sessions,
            self.plan.rounds
        );
        for relay in &self.plan.relays {
            let _ =
                writeln!(text, "{relay}: {} messages a round", self.plan.messages * relay.share());
        }
        if self.plan.relays.contains(&Relay::Postfix) {
            let settings = POSTFIX_SETTINGS.map(|(name, value)| format!("{name}={value}"));
            let _ = writeln!(text, "Postfix's settings: {}", settings.join("; "));
        }
        text
    }

    fn row(&self, quantity: Quantity, bytes: u64) -> String {
        let mut row = format!("{:<24}", quantity.name());
        for &relay in &self.plan.relays {
            let spread = Spread::of(&self.values(relay, quantity, bytes));
            let _ =
                write!(row, "{:>30}", spread.map_or_else(|| "-".into(), |spread| spread.text("")));
        }
        let ratio = Spread::of(&self.ratios(quantity, bytes));
        let _ = write!(row, "{:>28}", ratio.map_or_else(String::new, |spread| spread.text("x")));
        row
    }

    fn syncs_row(&self, bytes: u64) -> String {
        let mut row = format!("{:<24}", "syncs a message");
        for &relay in &self.plan.relays {
            let syncs = self.syncs_of(relay, bytes).map_or_else(|| "-".into(), digits);
            let _ = write!(row, "{syncs:>30}");
        }
        row
    }

    fn relay_json(&self, relay: Relay, bytes: u64) -> Value {
        let mut all = Map::new();
        for quantity in Quantity::ALL {
            let values = self.values(relay, quantity, bytes);
            let spread = Spread::of(&values).map(Spread::json);
            all.insert(quantity.name().into(), json!({ "rounds": values, "spread": spread }));
        }
        all.insert("syncs a message".into(), json!(self.syncs_of(relay, bytes)));
        Value::Object(all)
    }

    fn syncs_of(&self, relay: Relay, bytes: u64) -> Option<f64> {
        self.syncs.iter().find(|syncs| (syncs.0, syncs.1) == (relay, bytes))?.2
    }

    /// The last relay's figure over the first one's, round by round: noise that lasts longer
    /// than a round falls on both.
    fn ratios(&self, quantity: Quantity, bytes: u64) -> Vec<f64> {
        let (Some(&first), Some(&last)) = (self.plan.relays.first(), self.plan.relays.last())
        else {
            return Vec::new();
        };
        if first == last {
            return Vec::new();
        }
        let below = self.values(first, quantity, bytes);
        let above = self.values(last, quantity, bytes);
        above
            .iter()
            .zip(below)
            .filter(|(_, below)| *below > 0.0)
            .map(|(above, below)| above / below)
            .collect()
    }

    fn ratio_name(&self) -> Option<String> {
        let (first, last) = (self.plan.relays.first()?, self.plan.relays.last()?);
        (first != last).then(|| format!("{last} / {first}"))
    }

    fn values(&self, relay: Relay, quantity: Quantity, bytes: u64) -> Vec<f64> {
        let rounds =
            self.rounds.iter().filter(|round| (round.relay, round.bytes) == (relay, bytes));
        rounds.filter_map(|round| quantity.of(&round.figures)).collect()
    }
}

#[cfg(test)]
mod tests;
