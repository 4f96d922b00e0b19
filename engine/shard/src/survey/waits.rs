//! How much waits for a retry, by the site that put it off: kept as it comes and goes, since nobody
//! walks through millions to count them.
//!
//! A delivery that waits bears the number of its site here, in a place that means something else
//! once it is queued.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts of what waits.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    names: BTreeMap<Arc<str>, u32>,
    /// By number.
    all: Vec<Wait>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Wait {
    name: Arc<str>,
    count: usize,
}

impl Waits {
    /// One more waits for the site of this name; empty: for none that is known. Its number.
    pub(crate) fn enter(&mut self, name: &Arc<str>) -> u32 {
        let number = self.number(name).unwrap_or_else(|| self.make(name));
        self.all[number as usize].count += 1;
        number
    }

    /// One of this number waits no longer.
    pub(crate) fn leave(&mut self, number: u32) {
        let Some(wait) = self.all.get_mut(number as usize) else { return };
        debug_assert!(wait.count > 0, "who leaves has entered");
        wait.count = wait.count.saturating_sub(1);
        if wait.count == 0 {
            self.names.remove(&wait.name);
            self.free.push(number);
        }
    }

    /// The number of a site for which something waits.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The site that this number is of.
    pub(crate) fn name(&self, number: u32) -> Option<&Arc<str>> {
        self.all.get(number as usize).map(|wait| &wait.name)
    }

    /// All sites for which something waits, by name, with how many do.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.names.iter().map(|(name, number)| (name, self.all[*number as usize].count))
    }

    fn make(&mut self, name: &Arc<str>) -> u32 {
        let wait = Wait { name: Arc::clone(name), count: 0 };
        let number = if let Some(free) = self.free.pop() {
            self.all[free as usize] = wait;
            free
        } else {
            self.all.push(wait);
            u32::try_from(self.all.len() - 1).expect("fewer sites than deliveries")
        };
        self.names.insert(Arc::clone(name), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::Waits;
    use std::sync::Arc;

    #[test]
    fn what_comes_and_goes_is_counted_by_site() {
        let mut waits = Waits::default();
        let [a, b]: [Arc<str>; 2] = ["a".into(), "b".into()];
        let first = waits.enter(&a);
        assert_eq!((waits.enter(&a), waits.number("a")), (first, Some(first)));
        let other = waits.enter(&b);
        let counts: Vec<_> = waits.iter().map(|(_, count)| count).collect();
        assert_eq!((counts, waits.number("c")), (vec![2, 1], None));
        waits.leave(first);
        waits.leave(first);
        let all: Vec<_> = waits.iter().map(|(name, count)| (&**name, count)).collect();
        assert_eq!((all, waits.number("a")), (vec![("b", 1)], None));
        assert_ne!(other, first);
        assert_eq!(waits.enter(&"c".into()), first, "a number is used again");
        waits.leave(99);
    }
}
