//! Sources of pools that an operator has taken out of use, at all sites or at one.
//!
//! Where a source is disabled a site may have as many connections as the others may; none, if there are
//! no others: then its mail waits, and nothing is charged for that. Connections that are open end behind
//! what they carry.

use super::Held;
use crate::egress::{Pool, Source};
use crate::shard::Shard;
use kernel::Kernel;
use policy::survey::{About, Limiter, Load, Order, is_of_site};
use route::SitePlan;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Kernel> Shard<K> {
    /// Takes a source out of use.
    pub(super) fn disable(self: &Rc<Self>, order: &Order) {
        let held = self.held(order);
        self.accounts.borrow_mut().orders.disable(&order.about, held);
        self.review_sources();
    }

    /// Puts it back.
    pub(super) fn enable(self: &Rc<Self>, about: &About) {
        self.accounts.borrow_mut().orders.enable(about);
        self.review_sources();
    }

    /// Sees that each site has as many connections as the sources in use let it have.
    pub(super) fn review_sources(self: &Rc<Self>) {
        let mut last = None;
        while let Some((index, plan)) = self.site_after(last) {
            last = Some(index);
            if plan.leaves_by.is_some() {
                self.cap_site(index, &plan);
            }
        }
        // Those whose source is out of use see it now.
        self.sites.borrow_mut().wake_all();
        self.dial();
    }

    /// Whether an operator has taken any source out of use.
    pub(crate) fn has_disabled(&self) -> bool {
        !self.accounts.borrow().orders.disabled.is_empty()
    }

    /// The order by which a source is out of use at a site; of several the one that holds longest.
    pub(crate) fn disabled(&self, site: &str, source: &Source) -> Option<Held> {
        let accounts = self.accounts.borrow();
        let is_meant = |about: &About| {
            about.source.as_deref().is_some_and(|name| source.is_called(name))
                && about.site.as_deref().is_none_or(|meant| is_of_site(site, meant))
        };
        let all = accounts.orders.disabled.iter();
        let meant = all.filter(|(about, _)| is_meant(about)).map(|(_, held)| held);
        meant.max_by_key(|held| held.over).cloned()
    }

    /// The first source to be back of those that would be used at a site and are disabled there.
    pub(crate) fn first_disabled(&self, plan: &SitePlan) -> Option<Limiter> {
        let place = plan.leaves_by.filter(|_| self.has_disabled())?;
        let live = self.live.borrow();
        let pool = live.egress.pool(place);
        let disabled =
            pool.used_at(plan).filter_map(|one| Some((one, self.disabled(&plan.name, one)?)));
        let (source, held) = disabled.min_by_key(|(_, held)| held.over)?;
        Some(Limiter::SourceDisabled {
            pool: Arc::clone(&pool.name),
            source: source.address.to_string().into(),
            until: held.until,
            by: held.by,
            reason: held.reason,
        })
    }

    /// The mail of the sites that it is about: those for which mail leaves by a pool with this source.
    /// `None` if no pool has it.
    pub(super) fn load_by_source(&self, about: &About) -> Option<Load> {
        let live = self.live.borrow();
        let name = about.source.as_deref()?;
        let has = |pool: &Pool| pool.sources.iter().any(|it| it.is_called(name));
        if !live.egress.known().any(has) {
            return None;
        }
        let is_meant = |site: &str| {
            about.site.as_deref().is_none_or(|meant| is_of_site(site, meant))
                && live.egress.pool_of(site).is_some_and(has)
        };
        let rows = self.rows().into_iter().filter(|(site, _)| is_meant(site));
        Some(rows.map(|(_, row)| row.load).fold(Load::default(), Load::plus))
    }
}
