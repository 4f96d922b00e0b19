//! How much there is of a tenant's or a campaign's mail, and at which sites: by what is counted anyway.

use super::places::Row;
use crate::message::Delivery;
use crate::shard::Shard;
use kernel::Kernel;
use policy::survey::{About, FLOW_SITES_MAX, Load, Named, Part, Site, most};
use queue::{Flow, LOOKED_MAX};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a site has of the mail that is asked about.
#[derive(Default)]
struct Share {
    load: Load,
    parts: Vec<Part>,
}

/// Whether a flow is of the tenant and the campaign that are meant, where one is.
pub(super) fn is_of_flow(about: &About, flow: &Flow) -> bool {
    about.tenant.as_ref().is_none_or(|tenant| tenant == flow.tenant())
        && about.campaign.as_ref().is_none_or(|campaign| campaign == flow.campaign())
}

impl<K: Kernel> Shard<K> {
    /// How much waits of what an order is about. `None`: it has to be looked for among all that waits,
    /// since it is about a domain or a message, or too much waits where nobody counts by flow.
    pub(super) fn counted(&self, about: &About) -> Option<Load> {
        let uncounted = self.accounts.borrow().parked + self.aside.borrow().len();
        if about.domain.is_some() || about.message.is_some() || uncounted > LOOKED_MAX {
            return None;
        }
        let mut load = Load { ready: self.uncounted(about), ..Load::default() };
        self.each_share(about, |_, flow, ready, waiting| {
            if is_of_flow(about, flow) {
                load = load.plus(Load { ready, waiting, in_flight: 0 });
            }
        });
        let known = about.only_site().and_then(|site| self.load_of(site));
        Some(Load { in_flight: known.map_or(0, |load| load.in_flight), ..load })
    }

    /// What fits among what waits for DNS, or is set aside.
    fn uncounted(&self, about: &About) -> usize {
        let fits = |delivery: &&Delivery| is_of_flow(about, delivery.domain.flow());
        let parked = self.parked.borrow();
        let parked = parked.values().filter(|_| about.site.is_none()).flatten().filter(fits);
        let aside = self.aside.borrow();
        let aside = aside.iter().filter(|(site, _)| is_at(about, site)).map(|(_, one)| one);
        parked.count() + aside.filter(fits).count()
    }

    /// Tells of each flow at each site that is meant how much is ready there, and how much was put off.
    fn each_share(&self, about: &About, mut tell: impl FnMut(&Arc<str>, &Flow, usize, usize)) {
        let (queue, sites) = (self.queue.borrow(), self.sites.borrow());
        for view in queue.views().filter(|view| view.ready_or_held() > 0) {
            let Some(site) = sites.known(view.index).filter(|site| is_at(about, &site.name)) else {
                continue;
            };
            for (flow, ready) in queue.flows(view.index) {
                tell(&site.name, &flow, ready, 0);
            }
        }
        let accounts = self.accounts.borrow();
        for (site, flow, waiting) in accounts.waits.flows().filter(|(site, ..)| is_at(about, site))
        {
            tell(site, flow, 0, waiting);
        }
    }

    /// The sites with most mail of a tenant, of a campaign, or of one that is a tenant's: their loads
    /// are of that mail alone.
    pub(super) fn flows_of(&self, about: &About) -> Named {
        let mut shares = BTreeMap::<Arc<str>, Share>::new();
        self.each_share(about, |site, flow, ready, waiting| {
            if !is_of_flow(about, flow) {
                return;
            }
            let share = shares.entry(Arc::clone(site)).or_default();
            share.load = share.load.plus(Load { ready, waiting, in_flight: 0 });
            share.parts.extend((ready > 0).then(|| self.part(flow, ready)));
        });
        let mut shares: Vec<_> = shares.into_iter().collect();
        shares.sort_by_key(|(_, share)| Reverse(share.load.total()));
        shares.truncate(FLOW_SITES_MAX);
        let mut rows = self.rows();
        let sites = shares.into_iter().map(|(name, share)| {
            let row = rows.remove(&name).unwrap_or_default();
            self.share(name, share, &row)
        });
        Named { sites: sites.collect(), domain: None }
    }

    /// A site, as somebody sees it who has this share of its mail.
    fn share(&self, name: Arc<str>, share: Share, row: &Row) -> Site {
        let Share { load, parts } = share;
        // What keeps others' ready mail is no matter to who has none.
        let first = row.first.filter(|_| load.ready > 0);
        let mut site = self.site(name, &Row { load, first, ..*row });
        if let Some(first) = parts.first().and_then(|part| part.limiter.clone())
            && parts.iter().all(|part| part.limiter.is_some())
        {
            site.limiters.retain(|limiter| *limiter != first);
            site.limiters.insert(0, first);
        }
        site.parts = most(parts);
        site.replies = self.replies_of(&site.name);
        site
    }
}

fn is_at(about: &About, site: &str) -> bool {
    about.site.as_deref().is_none_or(|meant| meant == site)
}
