//! All gates of a shard, by site and key, and which of them has something to do next.

use super::{Ask, Cause, Change, Gate, Load, Quota};
use crate::rate::Rate;
use event::Tick;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// The most gates at one time. Past it, the one that would have changed first is opened for another.
pub const GATES_MAX: usize = 10_000;

/// Something to be told: a gate of a site has changed, and why it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The site.
    pub site: Arc<str>,
    /// The key there.
    pub quota: Quota<'static>,
    /// What became of it.
    pub change: Change,
    /// When it changes next, if mail goes until then; `None` if it is gone.
    pub next: Option<Tick>,
    /// Who asked for it.
    pub cause: Cause,
}

/// The gates of one site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteGates {
    whole: Option<Gate>,
    messages: Option<Gate>,
    sources: BTreeMap<IpAddr, Gate>,
    senders: BTreeMap<Box<str>, Gate>,
}

/// All gates.
#[derive(Debug, Default)]
pub struct Gates {
    sites: BTreeMap<Arc<str>, SiteGates>,
    /// All of them by when they have something to do.
    next: BTreeSet<(Tick, Arc<str>, Quota<'static>)>,
}

impl SiteGates {
    /// The gate before a key, if there is one.
    #[must_use]
    pub fn find(&self, quota: &Quota<'_>) -> Option<&Gate> {
        match quota {
            Quota::Site => self.whole.as_ref(),
            Quota::Messages => self.messages.as_ref(),
            Quota::Source(address) => self.sources.get(address),
            Quota::Sender(domain) => self.senders.get(&**domain),
        }
    }

    fn find_mut(&mut self, quota: &Quota<'_>) -> Option<&mut Gate> {
        match quota {
            Quota::Site => self.whole.as_mut(),
            Quota::Messages => self.messages.as_mut(),
            Quota::Source(address) => self.sources.get_mut(address),
            Quota::Sender(domain) => self.senders.get_mut(&**domain),
        }
    }

    fn put(&mut self, quota: &Quota<'_>, gate: Gate) {
        match quota {
            Quota::Site => self.whole = Some(gate),
            Quota::Messages => self.messages = Some(gate),
            Quota::Source(address) => drop(self.sources.insert(*address, gate)),
            Quota::Sender(domain) => drop(self.senders.insert(domain.as_ref().into(), gate)),
        }
    }

    fn take(&mut self, quota: &Quota<'_>) -> Option<Gate> {
        match quota {
            Quota::Site => self.whole.take(),
            Quota::Messages => self.messages.take(),
            Quota::Source(address) => self.sources.remove(address),
            Quota::Sender(domain) => self.senders.remove(&**domain),
        }
    }

    /// How many connections the whole site may have; `None`: as many as ever.
    #[must_use]
    pub fn connections(&self) -> Option<u16> {
        let silent = self.messages.as_ref().map(Gate::connections).filter(|most| *most == 0);
        silent.or_else(|| self.whole.as_ref().map(Gate::connections))
    }

    /// How many messages the whole site may have in a time; `None`: as many as ever.
    #[must_use]
    pub fn message_rate(&self) -> Option<Rate> {
        self.messages.as_ref().and_then(Gate::message_rate)
    }

    /// The same from one of our addresses.
    #[must_use]
    pub fn connections_from(&self, source: IpAddr) -> Option<u16> {
        self.sources.get(&source).map(Gate::connections)
    }

    /// Whether some address of ours has a gate.
    #[must_use]
    pub fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Whether mail of some domain has to be told from others.
    #[must_use]
    pub fn has_senders(&self) -> bool {
        !self.senders.is_empty()
    }

    /// All of them, each with its key.
    pub fn all(&self) -> impl Iterator<Item = (Quota<'_>, &Gate)> {
        let whole = self.whole.iter().map(|gate| (Quota::Site, gate));
        let messages = self.messages.iter().map(|gate| (Quota::Messages, gate));
        let sources = self.sources.iter().map(|(address, gate)| (Quota::Source(*address), gate));
        let senders = self.senders.iter();
        let senders = senders.map(|(domain, gate)| (Quota::Sender(Cow::Borrowed(domain)), gate));
        whole.chain(messages).chain(sources).chain(senders)
    }

    fn is_empty(&self) -> bool {
        let is_whole = self.whole.is_none() && self.messages.is_none();
        is_whole && self.sources.is_empty() && self.senders.is_empty()
    }
}

impl Gates {
    /// Whether there are none, as is the rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.next.len()
    }

    /// Those of a site, if it has any.
    #[must_use]
    pub fn at(&self, site: &str) -> Option<&SiteGates> {
        self.sites.get(site)
    }

    /// All sites with gates, by name.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, &SiteGates)> {
        self.sites.iter()
    }

    /// Something is asked of a key.
    pub fn hears(
        &mut self,
        (site, quota): (&Arc<str>, &Quota<'_>),
        ask: Ask,
        cause: &Cause,
        load: Load,
        now: Tick,
    ) -> Option<Step> {
        let gates = self.sites.get_mut(site);
        if let Some(gate) = gates.and_then(|gates| gates.find_mut(quota)) {
            let before = gate.next_at();
            let change = gate.hears(ask, cause.clone(), load, now)?;
            return Some(self.changed(site, quota, change, before));
        }
        let (gate, change) = Gate::new(ask, cause.clone(), load, now);
        let next = Some(gate.planned());
        self.put_back(site, quota, gate);
        let (site, quota, cause) = (Arc::clone(site), quota.clone().into_owned(), cause.clone());
        Some(Step { site, quota, change, next, cause })
    }

    /// A gate that is new here. There must be none before this key.
    pub(super) fn put_back(&mut self, site: &Arc<str>, quota: &Quota<'_>, gate: Gate) {
        self.make_room();
        self.next.insert((gate.next_at(), Arc::clone(site), quota.clone().into_owned()));
        self.sites.entry(Arc::clone(site)).or_default().put(quota, gate);
    }

    /// Mail of a key was taken, while it had so many connections.
    pub fn worked(
        &mut self,
        site: &str,
        quota: &Quota<'_>,
        used: impl FnOnce() -> u16,
        now: Tick,
    ) -> Option<Step> {
        let (site, _) = self.sites.get_key_value(site)?;
        let site = Arc::clone(site);
        let gate = self.sites.get_mut(&site)?.find_mut(quota)?;
        let before = gate.next_at();
        let change = gate.worked(used(), now);
        let next = gate.next_at();
        match change {
            Some(change) => Some(self.changed(&site, quota, change, before)),
            None if next != before => {
                self.move_on(&site, quota, before, Some(next));
                None
            }
            None => None,
        }
    }

    /// What time has brought to one of them. To be called until there is nothing more.
    pub fn due(&mut self, now: Tick) -> Option<Step> {
        while let Some((at, site, quota)) = self.next.first().filter(|next| next.0 <= now).cloned()
        {
            let gate = self.sites.get_mut(&site).and_then(|gates| gates.find_mut(&quota))?;
            if let Some(change) = gate.due(now) {
                return Some(self.changed(&site, &quota, change, at));
            }
            let next = gate.next_at();
            self.move_on(&site, &quota, at, Some(next));
        }
        None
    }

    /// When [`Self::due`] has something to say next.
    #[must_use]
    pub fn next_at(&self) -> Option<Tick> {
        self.next.first().map(|(next, ..)| *next)
    }

    /// Whether a message of this sender's domain may go to a site now; it is counted then.
    pub fn admits(&mut self, site: &str, sender: &str, now: Tick) -> bool {
        let gates = self.sites.get_mut(site);
        let gate = gates.and_then(|gates| gates.senders.get_mut(sender));
        gate.is_none_or(|gate| gate.admits(now))
    }

    /// A key goes on as ever: somebody says so, or it is one of too many.
    pub fn open(&mut self, site: &str, quota: &Quota<'_>) -> Option<Step> {
        let (site, gates) = self.sites.get_key_value(site)?;
        let (site, before) = (Arc::clone(site), gates.find(quota)?.next_at());
        Some(self.changed(&site, quota, Change::Opened, before))
    }

    fn make_room(&mut self) {
        if self.next.len() >= GATES_MAX
            && let Some((_, site, quota)) = self.next.first().cloned()
        {
            self.open(&site, &quota);
        }
    }

    /// Puts a gate where it belongs after a change: out, if it is open.
    fn changed(
        &mut self,
        site: &Arc<str>,
        quota: &Quota<'_>,
        change: Change,
        before: Tick,
    ) -> Step {
        let gates = self.sites.get_mut(site).expect("a gate that changed is there");
        // It may have nothing to do until it is used, and then at once.
        let (cause, next, place) = if change == Change::Opened {
            let gate = gates.take(quota).expect("a gate that opened is there");
            (gate.cause().clone(), None, None)
        } else {
            let gate = gates.find(quota).expect("a gate that changed is there");
            (gate.cause().clone(), Some(gate.planned()), Some(gate.next_at()))
        };
        if gates.is_empty() {
            self.sites.remove(site);
        }
        self.move_on(site, quota, before, place);
        Step { site: Arc::clone(site), quota: quota.clone().into_owned(), change, next, cause }
    }

    fn move_on(&mut self, site: &Arc<str>, quota: &Quota<'_>, before: Tick, next: Option<Tick>) {
        let mut place = (before, Arc::clone(site), quota.clone().into_owned());
        self.next.remove(&place);
        if let Some(next) = next {
            place.0 = next;
            self.next.insert(place);
        }
    }
}
