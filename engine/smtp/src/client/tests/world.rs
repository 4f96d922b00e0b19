//! All that a peer may answer, one path after the other.

use crate::client::Verdict;

/// What a peer may do instead of answering as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Answer {
    Code(u16),
    HangUp,
}

use Answer::{Code, HangUp};

const ANSWERS: [Answer; 6] = [Code(250), Code(354), Code(450), Code(550), Code(421), HangUp];

/// A path through the tree of all answers, and the way to the next one.
#[derive(Debug, Default)]
pub(in crate::client) struct World {
    picks: Vec<usize>,
    at: usize,
}

impl World {
    pub(in crate::client) fn answer(&mut self) -> Answer {
        if self.at == self.picks.len() {
            self.picks.push(0);
        }
        self.at += 1;
        ANSWERS[self.picks[self.at - 1]]
    }

    /// The next world, or `None` behind the last.
    pub(in crate::client) fn next(mut self) -> Option<Self> {
        self.picks.truncate(self.at);
        while self.picks.last() == Some(&(ANSWERS.len() - 1)) {
            self.picks.pop();
        }
        *self.picks.last_mut()? += 1;
        Some(Self { picks: self.picks, at: 0 })
    }

    /// The same world, from its beginning.
    pub(in crate::client) fn again(&self) -> Self {
        Self { picks: self.picks.clone(), at: 0 }
    }

    /// Calls `check` with each world there is; how many there are.
    pub(in crate::client) fn all(mut check: impl FnMut(&mut Self)) -> usize {
        let (mut next, mut worlds) = (Some(Self::default()), 0);
        while let Some(mut world) = next {
            check(&mut world);
            worlds += 1;
            next = world.next();
        }
        worlds
    }
}

/// A verdict without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Mark {
    Delivered,
    Deferred(u16),
    Failed(u16),
    NotTried,
    Unknown,
}

impl From<&Verdict> for Mark {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Delivered(_) => Self::Delivered,
            Verdict::Deferred(response) => Self::Deferred(response.code),
            Verdict::Failed(response) => Self::Failed(response.code),
            Verdict::NotTried => Self::NotTried,
            Verdict::Unknown => Self::Unknown,
        }
    }
}
