//! Mail of senders' domains that are slowed at a site, while others' goes on.
//!
//! It is set aside when a lane comes to it, in a list for each gate, so that it is looked at once and not
//! again before its gate lets some of it go; then it is routed as if it had just become due.

use super::why;
use crate::message::{Delivery, Message};
use crate::shard::Shard;
use event::{Outcome, SiteMeters, Tick};
use kernel::Kernel;
use policy::gate::{Quota, SiteGates};
use queue::SiteIndex;
use spool::Envelope;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The most that are routed at a time.
const RELEASED_MAX: usize = 1_024;
/// The most that are looked at between two turns of others for mail whose time is up. As long as a
/// list has no more, it keeps its order.
const LOOKED_MAX: usize = 16_384;
/// Behind so many set aside in a row others have their turn.
const ASIDE_MAX: usize = 256;
/// For so long.
const TURN: Duration = Duration::from_millis(1);

/// What was set aside, by site and sender's domain.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    lists: BTreeMap<Key, List>,
    len: usize,
    /// What is still to be looked at for mail whose time is up, and how much of each list.
    unseen: Vec<(Key, usize)>,
}

/// A site, and a sender's domain.
type Key = (Arc<str>, Box<str>);

#[derive(Debug)]
struct List {
    meters: Arc<SiteMeters>,
    deliveries: VecDeque<Delivery>,
}

impl Aside {
    fn put(&mut self, key: Key, meters: &Arc<SiteMeters>, delivery: Delivery) {
        let list = self
            .lists
            .entry(key)
            .or_insert_with(|| List { meters: Arc::clone(meters), deliveries: VecDeque::new() });
        list.deliveries.push_back(delivery);
        self.len += 1;
    }

    /// Takes up to `most` of a list, from the front.
    fn take(&mut self, key: &Key, most: usize) -> Vec<Delivery> {
        let Some(list) = self.lists.get_mut(key) else { return Vec::new() };
        let taken: Vec<_> = list.deliveries.drain(..most.min(list.deliveries.len())).collect();
        let recipients = taken.iter().map(|delivery| delivery.recipients.len() as u64).sum();
        list.meters.queued.sub(recipients);
        if list.deliveries.is_empty() {
            self.lists.remove(key);
        }
        self.len -= taken.len();
        taken
    }

    /// All of it is looked at from now on, unless that is so already.
    pub(super) fn look_through(&mut self) {
        if self.unseen.is_empty() {
            let all = self.lists.iter().map(|(key, list)| (key.clone(), list.deliveries.len()));
            self.unseen = all.collect();
        }
    }

    /// The next to be looked at: a list, and how much of it.
    fn next_unseen(&mut self) -> Option<(Key, usize)> {
        let (key, left) = self.unseen.last_mut()?;
        let looks = (*left).min(LOOKED_MAX);
        *left -= looks;
        let next = (key.clone(), looks);
        if *left == 0 {
            self.unseen.pop();
        }
        Some(next)
    }

    /// The sites and senders' domains for which something is set aside.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.lists.keys().cloned().collect()
    }

    /// How much is set aside.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All that is set aside, and the site of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Delivery)> {
        let lists = self.lists.iter();
        lists.flat_map(|((site, _), list)| list.deliveries.iter().map(move |one| (site, one)))
    }

    /// How much is set aside for one.
    pub(crate) fn len_of(&self, key: &Key) -> usize {
        self.lists.get(key).map_or(0, |list| list.deliveries.len())
    }

    /// Takes out what passes `test` among the next `looks` of a list. What does not is the last by
    /// then: once all were looked at, the order is as before.
    pub(crate) fn look(
        &mut self,
        key: &Key,
        looks: usize,
        mut test: impl FnMut(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        let Some(list) = self.lists.get_mut(key) else { return Vec::new() };
        let mut taken = Vec::new();
        for _ in 0..looks.min(list.deliveries.len()) {
            match list.deliveries.pop_front() {
                Some(delivery) if test(&delivery) => taken.push(delivery),
                left => list.deliveries.extend(left),
            }
        }
        let recipients = taken.iter().map(|delivery| delivery.recipients.len() as u64).sum();
        list.meters.queued.sub(recipients);
        if list.deliveries.is_empty() {
            self.lists.remove(key);
        }
        self.len -= taken.len();
        taken
    }
}

impl<K: Kernel> Shard<K> {
    /// Whether a message for a site may go now, for all that is asked of its sender's domain.
    pub(crate) fn admits(&self, index: SiteIndex, message: &Message) -> bool {
        let mut gates = self.gates.borrow_mut();
        if gates.is_empty() {
            return true;
        }
        let name = self.site_name(index);
        let has_senders = gates.at(&name).is_some_and(SiteGates::has_senders);
        let now = self.kernel.now();
        !has_senders || gates.admits(&name, &sender_domain(&message.envelope), now)
    }

    /// Keeps a delivery until its sender's domain may send again. Now and then others have their
    /// turn meanwhile.
    pub(crate) async fn set_aside(
        &self,
        index: SiteIndex,
        mut delivery: Delivery,
        message: &Message,
    ) {
        delivery.message = None;
        let key = (self.site_name(index), sender_domain(&message.envelope));
        let meters = Arc::clone(&self.sites.borrow().find(index).meters);
        self.aside.borrow_mut().put(key, &meters, delivery);
        let len = self.aside.borrow().len;
        self.meters().set_aside.set(len as u64);
        if len.is_multiple_of(ASIDE_MAX) {
            self.kernel.sleep_until(self.kernel.now() + TURN).await;
        }
    }

    /// Sends on what may go.
    pub(super) fn release(self: &Rc<Self>, now: Tick) {
        if self.aside.borrow().lists.is_empty() {
            return;
        }
        let mut left = RELEASED_MAX;
        let keys: Vec<_> = self.aside.borrow().lists.keys().cloned().collect();
        for key in keys {
            let (site, sender) = &key;
            let quota = Quota::Sender((&**sender).into());
            let most = match self.gates.borrow().at(site).and_then(|site| site.find(&quota)) {
                None => left,
                Some(gate) if gate.is_ready(now) => left.min(gate.connections().into()),
                Some(_) => 0,
            };
            let free = self.aside.borrow_mut().take(&key, most);
            left -= free.len();
            for delivery in free {
                self.route(delivery);
            }
        }
        self.meters().set_aside.set(self.aside.borrow().len as u64);
    }

    /// Gives up what has run out of time, of the next to be looked at.
    pub(super) fn expire_aside(self: &Rc<Self>) {
        let wall = self.kernel.wall();
        let mut left = LOOKED_MAX;
        while left > 0 {
            let Some((key, looks)) = self.aside.borrow_mut().next_unseen() else { return };
            left = left.saturating_sub(looks.max(1));
            let quota = Quota::Sender((&*key.1).into());
            let response = {
                let gates = self.gates.borrow();
                gates.at(&key.0).and_then(|site| site.find(&quota)).map(why)
            };
            // Where there is no gate any more, all of it goes.
            let Some(response) = response else { continue };
            let plan = self.sites.borrow().named(&key.0).into_iter().next();
            let is_old = |delivery: &Delivery| self.expires(delivery, plan.as_deref()) <= wall;
            let old = self.aside.borrow_mut().look(&key, looks, is_old);
            self.meters().set_aside.set(self.aside.borrow().len as u64);
            for delivery in old {
                self.conclude_all(delivery, None, Outcome::Expired, &response);
            }
        }
    }
}

/// The domain a message was sent by, in lower case; empty for a bounce.
pub(crate) fn sender_domain(envelope: &Envelope) -> Box<str> {
    let sender = envelope.sender();
    let at = sender.iter().rposition(|byte| *byte == b'@').map_or(sender.len(), |at| at + 1);
    String::from_utf8_lossy(&sender[at..]).to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests;
