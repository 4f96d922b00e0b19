//! What holds for every plan made from DNS.

use super::public::{is_public, is_somebody};
use super::{NamedSites, Table};
use crate::MxHost;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What holds for every plan made from DNS.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Names that mean ourselves, in the spelling of [`crate::in_our_spelling`].
    pub own_names: Vec<String>,
    /// Where we listen. An unspecified address stands for all of this host's that we can tell:
    /// the loopback ones.
    pub own_addresses: Vec<SocketAddr>,
    /// Whether mail may go where DNS points into private or loopback networks.
    pub private_allowed: bool,
    /// The routes: they say which hosts and ports stand for a domain.
    pub table: Arc<Table>,
    /// The sites that have names.
    pub sites: NamedSites,
}

impl Rules {
    /// Whether a host that is reached at `port` is ourselves.
    pub(super) fn is_own(&self, host: &MxHost, port: u16) -> bool {
        let name = host.name.strip_suffix('.').unwrap_or(&host.name);
        self.own_names.iter().any(|own| own.eq_ignore_ascii_case(name))
            || host.addresses.iter().any(|address| self.is_own_address(*address, port))
    }

    /// Whether we connect to this address on DNS's word.
    pub(super) fn allow(&self, address: IpAddr) -> bool {
        is_public(address) || (self.private_allowed && is_somebody(address))
    }

    fn is_own_address(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.own_addresses.iter().any(|own| {
            let every = own.ip().is_unspecified() && address.is_loopback();
            own.port() == port && (own.ip().to_canonical() == address || every)
        })
    }
}
