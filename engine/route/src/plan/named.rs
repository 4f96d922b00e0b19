//! The sites that the settings name, each for the hosts of one provider.

use super::PlanHost;
use super::table::BadPattern;
use crate::{LeastTls, in_our_spelling};

/// A site, as settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSetting {
    /// What it is called.
    pub name: String,
    /// The number that plans know it by, whatever stands before it.
    pub place: usize,
    /// Its hosts: `mx.example.com`, or `.example.com` for all below it.
    pub hosts: Vec<String>,
    /// The least TLS its mail goes under, if it asks for any.
    pub least: Option<LeastTls>,
}

/// The sites that the settings name, in their order.
#[derive(Clone, Debug, Default)]
pub struct NamedSites(Vec<Named>);

/// A site, understood.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: Box<str>,
    pub(super) place: usize,
    pub(super) least: Option<LeastTls>,
    /// With a dot in front, what lies below.
    patterns: Box<[Box<str>]>,
}

impl NamedSites {
    /// These sites.
    ///
    /// # Errors
    /// The first pattern that is no host and nothing below one.
    pub fn new(sites: impl IntoIterator<Item = SiteSetting>) -> Result<Self, BadPattern> {
        let named = |site: SiteSetting| {
            let patterns: Result<_, _> = site.hosts.iter().map(|host| understood(host)).collect();
            let (name, place, least) = (site.name.into(), site.place, site.least);
            Ok(Named { name, place, least, patterns: patterns? })
        };
        sites.into_iter().map(named).collect::<Result<_, _>>().map(Self)
    }

    /// The first site to which all of the best of `hosts`, which are the best first, belong: where
    /// the mail goes as a rule.
    pub(super) fn find(&self, hosts: &[PlanHost]) -> Option<&Named> {
        let best = hosts.first()?.preference;
        let of_best = hosts.iter().take_while(|host| host.preference == best);
        let has_all = |site: &Named| of_best.clone().all(|host| site.has(&host.name));
        self.0.iter().find(|site| has_all(site))
    }

    /// The number of the site of this name.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Option<usize> {
        self.0.iter().find(|site| &*site.name == name).map(|site| site.place)
    }
}

impl Named {
    /// Whether a host belongs to it, whatever its port.
    fn has(&self, host: &str) -> bool {
        let host = host.split(':').next().unwrap_or_default();
        self.patterns.iter().any(|pattern| match pattern.strip_prefix('.') {
            Some(_) => host.ends_with(&**pattern),
            None => host == &**pattern,
        })
    }
}

fn understood(pattern: &str) -> Result<Box<str>, BadPattern> {
    let (dot, name) = match pattern.strip_prefix('.') {
        Some(name) => (".", name),
        None => ("", pattern),
    };
    let name = in_our_spelling(name).ok_or_else(|| BadPattern(pattern.to_owned()))?;
    Ok(format!("{dot}{name}").into())
}

#[cfg(test)]
mod tests;
