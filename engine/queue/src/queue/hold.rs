//! Flows that are held: their mail has no turn at any site.

use super::Queue;
use super::flow::{Flow, Queued};
use super::site::SiteIndex;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which flows: those of a tenant, of a campaign, or of one that is a tenant's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// Of this tenant; `None`: of all.
    pub tenant: Option<Arc<str>>,
    /// Of this campaign; `None`: of all.
    pub campaign: Option<Arc<str>>,
}

impl Hold {
    /// All that hold a flow, if they are there.
    #[must_use]
    pub fn all_of(flow: &Flow) -> [Self; 3] {
        let tenant = || Some(Arc::clone(flow.tenant()));
        let campaign = || Some(Arc::clone(flow.campaign()));
        [
            Self { tenant: tenant(), campaign: None },
            Self { tenant: None, campaign: campaign() },
            Self { tenant: tenant(), campaign: campaign() },
        ]
    }
}

/// All that there are.
#[derive(Debug, Default)]
pub(super) struct Holds(BTreeSet<Hold>);

impl Holds {
    /// Whether a flow is held.
    pub(super) fn hold(&self, flow: &Flow) -> bool {
        !self.0.is_empty() && Hold::all_of(flow).iter().any(|hold| self.0.contains(hold))
    }

    pub(super) fn add(&mut self, hold: Hold) {
        self.0.insert(hold);
    }

    pub(super) fn remove(&mut self, hold: &Hold) {
        self.0.remove(hold);
    }
}

impl<D: Queued> Queue<D> {
    /// These flows have no turn at any site from now on. What is on its way is not stopped.
    pub fn hold(&mut self, hold: Hold) {
        self.holds.add(hold);
        let (sites, holds) = (&mut self.sites, &self.holds);
        sites.change_all(|site| site.ready.hold_all(|flow| holds.hold(flow)));
    }

    /// They have their turns again, as far as nothing else holds them. Returns the sites where they
    /// have something.
    pub fn let_go(&mut self, hold: &Hold) -> Vec<SiteIndex> {
        self.holds.remove(hold);
        let (sites, holds) = (&mut self.sites, &self.holds);
        sites.change_all(|site| site.ready.let_go(|flow| !holds.hold(flow)))
    }
}

#[cfg(test)]
mod tests;
