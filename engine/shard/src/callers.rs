//! How many connections come from one place, all shards together.
//!
//! The table has an entry for each place that has a connection now, so it is bounded by the
//! connections there may be. It is asked once when a connection comes and once when it goes;
//! between them nobody looks at it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts of the table with a lock each, so that shards seldom wait for each other.
const PARTS: usize = 64;

/// How many may come from one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// From one address.
    pub address_max: u32,
    /// From one network.
    pub network_max: u32,
    /// Bits that the addresses of a network allowance, in IPv4.
    pub prefix_v4: u8,
    /// The same in IPv6.
    pub prefix_v6: u8,
}

/// Connections, by where they come from.
#[derive(Debug)]
pub struct Callers {
    allowance: Allowance,
    parts: [Mutex<HashMap<Place, u32>>; PARTS],
    /// Chosen at random, so that nobody can choose addresses that meet in one part.
    hasher: RandomState,
}

/// What has as many connections as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The address.
    Address,
    /// Its network.
    Network,
}

/// The first bits of addresses, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    bits: u128,
    prefix: u8,
    v4: bool,
}

impl Callers {
    /// Nobody yet.
    #[must_use]
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            parts: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
        }
    }

    /// Lets one more come from `address`, until what is returned is dropped.
    ///
    /// # Errors
    /// If its address or its network has as many as it may have.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Entry, Full> {
        let [alone, network] = self.places(address);
        self.count(alone, self.allowance.address_max).ok_or(Full::Address)?;
        if self.count(network, self.allowance.network_max).is_none() {
            self.forget(alone);
            return Err(Full::Network);
        }
        Ok(Entry { callers: Arc::clone(self), places: [alone, network] })
    }

    /// Places that have a connection now.
    #[must_use]
    pub fn places_known(&self) -> usize {
        self.parts.iter().map(|part| locked(part).len()).sum()
    }

    fn places(&self, address: IpAddr) -> [Place; 2] {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let bits = u128::from(address.to_bits()) << 96;
                [Place::new(bits, 32, true), Place::new(bits, self.allowance.prefix_v4, true)]
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                [Place::new(bits, 128, false), Place::new(bits, self.allowance.prefix_v6, false)]
            }
        }
    }

    fn part(&self, place: Place) -> MutexGuard<'_, HashMap<Place, u32>> {
        locked(&self.parts[self.hasher.hash_one(place) as usize % PARTS])
    }

    fn count(&self, place: Place, most: u32) -> Option<()> {
        let mut part = self.part(place);
        let inside = part.get(&place).copied().unwrap_or(0);
        (inside < most).then(|| part.insert(place, inside + 1)).map(drop)
    }

    fn forget(&self, place: Place) {
        let mut part = self.part(place);
        match part.get_mut(&place) {
            Some(inside) if *inside > 1 => *inside -= 1,
            _ => drop(part.remove(&place)),
        }
    }
}

/// Nothing that can panic is done under a lock.
fn locked(part: &Mutex<HashMap<Place, u32>>) -> MutexGuard<'_, HashMap<Place, u32>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn new(bits: u128, prefix: u8, v4: bool) -> Self {
        let behind = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
        Self { bits: bits & !behind, prefix, v4 }
    }
}

/// One that is inside, until it is dropped.
#[derive(Debug)]
pub struct Entry {
    callers: Arc<Callers>,
    places: [Place; 2],
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.places.into_iter().for_each(|place| self.callers.forget(place));
    }
}

#[cfg(test)]
mod tests;
