//! The domains this shard has mail for, each kept once: millions of queued deliveries share
//! some thousands of names.

use crate::egress::Exit;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

/// Names kept before those that nobody holds are let go of.
const IDLE_MAX: usize = 4_096;

/// A domain in our spelling, one word long; empty if the recipient has none we route by. It knows
/// by which way the mail leaves that it stands for.
#[derive(Clone, Debug)]
pub struct Domain(Arc<(Box<str>, Exit)>);

impl Domain {
    /// Whether it is the same name, which other shards keep as well.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.0 == other.0.0
    }

    /// By which way the mail leaves.
    pub(crate) fn exit(&self) -> Exit {
        self.0.1
    }
}

impl Deref for Domain {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.0
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Domains(RefCell<Known>);

#[derive(Debug, Default)]
struct Known {
    names: BTreeMap<Exit, HashMap<Box<str>, Domain>>,
    /// Names kept when they were last gone through.
    swept: usize,
}

impl Domains {
    /// The domain `raw`, which stands behind an @, for mail that leaves by `exit`.
    pub(crate) fn of(&self, raw: &[u8], exit: Exit) -> Domain {
        let name = str::from_utf8(raw).ok().and_then(route::in_our_spelling).unwrap_or_default();
        let mut known = self.0.borrow_mut();
        if let Some(domain) = known.names.get(&exit).and_then(|names| names.get(&*name)) {
            return domain.clone();
        }
        known.sweep();
        let domain = Domain(Arc::new((name.clone().into(), exit)));
        known.names.entry(exit).or_default().insert(name.into(), domain.clone());
        domain
    }
}

impl Known {
    /// Lets go of names that nobody holds, once there are twice as many as the last time.
    fn sweep(&mut self) {
        if self.len() >= IDLE_MAX + 2 * self.swept {
            for names in self.names.values_mut() {
                names.retain(|_, domain| Arc::strong_count(&domain.0) > 1);
            }
            self.swept = self.len();
        }
    }

    fn len(&self) -> usize {
        self.names.values().map(HashMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Domains, Exit, IDLE_MAX};
    use std::sync::Arc;

    #[test]
    fn one_name_is_kept_once_in_our_spelling() {
        let domains = Domains::default();
        let of = |raw: &[u8]| domains.of(raw, Exit::Any);
        let (one, other) = (of(b"One.Test."), of(b"one.test"));
        assert!(Arc::ptr_eq(&one.0, &other.0) && &*one == "one.test");
        assert_eq!(&*of(b"[192.0.2.1]"), "");
        assert_eq!(&*of(b"\xFF"), "");
        let another = domains.of(b"one.test", Exit::Pool(1));
        assert_eq!((&*another, another.exit(), one.exit()), ("one.test", Exit::Pool(1), Exit::Any));
    }

    #[test]
    fn names_that_nobody_holds_go() {
        let domains = Domains::default();
        let held = domains.of(b"held.test", Exit::Any);
        for n in 0..3 * IDLE_MAX {
            domains.of(format!("n{n}.test").as_bytes(), Exit::Any);
        }
        assert!(domains.0.borrow().len() <= IDLE_MAX + 2);
        assert!(Arc::ptr_eq(&held.0, &domains.of(b"held.test", Exit::Any).0));
    }
}
