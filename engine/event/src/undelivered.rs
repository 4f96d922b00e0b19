//! How often recipients were not taken, by what became of them and why.

use crate::{Count, Outcome, ReplyClass};

/// Tries that delivered nothing, by outcome and [category](ReplyClass::category). One writer.
#[derive(Debug, Default)]
pub struct Undelivered([[Count; ReplyClass::ALL.len()]; Outcome::ALL.len()]);

impl Undelivered {
    /// Counts what became of one recipient, which is nothing here if it was taken.
    pub fn add(&self, outcome: Outcome, why: Option<ReplyClass>) {
        let Some(category) = ReplyClass::category(outcome, why) else { return };
        self.0[place(outcome)][category as usize].add(1);
    }

    /// All there can be: each outcome with each of its categories, and how often that was.
    pub fn rows(&self) -> impl Iterator<Item = (Outcome, ReplyClass, u64)> {
        let all = Outcome::ALL.into_iter().flat_map(|outcome| {
            let can_be = move |category: &ReplyClass| {
                ReplyClass::category(outcome, Some(*category)) == Some(*category)
            };
            ReplyClass::ALL.into_iter().filter(can_be).map(move |category| (outcome, category))
        });
        all.map(|(outcome, category)| {
            (outcome, category, self.0[place(outcome)][category as usize].get())
        })
    }
}

/// Its place in [`Outcome::ALL`].
const fn place(outcome: Outcome) -> usize {
    outcome as usize - Outcome::ALL[0] as usize
}

#[cfg(test)]
mod tests {
    use super::{Undelivered, place};
    use crate::{Outcome, ReplyClass};

    #[test]
    fn places_are_those_of_the_lists() {
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(place(outcome), at);
        }
        for (at, class) in ReplyClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, at);
        }
    }

    #[test]
    fn what_was_not_taken_is_counted_by_outcome_and_category() {
        let counts = Undelivered::default();
        for (outcome, why) in [
            (Outcome::Delivered, None),
            (Outcome::Deferred, Some(ReplyClass::QuotaIssues)),
            (Outcome::Failed, Some(ReplyClass::BadMailbox)),
            (Outcome::Failed, Some(ReplyClass::BadMailbox)),
            // What it was put off for before is told by its deferrals.
            (Outcome::Expired, Some(ReplyClass::QuotaIssues)),
            (Outcome::Dropped, None),
        ] {
            counts.add(outcome, why);
        }
        let moved: Vec<_> = counts.rows().filter(|(.., count)| *count > 0).collect();
        let expected = [
            (Outcome::Deferred, ReplyClass::QuotaIssues, 1),
            (Outcome::Failed, ReplyClass::BadMailbox, 2),
            (Outcome::Expired, ReplyClass::MessageExpired, 1),
            (Outcome::Dropped, ReplyClass::Other, 1),
        ];
        assert_eq!(moved, expected);
        assert_eq!(counts.rows().count(), 3 * ReplyClass::ALL.len() + 1);
    }
}
