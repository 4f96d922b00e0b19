//! One answer out of those of all shards.

use policy::survey::{self, Domain, Limiter, Load, Named, Site, Sites};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Replies told of a site, of all shards together.
const REPLIES_MAX: usize = 8;

/// All sites.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Those with most mail, most first.
    pub(crate) sites: Vec<Site>,
    /// How many there are; one that several shards have mail for may count for each.
    pub(crate) sites_total: usize,
    pub(crate) load: Load,
    pub(crate) unrouted: usize,
    /// Shards that take no new mail, and why.
    pub(crate) shut: Vec<(usize, String)>,
}

/// What is known under one name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) sites: Vec<Site>,
    pub(crate) domain: Option<Domain>,
}

impl Whole {
    pub(super) fn of<'a>(answers: impl Iterator<Item = (usize, &'a Sites)>, most: usize) -> Self {
        let mut whole = Self::default();
        let mut sites = Vec::new();
        let mut untold = 0;
        for (shard, answer) in answers {
            untold += answer.sites_total - answer.sites.len().min(answer.sites_total);
            sites.extend(answer.sites.iter().cloned());
            whole.load = whole.load.plus(answer.load);
            whole.unrouted += answer.unrouted;
            whole.shut.extend(answer.shut.clone().map(|why| (shard, why)));
        }
        whole.sites = by_name(sites);
        whole.sites_total = whole.sites.len() + untold;
        // Sorted by name before: those with as much mail stay so.
        whole.sites.sort_by_key(|site| std::cmp::Reverse(site.load.total()));
        whole.sites.truncate(most);
        whole
    }
}

impl Known {
    pub(super) fn of<'a>(answers: impl Iterator<Item = &'a Named>) -> Self {
        let (mut sites, mut domain) = (Vec::new(), None::<Domain>);
        for named in answers {
            sites.extend(named.sites.iter().cloned());
            domain = match (domain, &named.domain) {
                (Some(known), Some(other)) => Some(both(known, other)),
                (known, other) => known.or_else(|| other.clone()),
            };
        }
        Self { sites: by_name(sites), domain }
    }
}

/// A domain as two shards know it.
fn both(one: Domain, other: &Domain) -> Domain {
    let site = one.site.or_else(|| other.site.clone());
    let rerouted = one.rerouted.or_else(|| other.rerouted.clone());
    // Who knows where the mail goes has learnt it later than who still waits to hear of it.
    let limiter = one.limiter.or_else(|| other.limiter.clone());
    let limiter = limiter.filter(|limiter| site.is_none() || *limiter != Limiter::DnsAsked);
    Domain { site, limiter, unrouted: one.unrouted + other.unrouted, rerouted, ..one }
}

/// Sites by name, each once.
fn by_name(sites: Vec<Site>) -> Vec<Site> {
    let mut all = BTreeMap::<Arc<str>, Site>::new();
    for site in sites {
        let whole = match all.remove(&site.name) {
            Some(known) => joined(known, site),
            None => site,
        };
        all.insert(Arc::clone(&whole.name), whole);
    }
    all.into_values().collect()
}

/// A site as two shards know it. What keeps most of its mail is what is told.
fn joined(one: Site, other: Site) -> Site {
    let load = one.load.plus(other.load);
    let (open, opening) = (one.open + other.open, one.opening + other.opening);
    let connections_max = one.connections_max.max(other.connections_max);
    let has_more = |one: &Site, other: &Site| {
        (one.load.ready, one.connections_max) < (other.load.ready, other.connections_max)
    };
    let (mut most, least) = if has_more(&one, &other) { (other, one) } else { (one, other) };
    let is_new = |host: &survey::Host| most.hosts.iter().all(|known| known.address != host.address);
    let hosts: Vec<_> = least.hosts.into_iter().filter(is_new).collect();
    most.hosts.extend(hosts);
    most.parts = survey::most(most.parts.into_iter().chain(least.parts));
    most.replies.extend(least.replies);
    most.replies.sort_by_key(|said| said.at);
    let old = most.replies.len().saturating_sub(REPLIES_MAX);
    most.replies.drain(..old);
    Site { load, open, opening, connections_max, ..most }
}

#[cfg(test)]
mod tests;
