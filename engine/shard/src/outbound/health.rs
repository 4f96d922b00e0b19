//! What is known of the health of hosts, as one of our addresses sees it.
//!
//! Whether a host can be reached is known for all together. But a host that took the connection
//! and did not greet, or turned us away, may have had something against the address that it saw: that is
//! known of the host and this address, and holds nobody else up.

use event::Tick;
use policy::hosts::{Health, HostMemory, Hosts};
use std::net::{IpAddr, SocketAddr};

/// How hosts treat single addresses of ours: who was turned away where.
pub(crate) type Refusals = Hosts<Health, (SocketAddr, IpAddr)>;

/// What is known of hosts where one of our addresses is to connect from.
#[derive(Clone, Copy)]
pub(super) struct Outlook<'h> {
    pub(super) hosts: &'h Hosts<HostMemory>,
    pub(super) refusals: &'h Refusals,
    /// The address, if it is not left to the system.
    pub(super) from: Option<IpAddr>,
}

impl Outlook<'_> {
    /// Whether there is no reason to pass a host over.
    pub(super) fn is_well(&self, host: SocketAddr, now: Tick) -> bool {
        self.health(host).is_well(now) && self.refusal(host).is_none_or(|own| own.is_well(now))
    }

    /// Dials of all that wait for its answer.
    pub(super) fn unanswered(&self, host: SocketAddr) -> u16 {
        self.health(host).unanswered()
    }

    /// The end of its rest, or a moment that is past.
    pub(super) fn rests_until(&self, host: SocketAddr) -> Tick {
        let own = self.refusal(host).map_or(Tick::ZERO, |own| own.rests_until());
        self.health(host).rests_until().max(own)
    }

    fn health(&self, host: SocketAddr) -> Health {
        self.hosts.find(host).map_or_else(Health::default, |memory| memory.health)
    }

    fn refusal(&self, host: SocketAddr) -> Option<Health> {
        self.refusals.find((host, self.from?)).copied()
    }
}
