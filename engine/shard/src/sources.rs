//! Which source a connection is of.

use crate::setup::Networks;
use policy::source::Source;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The sources that were told apart, and one for all others. Shared by all shards.
#[derive(Debug, Default)]
pub struct Sources {
    rules: Vec<SourceRule>,
    others: Arc<Source>,
}

/// Who is of one source: whoever fits everything that was said.
#[derive(Debug)]
pub struct SourceRule {
    /// Where it connects from; `None`: from anywhere.
    pub from: Option<Networks>,
    /// To which of our addresses, as they were asked for; `None`: to any.
    pub listeners: Option<Vec<SocketAddr>>,
    /// As whom it logs in; `None`: as anybody, or not at all.
    pub users: Option<Vec<String>>,
    /// The source.
    pub source: Arc<Source>,
}

impl Sources {
    /// These, of which the first that fits a connection is meant.
    #[must_use]
    pub fn new(rules: Vec<SourceRule>) -> Self {
        Self { rules, others: Arc::default() }
    }

    /// The same rules under new terms: a source that was known by its name goes on counting.
    #[must_use]
    pub fn renewed(&self, mut rules: Vec<SourceRule>) -> Self {
        for rule in &mut rules {
            let is_it = |known: &&SourceRule| known.source.name() == rule.source.name();
            if let Some(known) = self.rules.iter().find(is_it) {
                rule.source = Arc::new(known.source.under(rule.source.terms().clone()));
            }
        }
        Self { rules, others: Arc::clone(&self.others) }
    }

    /// All that were told apart, in order.
    #[must_use]
    pub fn named(&self) -> Vec<Arc<Source>> {
        self.rules.iter().map(|rule| Arc::clone(&rule.source)).collect()
    }

    /// Whether some rule is about this listener.
    #[must_use]
    pub(crate) fn tell_apart(&self, gate: SocketAddr) -> bool {
        self.rules.iter().filter_map(|rule| rule.listeners.as_ref()).any(|own| own.contains(&gate))
    }

    /// The source of a connection from `peer` to the listener `gate`, by `user` if it logged in.
    #[must_use]
    pub fn of(&self, peer: IpAddr, gate: SocketAddr, user: Option<&str>) -> &Arc<Source> {
        self.first_fitting(peer, gate, user).unwrap_or(&self.others)
    }

    /// As [`Self::of`], if a rule fits.
    #[must_use]
    pub fn first_fitting(
        &self,
        peer: IpAddr,
        gate: SocketAddr,
        user: Option<&str>,
    ) -> Option<&Arc<Source>> {
        let fits = |rule: &&SourceRule| rule.fits(peer, gate, user);
        self.rules.iter().find(fits).map(|rule| &rule.source)
    }
}

impl SourceRule {
    fn fits(&self, peer: IpAddr, gate: SocketAddr, user: Option<&str>) -> bool {
        let from = self.from.as_ref().is_none_or(|networks| (networks.0)(peer));
        let to = self.listeners.as_ref().is_none_or(|gates| gates.contains(&gate));
        let by = |users: &Vec<String>| user.is_some_and(|user| users.iter().any(|own| own == user));
        from && to && self.users.as_ref().is_none_or(by)
    }
}

#[cfg(test)]
mod tests;
