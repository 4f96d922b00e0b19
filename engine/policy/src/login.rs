//! Logging in: what comes of it, and how long a guesser waits.

use crate::source::Source;
use event::Tick;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A login that was right.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Whose it is.
    pub user: Arc<Source>,
    /// The list of users that it was found in: they are numbered as they replace each other.
    pub edition: u64,
}

/// What was found out about a login.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is right.
    Granted(Pass),
    /// There is no such user, or it is not the user's password. Nobody is told which.
    Wrong,
    /// Nobody could look.
    Busy,
}

/// Addresses remembered; a further one takes the place of the one that failed longest ago.
pub const ADDRESSES_MAX: usize = 4_096;
/// How long an address has to be good for its failures to be forgotten.
pub const FORGOTTEN_AFTER: Duration = Duration::from_mins(15);
/// What an address waits after its first failure; twice as long after each further one.
pub const WAIT_FIRST: Duration = Duration::from_secs(1);
/// What it waits at most: less than a client's patience, since an innocent one may share it.
pub const WAIT_MAX: Duration = Duration::from_secs(16);

/// Who failed to log in, and how often.
///
/// Every answer to a login waits for what its address did before, a right one as well: else a
/// guesser would take the first second of silence for a no and hang up.
#[derive(Debug, Default)]
pub struct Penalties(BTreeMap<IpAddr, Failures>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Tick,
}

impl Penalties {
    /// Notes that a login from `address` failed.
    pub fn fail(&mut self, address: IpAddr, now: Tick) {
        if address.is_unspecified() {
            return;
        }
        let address = household(address);
        let count = self.count(address, now).saturating_add(1);
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&address) {
            self.forget_one();
        }
        self.0.insert(address, Failures { count, last: now });
    }

    /// How long the answer to a login from `address` waits.
    #[must_use]
    pub fn wait(&self, address: IpAddr, now: Tick) -> Duration {
        // Many share nobody's address: what one of them does is not held against the others,
        // and a guesser among them gets no answer at once.
        if address.is_unspecified() {
            return WAIT_FIRST;
        }
        match self.count(household(address), now) {
            0 => Duration::ZERO,
            count => {
                let factor = 1_u32.checked_shl(count - 1).unwrap_or(u32::MAX);
                WAIT_FIRST.saturating_mul(factor).min(WAIT_MAX)
            }
        }
    }

    fn count(&self, address: IpAddr, now: Tick) -> u32 {
        let fresh = |failures: &&Failures| now.since(failures.last) < FORGOTTEN_AFTER;
        self.0.get(&address).filter(fresh).map_or(0, |failures| failures.count)
    }

    fn forget_one(&mut self) {
        let oldest = self.0.iter().min_by_key(|(_, failures)| failures.last);
        if let Some(address) = oldest.map(|(address, _)| *address) {
            self.0.remove(&address);
        }
    }
}

/// What one customer has: an IPv4 address, or 64 bits of an IPv6 one.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(u64::MAX) << 64;
            IpAddr::V6((address.to_bits() & network).into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
