//! Which triplets of network, sender and recipient a provider has seen before.

use super::Asked;
use crate::clock::Nanos;
use crate::hash::{self, scatter};
use crate::sink::provider::Greylist;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Triplets kept in mind. When there are more, the one that is longest known is forgotten.
const TRIPLETS_MAX: usize = 1 << 20;

/// The triplets that came, in the order they came first.
#[derive(Debug, Default)]
pub(super) struct Triplets {
    known: HashMap<u64, Triplet>,
    order: VecDeque<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Triplet {
    first: Nanos,
    last: Nanos,
    passed: bool,
}

/// What a greylist says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greylisted {
    /// It may pass.
    Known,
    /// It must come again; whether it has come again too soon for a patient sender.
    Waits { ignored: bool },
}

/// The triplet of a recipient: networks are /24 and /64, since large senders try again from
/// another address.
///
/// [RFC 6647 §2.3](https://www.rfc-editor.org/rfc/rfc6647#section-2.3)
pub(super) fn triplet(source: IpAddr, asked: Asked<'_>) -> u64 {
    let network = match source.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits() >> 8),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    };
    scatter(network ^ scatter(hash::address(asked.sender) ^ scatter(asked.hash)))
}

impl Triplets {
    pub(super) fn see(
        &mut self,
        key: u64,
        rules: &Greylist,
        patience: Nanos,
        now: Nanos,
    ) -> Greylisted {
        let new = Triplet { first: now, last: now, passed: false };
        let Some(triplet) = self.known.get_mut(&key) else {
            self.remember(key, new);
            return Greylisted::Waits { ignored: false };
        };
        let age = now.saturating_sub(triplet.first);
        let since = now.saturating_sub(triplet.last);
        let memory = if triplet.passed { rules.memory } else { rules.window };
        let limit = if triplet.passed { since } else { age };
        if limit > memory.nanos() {
            *triplet = new;
            return Greylisted::Waits { ignored: false };
        }
        triplet.last = now;
        triplet.passed |= age >= rules.delay.nanos();
        if triplet.passed {
            Greylisted::Known
        } else {
            Greylisted::Waits { ignored: since < patience }
        }
    }

    fn remember(&mut self, key: u64, triplet: Triplet) {
        if self.order.len() >= TRIPLETS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key);
        self.known.insert(key, triplet);
    }
}
