//! What each provider takes at once, as the program has it: a `[[site]]` each, under the operator's own
//! and above `[delivery]`.
//!
//! They are read by the reader of settings, so each key of theirs is one that an operator may write, and
//! nothing is said of them that could not be said of a file.

use super::document::{Reader, Section};
use super::fault::Source;
use super::site::{Site, covers};
use super::{Entry, Origin, Settings};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use toml::de::DeTable;

/// What the file is called where it is wrong: a test reads it.
const FILE: &str = "providers.toml";
const TEXT: &str = include_str!("providers.toml");

/// A provider's limits, with what they leave out as `[delivery]` has it.
#[derive(Debug)]
pub(super) struct Profile {
    site: Site,
    /// What it says itself.
    entries: Vec<Entry>,
}

/// The names alone, for as long as the program runs: they are told of keys.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    #[derive(Deserialize)]
    struct File {
        site: Vec<Named>,
    }
    let file: File = toml::from_str(TEXT).unwrap_or_else(|error| panic!("{error}"));
    file.site.into_iter().map(|site| site.name).collect()
});

/// All profiles, if any are wanted; none where `[delivery]` has what has been refused there, since they
/// would have it, too.
pub(super) fn all(usual: &Settings, top: &Section<'_, '_>) -> Vec<Profile> {
    if !usual.provider_profiles || top.is_template() {
        return Vec::new();
    }
    let (table, _) = DeTable::parse_recoverable(TEXT);
    let mut reader = Reader::of_another(Source { name: FILE, text: TEXT });
    let read = |site: &mut Section<'_, '_>| Site::read(site, usual, &[]);
    let sites = reader.top(Some(table.get_ref())).tables("site", 0, read);
    let Ok(mut entries) = reader.finish() else { return Vec::new() };
    entries.retain(|entry| entry.origin != Origin::Default);
    let of = |index, name| {
        let own = entries.iter().filter(|entry| entry.index == Some(index));
        own.map(|entry| entry.clone().shipped(Origin::Profile(name))).collect()
    };
    let named = sites.into_iter().zip(&*NAMES).enumerate();
    let profile = |(index, (site, name)): (usize, (Site, &'static String))| Profile {
        site: Site { is_shipped: true, ..site },
        entries: of(index, name.as_str()),
    };
    named.map(profile).collect()
}

impl Profile {
    /// Its limits.
    pub(super) const fn site(&self) -> &Site {
        &self.site
    }

    /// Whether all these hosts are its.
    pub(super) fn has(&self, mx: &[String]) -> bool {
        let is_its = |pattern: &String| self.site.mx.iter().any(|wider| covers(wider, pattern));
        !mx.is_empty() && mx.iter().all(is_its)
    }

    /// The keys it says something of, and who is told to have said it.
    pub(super) fn keys(&self) -> Vec<(&'static str, Origin)> {
        self.entries.iter().map(|entry| (entry.name, entry.origin)).collect()
    }
}

/// Behind the operator's own sites those of all others; a site of the operator's stands in place of
/// one of its name.
pub(super) fn behind(
    own: Vec<Site>,
    profiles: Vec<Profile>,
    top: &mut Section<'_, '_>,
) -> Vec<Site> {
    let names: BTreeSet<String> = own.iter().map(|site| site.name.clone()).collect();
    let mut all = own;
    for Profile { site, entries } in profiles {
        if !names.contains(&site.name) {
            top.adopt(all.len(), entries);
            all.push(site);
        }
    }
    all
}

#[cfg(test)]
mod tests;
