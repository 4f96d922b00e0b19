//! What TLS a connection gets: settled before the host is dialled, by the site and by what is proven
//! of the host where there has to be some; where there need not, also by what the host did before.

use crate::shard::Shard;
use event::TlsaSet;
use kernel::Kernel;
use queue::SiteIndex;
use route::{Dane, Need, Tls};
use smtp::client;
use std::net::SocketAddr;
use std::sync::Arc;
use wire::Proof;

/// What TLS one connection gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cover {
    wanted: Tls,
    /// What the mail asks for.
    need: Need,
    /// It is wanted because every domain of the site demands it by a policy.
    enforced: bool,
    /// Which setting of the site asks for it, if one does.
    asked_by: Option<Arc<str>>,
    /// What DNS proves of the host, if it does. That comes before what else is wanted, as nobody
    /// could forge it; whoever wants no TLS at all has none.
    proven: Option<Arc<TlsaSet>>,
    /// None is tried although it is wanted: the last handshake with this host failed.
    broken: bool,
}

impl Cover {
    pub(super) const fn spoken(&self) -> client::Tls {
        match self.wanted {
            Tls::Off => client::Tls::Off,
            _ if self.proven.is_some() => client::Tls::Required,
            Tls::Opportunistic if self.broken => client::Tls::Off,
            Tls::Opportunistic => client::Tls::Opportunistic,
            Tls::Required | Tls::Verified => client::Tls::Required,
        }
    }

    /// [RFC 7672 §2.2](https://www.rfc-editor.org/rfc/rfc7672#section-2.2): with records none of
    /// which is of use there has to be TLS, and whoever the host is will do.
    pub(super) fn proof(&self) -> Proof {
        match (&self.proven, self.wanted) {
            (Some(set), _) if !set.records().is_empty() => Proof::Known(Arc::clone(set)),
            (_, Tls::Verified) => Proof::Name,
            (_, Tls::Off | Tls::Opportunistic | Tls::Required) => Proof::Any,
        }
    }

    /// What the host is asked for by, if not by its own name.
    pub(super) fn base(&self) -> Option<&str> {
        self.proven.as_ref().map(|set| set.base())
    }

    /// Whether the mail may go without.
    pub(super) const fn may_be_left_out(&self) -> bool {
        matches!(self.wanted, Tls::Off | Tls::Opportunistic) && self.proven.is_none()
    }

    /// Whether the host has to offer REQUIRETLS.
    pub(super) const fn is_onward(&self) -> bool {
        matches!(self.need, Need::Onward)
    }

    /// Who asks for TLS, if it may not be left out.
    pub(super) fn asked_by(&self) -> &str {
        match self {
            Self { need: Need::Sealed | Need::Onward, .. } => "REQUIRETLS",
            Self { proven: Some(_), .. } => "DANE",
            Self { enforced: true, .. } => "MTA-STS",
            Self { asked_by: Some(by), .. } => by,
            _ => "`tls`",
        }
    }

    /// What DNS proves of the host, if it does.
    pub(super) fn tlsa(&self) -> Option<Arc<TlsaSet>> {
        self.proven.clone()
    }

    /// What DNS proves of the host, in a word.
    pub(super) fn dane(&self) -> Option<&'static str> {
        let set = self.proven.as_ref()?;
        Some(if set.records().is_empty() { "unusable" } else { "usable" })
    }

    /// Why none was tried, if it was wanted.
    pub(super) fn in_clear(&self) -> Option<&'static str> {
        self.broken.then_some("failed in a handshake within the hour")
    }
}

impl<K: Kernel> Shard<K> {
    /// What TLS a connection of this site to this host gets.
    pub(super) fn cover(&self, index: SiteIndex, host: SocketAddr) -> Cover {
        let (wanted, need, (enforced, asked_by), proven) = {
            let sites = self.sites.borrow();
            let plan = &sites.find(index).plan;
            let proven = plan.host_at(host).and_then(|host| match &host.dane {
                Dane::Known(set) => Some(Arc::clone(set)),
                Dane::Absent | Dane::Unknown(_) => None,
            });
            (plan.tls, plan.need, (plan.is_enforced(), plan.asked_by.clone()), proven)
        };
        let now = self.kernel.now();
        let broke = || {
            let hosts = self.hosts.borrow();
            hosts.find(host).is_some_and(|memory| memory.cover.is_broken(now))
        };
        // T19: what must be under TLS is, whatever was before.
        let broken = wanted == Tls::Opportunistic && proven.is_none() && broke();
        Cover { wanted, need, enforced, asked_by, proven, broken }
    }

    /// Notes that a handshake with a host was completed, or failed.
    pub(super) fn note_handshake(&self, host: SocketAddr, held: bool) {
        let now = self.kernel.now();
        self.hosts.borrow_mut().change(host, now, |memory| {
            if held { memory.cover.held() } else { memory.cover.broke(now) }
        });
    }
}
