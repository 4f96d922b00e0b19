//! All rounds, their medians and spreads, and what they say of one relay beside another.

mod markdown;
mod table;

use super::figures::{Better, Figures, Quantity};
use super::{Machine, Plan, Relay, Scenario};
use crate::spread::Spread;
use serde_json::{Map, Value, json};

/// Everything measured so far.
#[derive(Clone, Debug)]
pub struct Report {
    plan: Plan,
    machine: Machine,
    /// Relays that could not take part, and what to do.
    absent: Vec<(Relay, String)>,
    rounds: Vec<Round>,
}

#[derive(Clone, Debug)]
struct Round {
    scenario: Scenario,
    contestant: &'static str,
    outcome: Result<Figures, String>,
}

impl Report {
    pub(super) fn new(plan: &Plan) -> Self {
        let machine = Machine::here();
        Self { plan: plan.clone(), machine, absent: Vec::new(), rounds: Vec::new() }
    }

    /// Tells of relays that could not take part, and what to do about it.
    #[must_use]
    pub fn without(mut self, absent: Vec<(Relay, String)>) -> Self {
        self.absent = absent;
        self
    }

    pub(super) fn add(
        &mut self,
        scenario: Scenario,
        contestant: &'static str,
        outcome: Result<Figures, String>,
    ) {
        self.rounds.push(Round { scenario, contestant, outcome });
    }

    /// Whether something failed, and nothing of that scenario is to be hoped for.
    pub(super) fn gave_up(&self, scenario: Scenario, contestant: &str) -> bool {
        self.failure(scenario, contestant).is_some()
    }

    /// Every round, and the same medians, spreads and ratios as for people.
    #[must_use]
    pub fn json(&self) -> Value {
        let scenarios = self.plan.scenarios.iter().map(|&scenario| {
            let contestants = scenario.contestants(&self.plan.relays);
            let relays = contestants
                .iter()
                .map(|&name| (name.to_owned(), self.contestant_json(scenario, name)));
            let ratios = Quantity::ALL.iter().filter_map(|&quantity| {
                let (best, spread) = self.ratio(scenario, quantity)?;
                let ratio = json!({ "over": best, "spread": spread.json() });
                Some((quantity.name().to_owned(), ratio))
            });
            json!({
                "scenario": scenario.name(),
                "about": scenario.about(),
                "relays": relays.collect::<Map<_, _>>(),
                "ratios": ratios.collect::<Map<_, _>>(),
            })
        });
        let absent = self.absent.iter().map(|(relay, why)| (relay.name().to_owned(), json!(why)));
        json!({
            "machine": self.machine,
            "rounds": self.plan.rounds,
            "messages": self.plan.messages,
            "backlog": self.plan.backlog,
            "sessions": self.plan.sessions,
            "generator": format!("{:?}", self.plan.generator),
            "absent": absent.collect::<Map<_, _>>(),
            "scenarios": scenarios.collect::<Vec<_>>(),
        })
    }

    fn contestant_json(&self, scenario: Scenario, contestant: &str) -> Value {
        let mut all = Map::new();
        for quantity in self.quantities(scenario) {
            let values = self.values(scenario, contestant, quantity);
            let spread = Spread::of(&values).map(Spread::json);
            all.insert(quantity.name().into(), json!({ "rounds": values, "spread": spread }));
        }
        if let Some(reason) = self.failure(scenario, contestant) {
            all.insert("failure".into(), json!(reason));
        }
        Value::Object(all)
    }

    /// What was measured of anyone in `scenario`, in the order of all.
    fn quantities(&self, scenario: Scenario) -> Vec<Quantity> {
        let of = |round: &Round| round.outcome.as_ref().ok().cloned();
        let rounds = self.rounds.iter().filter(|round| round.scenario == scenario);
        let figures: Vec<Figures> = rounds.filter_map(of).collect();
        let measured =
            |quantity: &Quantity| figures.iter().any(|each| each.of(*quantity).is_some());
        Quantity::ALL.into_iter().filter(measured).collect()
    }

    fn values(&self, scenario: Scenario, contestant: &str, quantity: Quantity) -> Vec<f64> {
        let theirs = |round: &&Round| (round.scenario, round.contestant) == (scenario, contestant);
        let rounds = self.rounds.iter().filter(theirs);
        rounds.filter_map(|round| round.outcome.as_ref().ok()?.of(quantity)).collect()
    }

    /// Why a contestant has no figures, or fewer than it should.
    fn failure(&self, scenario: Scenario, contestant: &str) -> Option<&str> {
        let theirs = |round: &&Round| (round.scenario, round.contestant) == (scenario, contestant);
        let mut rounds = self.rounds.iter().filter(theirs);
        rounds.find_map(|round| round.outcome.as_ref().err()).map(String::as_str)
    }

    /// Our figure over that of the best other, round by round, so that noise that lasts longer
    /// than a round falls on both; and who that is.
    fn ratio(&self, scenario: Scenario, quantity: Quantity) -> Option<(&'static str, Spread)> {
        let ours = scenario.ours();
        let others = scenario.contestants(&self.plan.relays);
        let others = others.into_iter().filter(|name| *name != ours);
        let medians = others.filter_map(|name| {
            let spread = Spread::of(&self.values(scenario, name, quantity))?;
            (spread.median > 0.0).then_some((name, spread.median))
        });
        let (best, _) = match quantity.better() {
            Better::Higher => medians.max_by(|a, b| a.1.total_cmp(&b.1)),
            Better::Lower => medians.min_by(|a, b| a.1.total_cmp(&b.1)),
            Better::Neither => None,
        }?;
        let theirs = self.values(scenario, best, quantity);
        let ratios = self.values(scenario, ours, quantity).into_iter().zip(theirs);
        let ratios: Vec<f64> = ratios
            .filter(|(_, theirs)| *theirs > 0.0)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        Spread::of(&ratios).map(|spread| (best, spread))
    }
}

#[cfg(test)]
mod tests;
