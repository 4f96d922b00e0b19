//! What TLS a connection gets: settled before the host is dialled, by the site and by nothing else
//! where there has to be some; where there need not, also by what the host did before.

use crate::shard::Shard;
use kernel::Kernel;
use queue::SiteIndex;
use route::Tls;
use smtp::client;
use std::net::SocketAddr;
use wire::Proof;

/// What TLS one connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cover {
    wanted: Tls,
    /// None is tried although it is wanted: the last handshake with this host failed.
    broken: bool,
}

impl Cover {
    pub(super) const fn spoken(self) -> client::Tls {
        match self.wanted {
            Tls::Off => client::Tls::Off,
            Tls::Opportunistic if self.broken => client::Tls::Off,
            Tls::Opportunistic => client::Tls::Opportunistic,
            Tls::Required | Tls::Verified => client::Tls::Required,
        }
    }

    pub(super) const fn proof(self) -> Proof {
        match self.wanted {
            Tls::Verified => Proof::Name,
            Tls::Off | Tls::Opportunistic | Tls::Required => Proof::Any,
        }
    }

    /// Whether the mail may go without.
    pub(super) const fn may_be_left_out(self) -> bool {
        matches!(self.wanted, Tls::Off | Tls::Opportunistic)
    }

    /// Why none was tried, if it was wanted.
    pub(super) fn in_clear(self) -> Option<&'static str> {
        self.broken.then_some("failed in a handshake within the hour")
    }
}

impl<K: Kernel> Shard<K> {
    /// What TLS a connection of this site to this host gets.
    pub(super) fn cover(&self, index: SiteIndex, host: SocketAddr) -> Cover {
        let wanted = self.sites.borrow().find(index).plan.tls;
        let now = self.kernel.now();
        let broke = || {
            let hosts = self.hosts.borrow();
            hosts.find(host).is_some_and(|memory| memory.cover.is_broken(now))
        };
        // T19: what must be under TLS is, whatever was before.
        Cover { wanted, broken: wanted == Tls::Opportunistic && broke() }
    }

    /// Notes that a handshake with a host was completed, or failed.
    pub(super) fn note_handshake(&self, host: SocketAddr, held: bool) {
        let now = self.kernel.now();
        self.hosts.borrow_mut().change(host, now, |memory| {
            if held { memory.cover.held() } else { memory.cover.broke(now) }
        });
    }
}
