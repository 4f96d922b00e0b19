//! What is counted per site, and all meters of the process.

use crate::egress::Addresses;
use crate::{Balance, EgressMeters, EgressReading, Outcome, Reloads, ShardMeters, SharedCount};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The most sites with meters of their own. A scrape must not grow with the number of
/// domains somebody sends to.
pub const SITES_MAX: usize = 1_000;
/// The name under which the others are counted together.
pub const OTHER_SITES: &str = "other";

/// What is counted per site. Any shard may write.
#[derive(Debug)]
pub struct SiteMeters {
    name: Box<str>,
    /// Recipients that wait for this site or are being sent to it.
    pub queued: SharedCount,
    /// Recipients the site took.
    pub delivered: SharedCount,
    /// Tries that ended with a later try.
    pub deferred: SharedCount,
    /// Recipients that failed, expired or were dropped.
    pub failed: SharedCount,
    /// Connections open or opening.
    pub lanes: SharedCount,
}

/// What a [`SiteMeters`] held when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteReading {
    /// The site.
    pub name: Box<str>,
    /// Recipients that wait for this site or are being sent to it.
    pub queued: u64,
    /// Recipients the site took.
    pub delivered: u64,
    /// Tries that ended with a later try.
    pub deferred: u64,
    /// Recipients that failed, expired or were dropped.
    pub failed: u64,
    /// Connections open or opening.
    pub lanes: u64,
}

impl SiteMeters {
    fn new(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            queued: SharedCount::default(),
            delivered: SharedCount::default(),
            deferred: SharedCount::default(),
            failed: SharedCount::default(),
            lanes: SharedCount::default(),
        })
    }

    /// The site, or [`OTHER_SITES`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts an outcome. The `queued` gauge is the caller's: what is deferred leaves it too.
    pub fn count(&self, outcome: Outcome) {
        match outcome {
            Outcome::Delivered => self.delivered.add(1),
            Outcome::Deferred => self.deferred.add(1),
            Outcome::Failed | Outcome::Expired | Outcome::Dropped => self.failed.add(1),
        }
    }

    fn read(&self) -> SiteReading {
        SiteReading {
            name: self.name.clone(),
            queued: self.queued.get(),
            delivered: self.delivered.get(),
            deferred: self.deferred.get(),
            failed: self.failed.get(),
            lanes: self.lanes.get(),
        }
    }

    /// Adds what only grows in `gone`, a site that is forgotten.
    fn inherit(&self, gone: &Self) {
        self.delivered.add(gone.delivered.get());
        self.deferred.add(gone.deferred.get());
        self.failed.add(gone.failed.get());
    }
}

/// All meters of the process.
#[derive(Debug)]
pub struct Meters {
    shards: Box<[ShardMeters]>,
    sites: Mutex<BTreeMap<Box<str>, Arc<SiteMeters>>>,
    other: Arc<SiteMeters>,
    addresses: Addresses,
    reloads: Reloads,
}

impl Meters {
    /// Meters of this many shards, all zero.
    #[must_use]
    pub fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: std::iter::repeat_with(ShardMeters::default).take(shards).collect(),
            sites: Mutex::default(),
            other: SiteMeters::new(OTHER_SITES),
            addresses: Addresses::default(),
            reloads: Reloads::default(),
        })
    }

    /// The meters of shard `index`.
    ///
    /// # Panics
    /// If there is no such shard.
    #[must_use]
    pub fn shard(&self, index: usize) -> &ShardMeters {
        &self.shards[index]
    }

    /// The meters of all shards, in order.
    #[must_use]
    pub fn shards(&self) -> &[ShardMeters] {
        &self.shards
    }

    /// The meters of a site: its own, or those of all others once [`SITES_MAX`] sites that
    /// somebody still holds have theirs. Takes a lock: ask once per site, not per message.
    #[must_use]
    pub fn site(&self, name: &str) -> Arc<SiteMeters> {
        if name == OTHER_SITES {
            return Arc::clone(&self.other);
        }
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.get(name) {
            return Arc::clone(site);
        }
        if sites.len() >= SITES_MAX && !self.forget_one(&mut sites) {
            return Arc::clone(&self.other);
        }
        let site = SiteMeters::new(name);
        sites.insert(name.into(), Arc::clone(&site));
        site
    }

    /// All sites sorted by name, the others last.
    #[must_use]
    pub fn sites(&self) -> Vec<SiteReading> {
        let sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        sites.values().chain([&self.other]).map(|site| site.read()).collect()
    }

    /// The meters of an address of ours that mail leaves from by a pool: its own, or those of all
    /// others once [`crate::EGRESS_MAX`] have theirs. Takes a lock: ask once, not per message.
    #[must_use]
    pub fn egress(&self, pool: &str, address: IpAddr) -> Arc<EgressMeters> {
        self.addresses.at(pool, address)
    }

    /// How often the settings were read again.
    #[must_use]
    pub const fn reloads(&self) -> &Reloads {
        &self.reloads
    }

    /// All such addresses, in order.
    #[must_use]
    pub fn addresses(&self) -> Vec<EgressReading> {
        self.addresses.read()
    }

    /// The balance of all shards together.
    #[must_use]
    pub fn balance(&self) -> Balance {
        self.shards.iter().map(ShardMeters::balance).fold(Balance::default(), Balance::plus)
    }

    /// Makes room by counting a site that nobody holds any more among the others.
    fn forget_one(&self, sites: &mut BTreeMap<Box<str>, Arc<SiteMeters>>) -> bool {
        let Some((name, _)) = sites.iter().find(|(_, site)| Arc::strong_count(site) == 1) else {
            return false;
        };
        let name = name.clone();
        if let Some(gone) = sites.remove(&name) {
            self.other.inherit(&gone);
        }
        true
    }
}

#[cfg(test)]
mod tests;
