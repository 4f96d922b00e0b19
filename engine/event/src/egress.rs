//! What is counted per address of ours that mail leaves from.

use crate::{Outcome, SharedCount};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The most addresses with meters of their own. The settings name them, so they are as many as an
/// operator likes, but a page of metrics has an end.
pub const EGRESS_MAX: usize = 1_000;
/// The pool and address under which the others are counted together.
pub const OTHER_ADDRESSES: &str = "other";

/// What is counted of one address of ours in one pool. Any shard may write.
#[derive(Debug, Default)]
pub struct EgressMeters {
    /// Connections from it that are open or opening.
    pub lanes: SharedCount,
    /// Connections that were tried from it.
    pub dials: SharedCount,
    /// Those of them that did not come about, or were turned away.
    pub dial_failures: SharedCount,
    /// Recipients that hosts took from it.
    pub delivered: SharedCount,
    /// Tries from it that ended with a later try: a host was spoken to.
    pub deferred: SharedCount,
    /// Recipients that failed, or whose time was up, when they were tried from it.
    pub failed: SharedCount,
}

/// What an [`EgressMeters`] held when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressReading {
    /// The pool, or [`OTHER_ADDRESSES`].
    pub pool: Box<str>,
    /// The address, or [`OTHER_ADDRESSES`].
    pub address: Box<str>,
    /// Connections from it that are open or opening.
    pub lanes: u64,
    /// Connections that were tried from it.
    pub dials: u64,
    /// Those of them that did not come about, or were turned away.
    pub dial_failures: u64,
    /// Recipients that hosts took from it.
    pub delivered: u64,
    /// Tries from it that ended with a later try.
    pub deferred: u64,
    /// Recipients that failed, or whose time was up.
    pub failed: u64,
}

impl EgressMeters {
    /// Counts what became of one recipient.
    pub fn count(&self, outcome: Outcome) {
        match outcome {
            Outcome::Delivered => self.delivered.add(1),
            Outcome::Deferred => self.deferred.add(1),
            Outcome::Failed | Outcome::Expired | Outcome::Dropped => self.failed.add(1),
        }
    }

    fn read(&self, pool: &str, address: &str) -> EgressReading {
        EgressReading {
            pool: pool.into(),
            address: address.into(),
            lanes: self.lanes.get(),
            dials: self.dials.get(),
            dial_failures: self.dial_failures.get(),
            delivered: self.delivered.get(),
            deferred: self.deferred.get(),
            failed: self.failed.get(),
        }
    }
}

/// A pool, and an address of it.
type Key = (Box<str>, IpAddr);

/// All addresses that mail leaves from, by pool.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    known: Mutex<BTreeMap<Key, Arc<EgressMeters>>>,
    others: Arc<EgressMeters>,
}

impl Addresses {
    pub(crate) fn at(&self, pool: &str, address: IpAddr) -> Arc<EgressMeters> {
        let key = (pool.into(), address);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= EGRESS_MAX && !known.contains_key(&key) {
            return Arc::clone(&self.others);
        }
        Arc::clone(known.entry(key).or_default())
    }

    /// In order; the others last, if there may be any.
    pub(crate) fn read(&self) -> Vec<EgressReading> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |((pool, address), meters): (&Key, &Arc<EgressMeters>)| {
            meters.read(pool, &address.to_string())
        };
        let others = || self.others.read(OTHER_ADDRESSES, OTHER_ADDRESSES);
        known.iter().map(one).chain((known.len() >= EGRESS_MAX).then(others)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Addresses, EGRESS_MAX, OTHER_ADDRESSES};
    use crate::Outcome;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    fn address(number: usize) -> IpAddr {
        Ipv4Addr::from_bits(0x0A00_0000 + number as u32).into()
    }

    #[test]
    fn an_address_is_counted_once_and_those_beyond_the_limit_together() {
        let all = Addresses::default();
        for number in 0..EGRESS_MAX + 2 {
            all.at("warm", address(number)).count(Outcome::Delivered);
            all.at("warm", address(number)).count(Outcome::Expired);
        }
        assert!(Arc::ptr_eq(&all.at("warm", address(0)), &all.at("warm", address(0))));
        let read = all.read();
        assert_eq!(read.len(), EGRESS_MAX + 1);
        let [first, .., others] = &read[..] else { panic!("there are some") };
        assert_eq!((&*first.address, first.delivered, first.failed), ("10.0.0.0", 1, 1));
        assert_eq!((&*others.address, others.delivered, others.failed), (OTHER_ADDRESSES, 2, 2));
    }

    #[test]
    fn an_address_of_two_pools_is_counted_for_each() {
        let all = Addresses::default();
        all.at("cold", address(1)).dials.add(1);
        all.at("warm", address(1)).dials.add(2);
        let read = all.read();
        let read: Vec<_> = read.iter().map(|one| (&*one.pool, &*one.address, one.dials)).collect();
        assert_eq!(read, [("cold", "10.0.0.1", 1), ("warm", "10.0.0.1", 2)]);
    }
}
