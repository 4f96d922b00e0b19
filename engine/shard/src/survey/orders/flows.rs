//! Tenants and campaigns whose mail an operator holds back, at all sites.

use super::Held;
use crate::shard::Shard;
use kernel::Kernel;
use policy::survey::{About, Limiter, Order};
use queue::{Flow, Hold};
use std::rc::Rc;

/// The flows that an order is about.
pub(super) fn hold(about: &About) -> Hold {
    Hold { tenant: about.tenant.clone(), campaign: about.campaign.clone() }
}

impl<K: Kernel> Shard<K> {
    /// No mail of these flows has a turn any more.
    pub(super) fn pause_flow(&self, order: &Order) {
        let (flows, terms) = (hold(&order.about), self.held(order));
        self.queue.borrow_mut().hold(flows.clone());
        self.accounts.borrow_mut().orders.pause_flow(flows, terms);
    }

    /// They have turns again.
    pub(super) fn resume_flow(self: &Rc<Self>, hold: &Hold) {
        self.accounts.borrow_mut().orders.resume_flow(hold);
        self.let_go(hold);
    }

    /// Lets the queue give them turns.
    pub(super) fn let_go(self: &Rc<Self>, hold: &Hold) {
        let sites = self.queue.borrow_mut().let_go(hold);
        for index in sites {
            self.serve(index);
        }
    }

    /// The pause of a flow, if it is paused; of several the one that holds longest.
    pub(crate) fn flow_paused(&self, flow: &Flow) -> Option<Limiter> {
        let accounts = self.accounts.borrow();
        let flows = &accounts.orders.flows;
        if flows.is_empty() {
            return None;
        }
        let all = Hold::all_of(flow).into_iter();
        let held = all.filter_map(|hold| flows.get(&hold).map(|held| (hold, held)));
        let (Hold { tenant, campaign }, held) = held.max_by_key(|(_, held)| held.over)?;
        let Held { until, by, reason, .. } = held.clone();
        Some(Limiter::FlowPaused { tenant, campaign, until, by, reason })
    }
}
