//! The flows this shard has taken mail of, each kept once. How many are told apart is bounded.

use policy::Class;
use policy::tenant::Weights;
use queue::Flow;
use spool::Way;
use std::collections::HashMap;
use std::sync::Arc;

/// The most tenants told apart. Mail of further ones shares the turns of mail that has no tenant.
pub(crate) const TENANTS_MAX: usize = 4_096;

/// The most campaigns of a tenant told apart. Mail of further ones shares the turns of the tenant's mail
/// that has no campaign.
pub(crate) const CAMPAIGNS_MAX: usize = 64;

/// The flows of a tenant, by class and campaign.
type Campaigns = HashMap<(Class, Box<str>), Flow>;

/// Those that are known.
#[derive(Debug)]
pub(crate) struct Flows {
    weights: Arc<Weights>,
    tenants: HashMap<Box<str>, Campaigns>,
    /// Mail that says nothing.
    usual: Flow,
    /// So many have still to come, of new flows or to share, before those that nobody has mail of are
    /// looked for again: as many as were looked at the last time.
    rest: usize,
}

/// What was found for a message.
#[derive(Debug)]
pub(crate) enum Found {
    /// Its own.
    Own(Flow),
    /// One that it shares.
    Shared(Flow),
    /// One that it shares, unless those that nobody has mail of are [let go of](Flows::sweep).
    Full(Flow),
}

impl Flows {
    pub(crate) fn new(weights: Arc<Weights>) -> Self {
        let usual = Flow::new(Class::Bulk, "", "", weights.of(""));
        Self { weights, tenants: HashMap::new(), usual, rest: 0 }
    }

    /// The flow of mail that says nothing.
    pub(crate) const fn usual(&self) -> &Flow {
        &self.usual
    }

    /// The flow of a message.
    pub(crate) fn of(&mut self, way: &Way<'_>) -> Found {
        let Way { class, tenant, campaign, .. } = *way;
        if class.is_empty() && tenant.is_empty() && campaign.is_empty() {
            return Found::Own(self.usual.clone());
        }
        let class = Class::of(class);
        let (tenant, campaign) =
            (String::from_utf8_lossy(tenant), String::from_utf8_lossy(campaign));
        if self.has_room_for(&tenant, class, &campaign) {
            return Found::Own(self.known(&tenant, class, &campaign));
        }
        let is_known = self.tenants.contains_key(&*tenant);
        let flow = self.known(if is_known { &tenant } else { "" }, class, "");
        if self.rest > 0 {
            self.rest -= 1;
            return Found::Shared(flow);
        }
        Found::Full(flow)
    }

    fn has_room_for(&self, tenant: &str, class: Class, campaign: &str) -> bool {
        match self.tenants.get(tenant) {
            None => tenant.is_empty() || self.tenants.len() < TENANTS_MAX,
            Some(flows) => {
                let is_known = || flows.contains_key(&(class, campaign.into()));
                campaign.is_empty() || flows.len() < CAMPAIGNS_MAX || is_known()
            }
        }
    }

    fn known(&mut self, tenant: &str, class: Class, campaign: &str) -> Flow {
        let weight = self.weights.of(tenant);
        let rest = &mut self.rest;
        let new = || {
            *rest = rest.saturating_sub(1);
            Flow::new(class, tenant, campaign, weight)
        };
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.into(), HashMap::new());
        }
        let flows = self.tenants.get_mut(tenant).expect("it was put there");
        flows.entry((class, campaign.into())).or_insert_with(new).clone()
    }

    /// Lets go of those that nobody else holds. So many domains are left that hold some.
    pub(crate) fn sweep(&mut self, domains: usize) {
        self.rest = domains;
        self.tenants.retain(|_, flows| {
            flows.retain(|_, flow| !flow.is_idle());
            self.rest += flows.len();
            !flows.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{CAMPAIGNS_MAX, Flows, Found, TENANTS_MAX};
    use policy::Class;
    use policy::tenant::Weights;
    use queue::Flow;
    use spool::Way;
    use std::sync::Arc;

    fn way<'a>(tenant: &'a str, campaign: &'a str) -> Way<'a> {
        Way { tenant: tenant.as_bytes(), campaign: campaign.as_bytes(), ..Way::default() }
    }

    fn flows() -> Flows {
        Flows::new(Arc::new(Weights::new([("shop".into(), 3)])))
    }

    fn own(found: Found) -> Flow {
        let Found::Own(flow) = found else { panic!("its own, not {found:?}") };
        flow
    }

    #[test]
    fn mail_of_a_flow_finds_it_again() {
        let mut flows = flows();
        let shop = own(flows.of(&way("shop", "spring")));
        assert_eq!((&**shop.tenant(), &**shop.campaign(), shop.weight()), ("shop", "spring", 3));
        assert_eq!(own(flows.of(&way("shop", "spring"))), shop);
        let urgent = Way { class: b"transactional", ..way("shop", "spring") };
        let urgent = own(flows.of(&urgent));
        assert_eq!((urgent.class(), shop.class()), (Class::Transactional, Class::Bulk));
        assert_ne!(urgent, shop);
        let usual = own(flows.of(&Way::default()));
        assert_eq!((&usual, usual.weight()), (flows.usual(), 1));
    }

    #[test]
    fn further_campaigns_of_a_tenant_share_and_other_tenants_do_not_notice() {
        let mut flows = flows();
        let held: Vec<_> =
            (0..CAMPAIGNS_MAX).map(|n| own(flows.of(&way("a", &n.to_string())))).collect();
        let Found::Full(shared) = flows.of(&way("a", "more")) else { panic!("there is no room") };
        assert_eq!((&**shared.tenant(), &**shared.campaign()), ("a", ""));
        assert_eq!(own(flows.of(&way("a", "7"))), held[7], "who is known stays known");
        assert_eq!(&**own(flows.of(&way("b", "more"))).campaign(), "more");
        flows.sweep(0);
        assert!(matches!(flows.of(&way("a", "more")), Found::Shared(_)));
        drop(held);
        flows.sweep(0);
        assert_eq!(&**own(flows.of(&way("a", "more"))).campaign(), "more");
    }

    #[test]
    fn further_tenants_share_and_are_looked_for_again_only_now_and_then() {
        let mut flows = flows();
        let held: Vec<_> =
            (0..TENANTS_MAX).map(|n| own(flows.of(&way(&n.to_string(), "")))).collect();
        let full = |flows: &mut Flows, n: usize| match flows.of(&way(&format!("more{n}"), "c")) {
            Found::Full(flow) | Found::Shared(flow) if !flow.tenant().is_empty() => panic!(),
            found => matches!(found, Found::Full(_)),
        };
        let mut times = 0;
        for n in 0..2 * TENANTS_MAX {
            if full(&mut flows, n) {
                times += 1;
                flows.sweep(0);
            }
        }
        assert_eq!(times, 2, "behind as many as are there");
        drop(held);
        flows.sweep(0);
        assert_eq!(&**own(flows.of(&way("more", ""))).tenant(), "more");
    }
}
