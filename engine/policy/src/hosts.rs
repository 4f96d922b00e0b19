//! What is remembered of the hosts that mail is sent to, address by address.
//!
//! A host is known by the address it is reached at, whatever sites and domains lead there: what
//! it did to one of them it will do to the next. Nothing is kept of a host that never did
//! anything but what was expected of it.

mod cover;
mod habits;
mod health;

pub use cover::{BROKEN_FOR, Cover};
pub use habits::{FRAGILE_AFTER, Habits, LEARNT_FOR, PROMPT, SAID_AGAIN, TRUSTED_AFTER, TooMany};
pub use health::Health;

use event::Tick;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// The most hosts remembered by one shard. Past it, the one that was changed longest ago is
/// forgotten: it will be learnt again, by the mistake that taught it the first time.
pub const HOSTS_MAX: usize = 10_000;

/// What is remembered of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostMemory {
    /// Whether its TLS works.
    pub cover: Cover,
    /// Whether it can be reached.
    pub health: Health,
    /// How it treats connections.
    pub habits: Habits,
}

/// What is remembered of hosts. `M` is what is remembered of one; its default is nothing.
/// They are told apart by `H`: by address, or by who it was that they met there.
#[derive(Debug)]
pub struct Hosts<M, H = SocketAddr> {
    known: BTreeMap<H, Known<M>>,
    /// The same hosts by when they were changed last.
    ages: BTreeSet<(Tick, H)>,
}

#[derive(Debug)]
struct Known<M> {
    memory: M,
    changed: Tick,
}

impl<M, H> Default for Hosts<M, H> {
    fn default() -> Self {
        Self { known: BTreeMap::new(), ages: BTreeSet::new() }
    }
}

impl<M: Default + PartialEq, H: Ord + Copy> Hosts<M, H> {
    /// What is remembered of `host`, if anything.
    #[must_use]
    pub fn find(&self, host: H) -> Option<&M> {
        self.known.get(&host).map(|known| &known.memory)
    }

    /// Changes what is remembered of `host`. What has become nothing takes up no place.
    pub fn change<R>(&mut self, host: H, now: Tick, change: impl FnOnce(&mut M) -> R) -> R {
        let mut memory = self.forget(host).unwrap_or_default();
        let result = change(&mut memory);
        if memory != M::default() {
            self.keep(host, Known { memory, changed: now });
        }
        result
    }

    /// Of how many that is remembered. Looks at all of them.
    pub fn count(&self, test: impl Fn(&M) -> bool) -> usize {
        self.known.values().filter(|known| test(&known.memory)).count()
    }

    /// Hosts remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is remembered of any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn keep(&mut self, host: H, known: Known<M>) {
        if self.known.len() >= HOSTS_MAX
            && let Some((_, oldest)) = self.ages.pop_first()
        {
            self.known.remove(&oldest);
        }
        self.ages.insert((known.changed, host));
        self.known.insert(host, known);
    }

    fn forget(&mut self, host: H) -> Option<M> {
        let known = self.known.remove(&host)?;
        self.ages.remove(&(known.changed, host));
        Some(known.memory)
    }
}

#[cfg(test)]
mod tests;
