//! Which host of a site a dial tries next.
//!
//! The better preference comes first. Among equals it is the one with the fewest dials that wait
//! for its answer, so that a host which answers slowly, or not at all, gets few connections beside
//! one that answers at once. Hosts that [`Outlook`] says to pass over are tried only
//! as far as [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1) asks for, when
//! there is nobody else.

use super::health::Outlook;
use event::Tick;
use route::{Place, TRIED_MAX};
use std::net::SocketAddr;

/// The fewest addresses one dial tries, if there are as many, though they all rest.
const TRIED_MIN: usize = 2;

/// The hosts of one dial that were not tried yet.
#[derive(Debug)]
pub(super) struct Choice {
    left: Vec<Place>,
    tried: usize,
}

/// Whom to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) address: SocketAddr,
    /// If it fails, another one is tried.
    pub(super) has_deputy: bool,
}

impl Choice {
    /// A choice among these, the best first.
    pub(super) const fn among(places: Vec<Place>) -> Self {
        Self { left: places, tried: 0 }
    }

    /// The host to dial now, after those before it failed.
    pub(super) fn next(&mut self, outlook: &Outlook<'_>, now: Tick) -> Option<Chosen> {
        let Place { address, .. } = self.left.remove(self.best(outlook, now)?);
        self.tried += 1;
        Some(Chosen { address, has_deputy: self.best(outlook, now).is_some() })
    }

    /// Whether all of them were tried.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.left.is_empty()
    }

    fn best(&self, outlook: &Outlook<'_>, now: Tick) -> Option<usize> {
        if self.tried >= TRIED_MAX {
            return None;
        }
        let mut best: Option<(u16, u16, usize)> = None;
        for (index, place) in self.left.iter().enumerate() {
            if best.is_some_and(|(preference, ..)| preference < place.preference) {
                break;
            }
            let rank = (place.preference, outlook.unanswered(place.address), index);
            if outlook.is_well(place.address, now) && best.is_none_or(|best| rank < best) {
                best = Some(rank);
            }
        }
        match best {
            Some((.., index)) => Some(index),
            None if self.tried < TRIED_MIN => self.most_rested(outlook),
            None => None,
        }
    }

    /// Where the rest ends first, so that all have their turn.
    fn most_rested(&self, outlook: &Outlook<'_>) -> Option<usize> {
        let rest =
            |place: &Place| (outlook.unanswered(place.address), outlook.rests_until(place.address));
        let rests = self.left.iter().map(rest).enumerate();
        rests.min_by_key(|(_, rest)| *rest).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests;
