//! Whose quota a gate stands in the way of, and which of these a reply names.

use super::Ask;
use crate::replies::{Scope, Scopes};
use std::borrow::Cow;
use std::net::IpAddr;

/// A key at a site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota<'q> {
    /// All mail for it.
    Site,
    /// What leaves from this address of ours.
    Source(IpAddr),
    /// What comes from this domain, by its envelope; empty for bounces.
    Sender(Cow<'q, str>),
    /// How many messages for it go in a time.
    Messages,
}

impl Quota<'_> {
    /// One to be kept.
    #[must_use]
    pub fn into_owned(self) -> Quota<'static> {
        match self {
            Self::Site => Quota::Site,
            Self::Messages => Quota::Messages,
            Self::Source(address) => Quota::Source(address),
            Self::Sender(domain) => Quota::Sender(Cow::Owned(domain.into_owned())),
        }
    }

    /// The scope it is of.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self {
            Self::Site | Self::Messages => Scope::Site,
            Self::Source(_) => Scope::SourceAddress,
            Self::Sender(_) => Scope::MailFromDomain,
        }
    }

    /// Which of that scope; nothing for the site.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Site | Self::Messages => None,
            Self::Source(address) => Some(address.to_string()),
            Self::Sender(domain) => Some(domain.clone().into_owned()),
        }
    }
}

/// What a reply was said to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The address of ours the host saw.
    pub source: IpAddr,
    /// All from which mail for the site may leave; none if that is left to the system.
    pub sources: &'p [IpAddr],
    /// The domain of the envelope sender, if there was an envelope.
    pub sender: Option<&'p str>,
}

impl<'p> Place<'p> {
    /// The keys that `scopes` name, each once.
    ///
    /// Where no other address of ours could take over, a source is the site. Which domains signed
    /// a message or stand in it is not known here; the domain it was sent by is the nearest to these
    /// that is, and holds up nobody but its own.
    #[must_use]
    pub fn quotas(&self, scopes: Scopes) -> Vec<Quota<'p>> {
        let mut quotas: Vec<_> = scopes.iter().flat_map(|scope| self.of(scope)).collect();
        quotas.sort();
        quotas.dedup();
        quotas
    }

    /// What is asked of the keys that `scopes` name.
    ///
    /// It is counted for a site as a whole how many messages go in a time. So where several addresses of
    /// ours may send there, one of them that is to be slower has fewer connections instead.
    #[must_use]
    pub fn asks(&self, ask: Ask, scopes: Scopes) -> Vec<(Quota<'p>, Ask)> {
        let is_one = self.sources.len() < 2;
        let asks = self.quotas(scopes).into_iter().map(|quota| match (&quota, ask) {
            (Quota::Site, Ask::SlowDown(_)) => (Quota::Messages, ask),
            (Quota::Source(_), Ask::SlowDown(_)) if is_one => (Quota::Messages, ask),
            (Quota::Source(_), Ask::SlowDown(_)) | (Quota::Sender(_), _) => (quota, ask.coarse()),
            _ => (quota, ask),
        });
        asks.collect()
    }

    fn of(&self, scope: Scope) -> Vec<Quota<'p>> {
        match scope {
            Scope::Site => vec![Quota::Site],
            Scope::SourceAddress => self.sources(|other| other == self.source),
            Scope::Netblock => self.sources(|other| netblock(other) == netblock(self.source)),
            Scope::DkimDomain | Scope::MailFromDomain | Scope::FromDomain | Scope::UrlDomain => {
                let sender = self.sender.map(|domain| Quota::Sender(Cow::Borrowed(domain)));
                sender.into_iter().collect()
            }
            Scope::Recipient
            | Scope::Message
            | Scope::Connection
            | Scope::Host
            | Scope::Tenant
            | Scope::Campaign => Vec::new(),
        }
    }

    fn sources(&self, is_meant: impl Fn(IpAddr) -> bool) -> Vec<Quota<'p>> {
        let meant = self.sources.iter().copied().filter(|source| is_meant(*source));
        let sources: Vec<_> = meant.map(Quota::Source).collect();
        if sources.is_empty() { vec![Quota::Site] } else { sources }
    }
}

/// The network that hosts take an address for part of: 24 bits of IPv4, 64 of IPv6.
fn netblock(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(address) => (true, u128::from(address.to_bits() >> 8)),
        IpAddr::V6(address) => (false, address.to_bits() >> 64),
    }
}
