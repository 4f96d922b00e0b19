//! The domains this shard has mail for, each kept once a flow: millions of queued deliveries share
//! some thousands of names.

use crate::egress::Exit;
use crate::flows::{Flows, Found};
use policy::tenant::Weights;
use queue::Flow;
use route::Need;
use spool::{Envelope, Way};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

/// Names kept before those that nobody holds are let go of.
const IDLE_MAX: usize = 4_096;

/// A domain in our spelling, one word long; empty if the recipient has none we route by. It knows
/// what the mail asks for that it stands for, and what flow it is of: so a delivery need not.
#[derive(Clone, Debug)]
pub struct Domain(Arc<Named>);

#[derive(Debug)]
struct Named {
    name: Box<str>,
    wants: Wants,
    flow: Flow,
}

/// What a message asks for that has to do with its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Wants {
    /// By which way it leaves.
    pub(crate) exit: Exit,
    /// What it asks of hosts.
    pub(crate) need: Need,
}

impl From<Exit> for Wants {
    fn from(exit: Exit) -> Self {
        Self { exit, need: Need::Usual }
    }
}

/// What a message asks of hosts.
pub(crate) fn need(envelope: &Envelope) -> Need {
    match (envelope.requiretls(), envelope.sender().is_empty()) {
        (false, _) => Need::Usual,
        (true, true) => Need::Sealed,
        (true, false) => Need::Onward,
    }
}

impl Domain {
    /// Whether it is the same name, which other shards keep as well.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.name == other.0.name
    }

    /// By which way the mail leaves.
    pub(crate) fn exit(&self) -> Exit {
        self.0.wants.exit
    }

    /// What the mail asks of hosts.
    pub(crate) fn need(&self) -> Need {
        self.0.wants.need
    }

    /// Whose mail it is.
    pub(crate) fn flow(&self) -> &Flow {
        &self.0.flow
    }
}

impl Deref for Domain {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.name
    }
}

/// All of them, and all flows.
#[derive(Debug)]
pub(crate) struct Domains(RefCell<Known>);

#[derive(Debug)]
struct Known {
    names: BTreeMap<Flow, BTreeMap<Wants, HashMap<Box<str>, Domain>>>,
    len: usize,
    /// Names kept when they were last gone through.
    swept: usize,
    flows: Flows,
}

impl Default for Domains {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Domains {
    /// None yet; tenants will have these weights.
    pub(crate) fn new(weights: Arc<Weights>) -> Self {
        let flows = Flows::new(weights);
        Self(RefCell::new(Known { names: BTreeMap::new(), len: 0, swept: 0, flows }))
    }

    /// The domain `raw`, which stands behind an @, for mail that asks for this and says nothing of whose
    /// it is.
    pub(crate) fn of(&self, raw: &[u8], wants: impl Into<Wants>) -> Domain {
        let flow = self.0.borrow().flows.usual().clone();
        self.of_flow(raw, wants, &flow)
    }

    /// The same for mail of a flow.
    pub(crate) fn of_flow(&self, raw: &[u8], wants: impl Into<Wants>, flow: &Flow) -> Domain {
        let wants = wants.into();
        let name = str::from_utf8(raw).ok().and_then(route::in_our_spelling).unwrap_or_default();
        let mut known = self.0.borrow_mut();
        let names = known.names.get(flow).and_then(|ways| ways.get(&wants));
        if let Some(domain) = names.and_then(|names| names.get(&*name)) {
            return domain.clone();
        }
        if known.len >= IDLE_MAX + 2 * known.swept {
            known.sweep();
        }
        let own = Named { name: name.clone().into(), wants, flow: flow.clone() };
        let domain = Domain(Arc::new(own));
        let ways = known.names.entry(flow.clone()).or_default();
        ways.entry(wants).or_default().insert(name.into(), domain.clone());
        known.len += 1;
        domain
    }

    /// The flow of a message, and whether it shares that because there are too many.
    pub(crate) fn flow(&self, way: &Way<'_>) -> (Flow, bool) {
        let known = &mut *self.0.borrow_mut();
        let found = match known.flows.of(way) {
            Found::Full(_) => {
                known.sweep();
                known.flows.sweep(known.len);
                known.flows.of(way)
            }
            found => found,
        };
        match found {
            Found::Own(flow) => (flow, false),
            Found::Shared(flow) | Found::Full(flow) => (flow, true),
        }
    }
}

impl Known {
    /// Lets go of names that nobody holds: done where there are twice as many as the last time.
    fn sweep(&mut self) {
        self.len = 0;
        self.names.retain(|_, ways| {
            ways.retain(|_, names| {
                names.retain(|_, domain| Arc::strong_count(&domain.0) > 1);
                self.len += names.len();
                !names.is_empty()
            });
            !ways.is_empty()
        });
        self.swept = self.len;
    }
}

#[cfg(test)]
mod tests {
    use super::{Domains, Exit, IDLE_MAX, Wants};
    use crate::flows::TENANTS_MAX;
    use route::Need;
    use spool::Way;
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
        let onward = domains.of(b"one.test", Wants { exit: Exit::Any, need: Need::Onward });
        assert_eq!((&*onward, onward.need(), one.need()), ("one.test", Need::Onward, Need::Usual));
    }

    #[test]
    fn a_name_is_another_for_mail_of_another_flow() {
        let domains = Domains::default();
        let (shop, is_shared) = domains.flow(&Way { tenant: b"shop", ..Way::default() });
        let usual = domains.of(b"one.test", Exit::Any);
        let own = domains.of_flow(b"one.test", Exit::Any, &shop);
        assert!(!is_shared && own.is(&usual) && !Arc::ptr_eq(&own.0, &usual.0));
        assert_eq!((own.flow(), &**usual.flow().tenant()), (&shop, ""));
    }

    #[test]
    fn tenants_that_have_no_mail_left_make_room() {
        let domains = Domains::default();
        for n in 0..2 * TENANTS_MAX {
            let tenant = n.to_string();
            let way = Way { tenant: tenant.as_bytes(), ..Way::default() };
            let (flow, is_shared) = domains.flow(&way);
            assert!(!is_shared, "{n}");
            domains.of_flow(b"one.test", Exit::Any, &flow);
        }
    }

    #[test]
    fn names_that_nobody_holds_go() {
        let domains = Domains::default();
        let held = domains.of(b"held.test", Exit::Any);
        for n in 0..3 * IDLE_MAX {
            domains.of(format!("n{n}.test").as_bytes(), Exit::Any);
        }
        assert!(domains.0.borrow().len <= IDLE_MAX + 2);
        assert!(Arc::ptr_eq(&held.0, &domains.of(b"held.test", Exit::Any).0));
    }
}
