//! What a site and our addresses may have, as a limiter: how much, and which key says so.

use crate::shard::Shard;
use event::Tick;
use kernel::Kernel;
use policy::pace::{Counted, Spent};
use policy::pool::Want;
use policy::survey::{Key, Limiter};
use queue::SiteIndex;
use route::SitePlan;
use std::sync::Arc;

/// What there may be from each source.
const BY_SOURCE: Key = Key { table: "pool.source", index: None, name: "connections_max" };

impl<K: Kernel> Shard<K> {
    /// Why no address of ours may have a connection to a site. By now one may, or those there are wait for
    /// leave to send.
    pub(super) fn held_off(&self, index: SiteIndex, plan: &SitePlan, connections: u16) -> Limiter {
        let lacks = self.lacks_source(index);
        let served = Limiter::Served { connections };
        lacks.map_or(served, |(want, pool)| self.sources_limiter(want, pool, plan))
    }

    pub(super) fn sources_limiter(
        &self,
        want: Want,
        pool: Option<Arc<str>>,
        plan: &SitePlan,
    ) -> Limiter {
        let (named, pool) = (pool.clone(), pool.unwrap_or_default());
        match want {
            Want::OfRate(Spent { counted, until }) => {
                let rate = self.live.borrow().rates_of(plan).source.of(counted);
                let rate = rate.map(|rate| rate.to_string()).unwrap_or_default().into();
                let (until, pool) = (self.on_the_wall(until), named);
                let key = key_of(plan, counted.key_per_source());
                Limiter::SourceRate { pool, counted, rate, until, key }
            }
            Want::OfDay(until) => self
                .first_spent(plan)
                .unwrap_or(Limiter::SourcesOut { pool, until: Some(self.on_the_wall(until)) }),
            Want::OfOperator(until) => self
                .first_disabled(plan)
                .unwrap_or(Limiter::SourcesOut { pool, until: Some(self.on_the_wall(until)) }),
            Want::OfRoom => Limiter::SourceConnections { pool, key: self.source_key(plan) },
            Want::OfFit => Limiter::SourcesOut { pool, until: None },
            Want::OfUse(until) => {
                Limiter::SourcesOut { pool, until: until.map(|until| self.on_the_wall(until)) }
            }
        }
    }

    pub(super) fn rate_limiter(&self, plan: &SitePlan, counted: Counted, until: Tick) -> Limiter {
        let rate = self.live.borrow().rates_of(plan).site.of(counted);
        let key = key_of(plan, counted.key());
        let rate = rate.map(|rate| rate.to_string()).unwrap_or_default().into();
        Limiter::Rate { counted, rate, until: self.on_the_wall(until), key }
    }

    /// Which key says how many connections a site may have.
    pub(super) fn key(&self, plan: &SitePlan) -> Key {
        let of_all = self.live.borrow().limits_of(plan).connections_max;
        match plan.named {
            _ if self.limits_of(plan).connections_max < of_all => self.source_key(plan),
            Some(_) => key_of(plan, "connections_max"),
            None => key_of(plan, "connections_per_site"),
        }
    }

    /// Which key says how many of them may be from one source: the site's, if any source that is used
    /// there might have more by its own.
    fn source_key(&self, plan: &SitePlan) -> Key {
        let live = self.live.borrow();
        let most = live.limits_of(plan).connections_per_source_max;
        let is_of_site = plan.leaves_by.is_none_or(|pool| {
            let mut used = live.egress.pool(pool).used_at(plan);
            used.any(|source| most < source.member.connections_max)
        });
        if is_of_site { key_of(plan, "connections_per_source") } else { BY_SOURCE }
    }
}

/// A key of the table that a site's limits stand in.
fn key_of(plan: &SitePlan, name: &'static str) -> Key {
    let table = if plan.named.is_some() { "site" } else { "delivery" };
    Key { table, index: plan.named, name }
}
