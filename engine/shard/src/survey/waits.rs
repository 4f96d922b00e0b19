//! How much waits for a retry, by the site that put it off and whose mail it is: kept as it comes and
//! goes, since nobody walks through millions to count them.
//!
//! A delivery that waits bears the number of its site and flow here, in a place that means something
//! else once it is queued.

use queue::Flow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts of what waits.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    names: BTreeMap<Arc<str>, BTreeMap<Flow, u32>>,
    /// By number.
    all: Vec<Wait>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Wait {
    site: Arc<str>,
    flow: Flow,
    count: usize,
}

impl Waits {
    /// One more of this flow waits for the site of this name; empty: for none that is known. Its number.
    pub(crate) fn enter(&mut self, site: &Arc<str>, flow: &Flow) -> u32 {
        let known = self.names.get(site).and_then(|flows| flows.get(flow)).copied();
        let number = known.unwrap_or_else(|| self.make(site, flow));
        self.all[number as usize].count += 1;
        number
    }

    /// One of this number waits no longer.
    pub(crate) fn leave(&mut self, number: u32) {
        let Some(wait) = self.all.get_mut(number as usize) else { return };
        debug_assert!(wait.count > 0, "who leaves has entered");
        wait.count = wait.count.saturating_sub(1);
        if wait.count > 0 {
            return;
        }
        if let Some(flows) = self.names.get_mut(&wait.site) {
            flows.remove(&wait.flow);
            if flows.is_empty() {
                self.names.remove(&wait.site);
            }
        }
        self.free.push(number);
    }

    /// The site that this number is of.
    pub(crate) fn site(&self, number: u32) -> Option<&Arc<str>> {
        self.all.get(number as usize).map(|wait| &wait.site)
    }

    /// All sites for which something waits, by name, with how many do.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.names.iter().map(|(site, flows)| {
            (site, flows.values().map(|number| self.all[*number as usize].count).sum())
        })
    }

    /// The same, by flow.
    pub(crate) fn flows(&self) -> impl Iterator<Item = (&Arc<str>, &Flow, usize)> {
        self.names.iter().flat_map(|(site, flows)| {
            let counts =
                flows.iter().map(|(flow, number)| (flow, self.all[*number as usize].count));
            counts.map(move |(flow, count)| (site, flow, count))
        })
    }

    fn make(&mut self, site: &Arc<str>, flow: &Flow) -> u32 {
        let wait = Wait { site: Arc::clone(site), flow: flow.clone(), count: 0 };
        let number = if let Some(free) = self.free.pop() {
            self.all[free as usize] = wait;
            free
        } else {
            self.all.push(wait);
            u32::try_from(self.all.len() - 1).expect("fewer of them than deliveries")
        };
        self.names.entry(Arc::clone(site)).or_default().insert(flow.clone(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::Waits;
    use policy::Class;
    use queue::Flow;
    use std::sync::Arc;

    #[test]
    fn what_comes_and_goes_is_counted_by_site_and_flow() {
        let mut waits = Waits::default();
        let [a, b]: [Arc<str>; 2] = ["a".into(), "b".into()];
        let [acme, other] = ["acme", "other"].map(|name| Flow::new(Class::Bulk, name, "", 1));
        let first = waits.enter(&a, &acme);
        assert_eq!(waits.enter(&a, &acme), first);
        let second = waits.enter(&b, &acme);
        let third = waits.enter(&a, &other);
        let counts: Vec<_> = waits.iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [3, 1]);
        let flows: Vec<_> =
            waits.flows().map(|(site, flow, count)| (&**site, &**flow.tenant(), count)).collect();
        assert_eq!(flows, [("a", "acme", 2), ("a", "other", 1), ("b", "acme", 1)]);
        waits.leave(first);
        waits.leave(first);
        waits.leave(third);
        let all: Vec<_> = waits.iter().map(|(name, count)| (&**name, count)).collect();
        assert_eq!((all, waits.site(second)), (vec![("b", 1)], Some(&b)));
        let again = waits.enter(&"c".into(), &acme);
        assert!([first, third].contains(&again), "a number is used again");
        waits.leave(99);
    }
}
