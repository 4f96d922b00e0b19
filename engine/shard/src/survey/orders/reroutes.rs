//! Mail that goes elsewhere while an order says so: by another pool of sources, to other hosts, or both.
//!
//! Of several orders that fit a delivery the most exact one holds: that of the message, then of the
//! campaign, the tenant, the domain, the site. A site is meant as it is called where no order holds, so one
//! order never leads to another. What waits when an order is given, and when it ends, is gone through
//! ([`super::sweep`]); all else is routed by the orders of that moment.

use super::{Held, fits};
use crate::domains::Domain;
use crate::message::Delivery;
use crate::shard::Shard;
use event::{MessageId, Tick};
use kernel::Kernel;
use policy::survey::{About, Elsewhere, Order, Rerouted};
use queue::SiteIndex;
use route::{Hops, SitePlan, Table};
use std::rc::Rc;
use std::sync::Arc;

/// The orders by which mail goes elsewhere, the most exact first.
#[derive(Debug, Default)]
pub(crate) struct Reroutes(Vec<Rc<Reroute>>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Reroute {
    pub(crate) about: About,
    pub(crate) terms: Terms,
    /// Where mail goes, if that is said.
    pub(crate) hops: Option<Hops>,
    /// The same, where they are known by address.
    pub(crate) fixed: Option<Arc<SitePlan>>,
}

/// What was ordered, and how long it holds.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) elsewhere: Elsewhere,
    held: Held,
}

impl Reroutes {
    fn add(&mut self, order: Reroute) {
        self.remove(&order.about);
        let at = self.0.partition_point(|known| exactness(&known.about) >= exactness(&order.about));
        self.0.insert(at, Rc::new(order));
    }

    fn remove(&mut self, about: &About) -> Option<Rc<Reroute>> {
        let at = self.0.iter().position(|known| known.about == *about)?;
        Some(self.0.remove(at))
    }

    /// Whether there is one about this.
    pub(super) fn knows(&self, about: &About) -> bool {
        self.0.iter().any(|known| known.about == *about)
    }

    /// When the first is over.
    pub(super) fn ends(&self) -> Option<Tick> {
        self.0.iter().map(|order| order.terms.held.over).min()
    }

    /// Takes those that are over.
    pub(super) fn end(&mut self, now: Tick) -> Vec<Rc<Reroute>> {
        self.0.extract_if(.., |order| order.terms.held.over <= now).collect()
    }

    /// The sites that they are about.
    pub(crate) fn sites(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter_map(|order| order.about.site.as_ref())
    }
}

/// Of two orders that fit, the one for which this is more.
const fn exactness(about: &About) -> [bool; 5] {
    let About { site, domain, tenant, campaign, message, .. } = about;
    [message.is_some(), campaign.is_some(), tenant.is_some(), domain.is_some(), site.is_some()]
}

impl Reroute {
    fn new(about: About, terms: Terms, table: &Table) -> Self {
        // Who took the order has read it.
        let hops: Option<Hops> = terms.elsewhere.to.as_ref().and_then(|to| to.parse().ok());
        let fixed = hops.as_ref().and_then(|hops| hops.fixed(table.usual_tls()));
        Self { about, terms, hops, fixed }
    }

    /// As operators are told.
    pub(crate) fn told(&self) -> Rerouted {
        let Terms { elsewhere, held } = self.terms.clone();
        let Held { until, by, reason, .. } = held;
        Rerouted { about: self.about.clone(), elsewhere, until, by, reason }
    }
}

impl<K: Kernel> Shard<K> {
    /// The order by which mail for a domain, or a message for it, goes elsewhere, if there is one.
    pub(crate) fn rerouted(
        &self,
        domain: &Domain,
        message: Option<MessageId>,
    ) -> Option<Rc<Reroute>> {
        let accounts = self.accounts.borrow();
        let all = &accounts.orders.reroutes.0;
        if all.is_empty() {
            return None;
        }
        let mut usual = None;
        let mut is_there = |meant: &Arc<str>| {
            let site: &mut Option<_> = usual.get_or_insert_with(|| self.usual_site(domain));
            site.as_ref() == Some(meant)
        };
        let mut found = all.iter().filter(|order| fits(&order.about, domain, message));
        found.find(|order| order.about.site.as_ref().is_none_or(&mut is_there)).cloned()
    }

    /// The orders that name a site.
    pub(crate) fn rerouted_from(&self, site: &str) -> Vec<Rerouted> {
        let accounts = self.accounts.borrow();
        let all = accounts.orders.reroutes.0.iter();
        let meant = all.filter(|order| order.about.site.as_deref() == Some(site));
        meant.map(|order| order.told()).collect()
    }

    /// From now on mail goes elsewhere.
    pub(super) fn reroute(&self, order: &Order) {
        let about = super::in_our_words(&order.about);
        let terms = Terms { elsewhere: order.elsewhere.clone(), held: self.held(order) };
        let reroute = Reroute::new(about, terms, &self.live.borrow().routing.table);
        let orders = &mut self.accounts.borrow_mut().orders;
        orders.reroutes.add(reroute);
        orders.set_end();
    }

    /// That is over, if it held.
    pub(super) fn end_reroute(&self, about: &About) -> Option<Rc<Reroute>> {
        let orders = &mut self.accounts.borrow_mut().orders;
        let ended = orders.reroutes.remove(&super::in_our_words(about));
        orders.set_end();
        ended
    }

    /// Whether the pool that an order names is one that mail can leave by.
    pub(super) fn has_pool(&self, elsewhere: &Elsewhere) -> bool {
        let live = self.live.borrow();
        let is_known = |name: &Arc<str>| live.egress.known().any(|pool| pool.name == *name);
        elsewhere.pool.as_ref().is_none_or(is_known)
    }

    /// New settings are in force: hosts that orders name may go by others, too.
    pub(crate) fn renew_reroutes(&self) {
        let live = self.live.borrow();
        for order in &mut self.accounts.borrow_mut().orders.reroutes.0 {
            let (about, terms) = (order.about.clone(), order.terms.clone());
            *order = Rc::new(Reroute::new(about, terms, &live.routing.table));
        }
    }

    /// Whether mail waits for connections of this plan because of an order.
    pub(super) fn is_led_by(&self, order: &Reroute, plan: &SitePlan) -> bool {
        let is_of = |pool: &str| policy::survey::is_of_site(&plan.pool, pool);
        let goes_there = order.hops.as_ref().is_none_or(|hops| match &order.fixed {
            Some(fixed) => is_of(&fixed.pool),
            None => self.domains.borrow().last(hops.key()).is_some_and(|known| is_of(&known.pool)),
        });
        let live = self.live.borrow();
        let leaves_so = order.terms.elsewhere.pool.as_ref().is_none_or(|name| {
            plan.leaves_by.is_some_and(|place| live.egress.pool(place).name == *name)
        });
        goes_there && leaves_so
    }

    /// A lane gives back what it had not tried: it is next at its site, unless an order has it go elsewhere
    /// by now.
    pub(crate) fn take_back(self: &Rc<Self>, index: SiteIndex, delivery: Delivery) {
        let plan = Arc::clone(&self.sites.borrow().find(index).plan);
        let order = self.rerouted(&delivery.domain, Some(delivery.id()));
        if order.is_none_or(|order| self.is_led_by(&order, &plan)) {
            return self.queue.borrow_mut().again(index, delivery);
        }
        let recipients = delivery.recipients.len() as u64;
        self.sites.borrow().find(index).meters.queued.sub(recipients);
        self.route(delivery);
    }
}

#[cfg(test)]
mod tests {
    use super::exactness;
    use policy::survey::About;

    #[test]
    fn what_is_more_exact_comes_first() {
        let some = || Some("x".into());
        let all = [
            About { message: "0-2-1f4".parse().ok(), ..About::default() },
            About { campaign: some(), tenant: some(), ..About::default() },
            About { campaign: some(), site: some(), ..About::default() },
            About { campaign: some(), ..About::default() },
            About { tenant: some(), ..About::default() },
            About { domain: some(), ..About::default() },
            About::site("x"),
        ];
        assert!(all.is_sorted_by(|one, other| exactness(one) > exactness(other)));
    }
}
