//! What the providers have written down.

use loadgen::ledger::{Rule, Verdict};
use loadgen::sink::Output;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Of all providers, by their numbers.
#[derive(Debug)]
pub(super) struct Book(RefCell<Pages>);

#[derive(Debug)]
struct Pages {
    tallies: Vec<Tally>,
    /// How often each message was taken.
    taken: Vec<u8>,
}

/// Of one provider.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Recipients that were taken, put off and refused.
    pub(super) taken: u64,
    pub(super) deferred: u64,
    pub(super) refused: u64,
    /// Connections and commands that were told to go away.
    pub(super) turned_away: u64,
    /// Rules of its contract that were broken, and how often.
    pub(super) broken: BTreeMap<&'static str, u64>,
    /// Messages whose text was another than was sent.
    pub(super) corrupt: u64,
}

impl Book {
    pub(super) fn new(providers: usize, messages: u64) -> Self {
        let tallies = vec![Tally::default(); providers];
        Self(RefCell::new(Pages { tallies, taken: vec![0; messages as usize] }))
    }

    pub(super) fn note(&self, provider: usize, output: &Output) {
        let Pages { tallies, taken } = &mut *self.0.borrow_mut();
        let tally = &mut tallies[provider];
        tally.turned_away += output.turned_away;
        tally.corrupt += output.corrupt;
        for row in &output.rows {
            match row.verdict {
                Verdict::Delivered => {
                    tally.taken += 1;
                    taken[row.id as usize] += 1;
                }
                Verdict::Deferred => tally.deferred += 1,
                Verdict::Failed => tally.refused += 1,
                Verdict::Broken => {
                    let rule = Rule::of(row.code).map_or("unknown", Rule::name);
                    *tally.broken.entry(rule).or_default() += 1;
                }
                _ => (),
            }
        }
    }

    pub(super) fn of(&self, provider: usize) -> Tally {
        self.0.borrow().tallies[provider].clone()
    }

    /// Recipients of a provider of whom it is settled what becomes of them.
    pub(super) fn settled(&self, provider: usize) -> u64 {
        let pages = self.0.borrow();
        pages.tallies[provider].taken + pages.tallies[provider].refused
    }

    /// Messages that were taken more than once.
    pub(super) fn doubled(&self) -> usize {
        self.0.borrow().taken.iter().filter(|times| **times > 1).count()
    }
}
