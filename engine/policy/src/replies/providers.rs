//! Which provider a host is of.

use std::collections::BTreeMap;

/// The longest host name looked at: what DNS allows.
const HOST_BYTES_MAX: usize = 255;

/// A provider with rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provider(pub(super) u16);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Providers {
    names: Vec<Box<str>>,
    /// `mx.example.com` means that host, `.example.com` all below it.
    hosts: BTreeMap<Box<str>, Provider>,
}

impl Providers {
    /// The provider of this name, known from now on, with these hosts. A host pattern that
    /// another one has already stays with it: what was read first counts.
    pub(super) fn learn(&mut self, name: &str, hosts: &[String]) -> Provider {
        let provider = self.named(name).unwrap_or_else(|| {
            self.names.push(name.into());
            Provider((self.names.len() - 1) as u16)
        });
        for host in hosts {
            let host = host.to_ascii_lowercase().into_boxed_str();
            self.hosts.entry(host).or_insert(provider);
        }
        provider
    }

    pub(super) fn named(&self, name: &str) -> Option<Provider> {
        let place = self.names.iter().position(|known| **known == *name)?;
        Some(Provider(place as u16))
    }

    pub(super) fn name(&self, provider: Provider) -> &str {
        &self.names[usize::from(provider.0)]
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// The provider that a host is of: by its own name, else by the longest suffix known.
    pub(super) fn at(&self, host: &str) -> Option<Provider> {
        // One that is reached at an unusual port is written with it.
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let host = host.strip_suffix('.').unwrap_or(host);
        let mut folded = [0; HOST_BYTES_MAX];
        let folded = folded.get_mut(..host.len())?;
        folded.copy_from_slice(host.as_bytes());
        folded.make_ascii_lowercase();
        // ASCII letters are changed only, so it is UTF-8 as before.
        let host = str::from_utf8(folded).ok()?;
        let suffixes = host.match_indices('.').map(|(dot, _)| &host[dot..]);
        std::iter::once(host).chain(suffixes).find_map(|suffix| self.hosts.get(suffix)).copied()
    }
}
