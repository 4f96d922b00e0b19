//! How mail of different kinds and of different tenants shares what there is.

use std::collections::BTreeMap;

/// How urgent mail is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Somebody waits for it: it goes before all bulk.
    Transactional,
    /// Everything else.
    #[default]
    Bulk,
}

impl Class {
    /// All of them, in order.
    pub const ALL: [Self; 2] = [Self::Transactional, Self::Bulk];

    /// What settings and envelopes call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Bulk => "bulk",
        }
    }

    /// The class of this name; bulk, if there is none.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        if name == Self::Transactional.name().as_bytes() { Self::Transactional } else { Self::Bulk }
    }
}

/// The most parts a tenant may have where another has one.
pub const WEIGHT_MAX: u16 = 100;

/// Those tenants that have more than one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights(BTreeMap<Box<str>, u16>);

impl Weights {
    /// These tenants have so many parts, [`WEIGHT_MAX`] at most.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = (Box<str>, u16)>) -> Self {
        let bounded = |(name, weight): (Box<str>, u16)| (name, weight.clamp(1, WEIGHT_MAX));
        Self(all.into_iter().map(bounded).collect())
    }

    /// The parts of a tenant.
    #[must_use]
    pub fn of(&self, tenant: &str) -> u16 {
        self.0.get(tenant).copied().unwrap_or(1)
    }
}
