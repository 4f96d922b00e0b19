//! Names that occur often: each is kept once, and known by its number.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Names, in the order in which they first came.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: Vec<Arc<str>>,
    places: BTreeMap<Arc<str>, u32>,
}

impl Names {
    /// The number of a name.
    ///
    /// # Panics
    /// If there are more than fit in 32 bits, which no machine has memory for.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(place) = self.find(name) {
            return place;
        }
        let place = u32::try_from(self.all.len()).expect("fewer names than 32 bits count");
        let name: Arc<str> = name.into();
        self.all.push(Arc::clone(&name));
        self.places.insert(name, place);
        place
    }

    /// The number of a name that has one.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    pub(super) fn name(&self, number: u32) -> &Arc<str> {
        &self.all[number as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}
