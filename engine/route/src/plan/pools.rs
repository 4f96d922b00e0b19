//! The same hosts, for mail that leaves by different pools of our addresses.

use super::SitePlan;
use std::sync::{Arc, OnceLock};

/// The pools of our addresses, as far as sites are told apart by them.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    /// What stands behind the names of sites, one a pool.
    suffixes: Box<[Box<str>]>,
}

/// A plan's variants, one a pool, each made when it is asked for. They say nothing that the plan
/// does not.
#[derive(Debug, Default)]
pub(super) struct Variants(OnceLock<Box<[OnceLock<Arc<SitePlan>>]>>);

impl Pools {
    /// Pools of these names, of which `usual` is the one that mail leaves by as a rule: sites need
    /// not say so.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>, usual: Option<u16>) -> Self {
        let suffix = |(place, name)| match usual {
            Some(usual) if usual == place => String::new().into(),
            _ => format!(";pool={name}").into(),
        };
        Self { suffixes: (0..).zip(names).map(suffix).collect() }
    }
}

impl SitePlan {
    /// The same for mail that leaves by the pool at this place. It is a site of its own: limits
    /// hold for each pool, and no connection of one is used for the mail of another.
    ///
    /// # Panics
    /// If there is no such pool.
    #[must_use]
    pub fn through(&self, pool: u16, pools: &Pools) -> Arc<Self> {
        let none = || pools.suffixes.iter().map(|_| OnceLock::new()).collect();
        let variant = self.variants.0.get_or_init(none).get(usize::from(pool));
        let suffix = pools.suffixes.get(usize::from(pool));
        let (variant, suffix) = variant.zip(suffix).expect("a pool of the settings");
        Arc::clone(variant.get_or_init(|| {
            let suffixed = |text: &str| Arc::<str>::from(format!("{text}{suffix}"));
            let (name, connections) = (suffixed(&self.name), suffixed(&self.pool));
            Arc::new(Self { name, pool: connections, leaves_by: Some(pool), ..self.clone() })
        }))
    }
}

impl Clone for Variants {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Variants {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Variants {}

#[cfg(test)]
mod tests;
