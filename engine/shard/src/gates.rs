//! What hosts have asked for, done at the home of their site.
//!
//! A lane that hears a reply says what it asks of whom ([`Asked`]); the site's home keeps the gates
//! ([`policy::gate`]) and sees that the queue, the turns of our addresses and what it sets aside are as they
//! say. A site with gates is served by its home alone: what others have borrowed comes back.

mod aside;
mod asked;
mod book;

pub(crate) use aside::{Aside, sender_domain};
pub use asked::Asked;
pub use book::GateBook;

use crate::letter::Letter;
use crate::message::Message;
use crate::shard::Shard;
use event::{Event, Tick, Wall};
use kernel::Kernel;
use policy::gate::{Ask, Cause, Gate, Kept, Load, Quota, SiteGates, Step};
use queue::SiteIndex;
use route::SitePlan;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How often what waits for a site that gets nothing is looked through for mail whose time is up.
const EXPIRE_EVERY: Duration = Duration::from_secs(10);

/// How often what has changed is written down, at most.
const WRITE_EVERY: Duration = Duration::from_secs(5);

impl<K: Kernel> Shard<K> {
    /// Has the home of a site do what is asked of it.
    pub(crate) fn pass_on(self: &Rc<Self>, plan: &Arc<SitePlan>, asked: Asked) {
        let home = route::home(&plan.name, self.shards.len());
        self.post(home, Letter::Asked(Arc::clone(plan), Box::new(asked)));
    }

    /// Does what is asked of a site whose home this is.
    pub(crate) fn asked(self: &Rc<Self>, plan: &Arc<SitePlan>, asked: &Asked) {
        let steps: Vec<_> = match asked {
            Asked::For { asks, cause, is_crowd } => {
                let heard = asks.iter().filter_map(|ask| self.heard(plan, ask, cause, *is_crowd));
                heard.collect()
            }
            Asked::Mistaken { quotas, rule } => {
                let mut gates = self.gates.borrow_mut();
                let opened = quotas.iter().filter_map(|quota| {
                    let gate = gates.at(&plan.name)?.find(quota)?;
                    let is_meant = gate.cause().rule == *rule;
                    is_meant.then(|| gates.open(&plan.name, quota)).flatten()
                });
                opened.collect()
            }
        };
        for step in &steps {
            self.tell_step(step);
        }
        if !steps.is_empty() {
            self.apply_gates(plan);
        }
    }

    fn heard(
        self: &Rc<Self>,
        plan: &Arc<SitePlan>,
        (quota, ask): &(Quota<'static>, Ask),
        cause: &Cause,
        is_crowd: bool,
    ) -> Option<Step> {
        let index = self.site_of(plan);
        let is_one_of = matches!(ask, Ask::OneFewer(_));
        let mut load = Load { is_crowd: is_crowd || is_one_of, ..self.load(plan, index, quota) };
        if is_crowd {
            // Of the others that were not answered nobody knows whether they are too many as well.
            load.used = load.used.saturating_sub(self.unanswered(&plan.name) - 1).max(1);
        }
        let (key, now) = ((&plan.name, quota), self.kernel.now());
        self.gates.borrow_mut().hears(key, *ask, cause, load, now)
    }

    /// Connections to the sites of this name that were not answered, at least 1.
    fn unanswered(&self, name: &str) -> u16 {
        let all = self.sites.borrow().named(name);
        let queue = self.queue.borrow();
        let known = all.iter().filter_map(|plan| queue.find(&plan.pool));
        known.map(|index| queue.view(index).unanswered).fold(0, u16::saturating_add).max(1)
    }

    /// What a key has now.
    fn load(&self, plan: &SitePlan, index: SiteIndex, quota: &Quota<'_>) -> Load {
        let limits = self.limits_of(plan);
        let most = limits.connections_max;
        let recent = self.sites.borrow().find(index).recent.get().apart(self.kernel.now());
        let whole = Load { used: most, most, is_crowd: false, recent };
        match quota {
            Quota::Site => Load { used: self.lanes_of(&plan.name), ..whole },
            Quota::Source(address) => {
                let sites = self.sites.borrow();
                let standing = sites.find(index).standing.as_ref().zip(plan.leaves_by);
                let found = standing.and_then(|(standing, pool)| {
                    let live = self.live.borrow();
                    let sources = &live.egress.pool(pool).sources;
                    let place = sources.iter().position(|source| source.address == *address)?;
                    let used = standing.borrow().connections(place);
                    let most = most.min(sources[place].most_at(&limits));
                    Some(Load { used, most, ..whole })
                });
                found.unwrap_or(whole)
            }
            Quota::Sender(_) | Quota::Messages => whole,
        }
    }

    /// A message for a site was taken, from this address of ours.
    pub(crate) fn worked(
        self: &Rc<Self>,
        index: SiteIndex,
        source: IpAddr,
        message: Option<&Message>,
    ) {
        if self.gates.borrow().is_empty() {
            return;
        }
        let (name, now) = (self.site_name(index), self.kernel.now());
        let sender = message.map(|message| sender_domain(&message.envelope)).unwrap_or_default();
        let sender = Quota::Sender((&*sender).into());
        for quota in [Quota::Site, Quota::Source(source), sender] {
            let used = || self.used(index, &name, &quota);
            let step = self.gates.borrow_mut().worked(&name, &quota, used, now);
            if let Some(step) = step {
                self.take_step(&step);
            }
        }
    }

    /// How many connections a key has now.
    fn used(&self, index: SiteIndex, name: &str, quota: &Quota<'_>) -> u16 {
        match quota {
            Quota::Source(_) => {
                let plan = Arc::clone(&self.sites.borrow().find(index).plan);
                self.load(&plan, index, quota).used
            }
            _ => self.lanes_of(name),
        }
    }

    /// A host of a site has answered a message, and not that there are too many.
    pub(crate) fn took(self: &Rc<Self>, index: SiteIndex) {
        let now = self.kernel.now();
        let name = {
            let sites = self.sites.borrow();
            let site = sites.find(index);
            let mut recent = site.recent.get();
            recent.note(now);
            site.recent.set(recent);
            if self.gates.borrow().is_empty() {
                return;
            }
            Arc::clone(&site.name)
        };
        let step = self.gates.borrow_mut().worked(&name, &Quota::Messages, || 0, now);
        if let Some(step) = step {
            self.take_step(&step);
        }
    }

    /// Does what is due about gates and what was set aside for them.
    pub(crate) fn tend_gates(self: &Rc<Self>, now: Tick) {
        loop {
            let step = self.gates.borrow_mut().due(now);
            let Some(step) = step else { break };
            self.take_step(&step);
        }
        self.release(now);
        let len = self.gates.borrow().len();
        self.meters().gates.set(len as u64);
        if now >= self.gates_written.get() + WRITE_EVERY {
            self.write_gates();
        }
        if len > 0 && now >= self.gates_looked.get() + EXPIRE_EVERY {
            self.gates_looked.set(now);
            self.expire_held();
            self.aside.borrow_mut().look_through();
        }
        self.expire_aside();
    }

    /// Has the gates kept over a restart, if they have changed.
    pub(crate) fn write_gates(&self) {
        if self.gates_changed.take() {
            let now = self.kernel.now();
            self.gates_written.set(now);
            let kept = self.gates.borrow().kept(now, self.kernel.wall());
            self.live.borrow().politeness.book.write(self.index, kept);
        }
    }

    /// Puts back the gates of sites that are at home here.
    pub(crate) fn restore_gates(&self, kept: &[Kept]) {
        let (now, wall) = (self.kernel.now(), self.kernel.wall());
        let mut gates = self.gates.borrow_mut();
        for kept in kept {
            if route::home(&kept.site, self.shards.len()) == self.index {
                gates.restore(kept, now, wall);
            }
        }
        for (name, site) in gates.all() {
            self.queue.borrow_mut().cap(name, site.connections());
        }
        // They are of this shard now, whoever had them.
        self.gates_changed.set(!gates.is_empty());
    }

    fn take_step(self: &Rc<Self>, step: &Step) {
        self.tell_step(step);
        let plan = self.sites.borrow().named(&step.site).pop();
        if let Some(plan) = plan {
            self.apply_gates(&plan);
        } else {
            let cap = self.gates.borrow().at(&step.site).and_then(SiteGates::connections);
            self.queue.borrow_mut().cap(&step.site, cap);
        }
    }

    fn tell_step(&self, step: &Step) {
        self.gates_changed.set(true);
        let (wall, now) = (self.kernel.wall(), self.kernel.now());
        let value = step.quota.value();
        let message_rate = step.change.message_rate().map(|rate| rate.to_string());
        self.tell(&Event::Gate(event::Gate {
            site: &step.site,
            scope: step.quota.scope().name(),
            value: value.as_deref(),
            step: step.change.name(),
            connections: step.change.connections(),
            message_rate: message_rate.as_deref(),
            next: step.next.map(|next| wall + next.since(now)),
            ..told(&step.cause)
        }));
    }

    /// A host of a site wants others to be taken for a while.
    pub(crate) fn tell_skipped(&self, site: &str, host: &str, until: Wall, cause: &Cause) {
        let value = Some(host);
        let next = Some(until);
        self.tell(&Event::Gate(event::Gate { site, scope: "host", value, next, ..told(cause) }));
    }

    /// Sees that a site has as many connections as its gates let it have, from each address.
    pub(crate) fn apply_gates(self: &Rc<Self>, plan: &Arc<SitePlan>) {
        let index = self.site_of(plan);
        self.cap_site(index, plan);
        self.pace_sites(&plan.name);
        let is_slowed = self.gates.borrow().at(&plan.name).is_some();
        if is_slowed {
            self.recall_shares(&plan.name);
        }
        // Those that are too many see it now.
        self.sites.borrow_mut().dismiss_idle(&plan.name);
        self.dial();
    }

    /// Sees that the sites of a name have as many messages in a time as their gates let them have.
    fn pace_sites(&self, name: &str) {
        let all = self.sites.borrow().named(name);
        for plan in all {
            let index = self.queue.borrow().find(&plan.pool);
            if let Some(index) = index {
                self.rate_site(index, &plan);
            }
        }
    }

    /// How many connections the sites of a plan's name may have; `None`: as many as ever. Where each of
    /// our addresses is out of use, they wait, and nothing is charged for that.
    fn cap_of(&self, plan: &SitePlan) -> Option<u16> {
        let gates = self.gates.borrow();
        let site = gates.at(&plan.name);
        let pool = plan.leaves_by.filter(|_| {
            site.is_some_and(SiteGates::has_sources) || self.first_disabled(plan).is_some()
        });
        let by_sources = pool.map(|pool| {
            let live = self.live.borrow();
            let limits = live.limits_of(plan);
            live.egress.pool(pool).connections_max(plan, |source| {
                if self.disabled(&plan.name, source).is_some() {
                    return 0;
                }
                let most = source.most_at(limits);
                let cap = site.and_then(|site| site.connections_from(source.address));
                cap.map_or(most, |cap| cap.min(most))
            })
        });
        site.and_then(SiteGates::connections).into_iter().chain(by_sources).min()
    }

    /// Sees that a site has as many connections as its gates let it have, and each of our addresses
    /// there; none from those that an operator has disabled.
    pub(crate) fn cap_site(&self, index: SiteIndex, plan: &SitePlan) {
        let cap = self.cap_of(plan);
        self.queue.borrow_mut().cap(&plan.name, cap);
        self.queue.borrow_mut().ask_sources(index);
        let (gates, sites) = (self.gates.borrow(), self.sites.borrow());
        let standing = sites.find(index).standing.as_ref().zip(plan.leaves_by);
        let Some((standing, pool)) = standing else { return };
        let site = gates.at(&plan.name);
        let mut turns = standing.borrow_mut();
        for (place, source) in self.live.borrow().egress.pool(pool).sources.iter().enumerate() {
            turns.cap(place, site.and_then(|site| site.connections_from(source.address)));
            let disabled = self.disabled(&plan.name, source);
            turns.disable(place, disabled.map_or(Tick::ZERO, |held| held.over));
        }
    }

    /// Whether a site is slowed, or one of our addresses there.
    pub(crate) fn is_slowed(&self, name: &str) -> bool {
        let gates = self.gates.borrow();
        gates.at(name).is_some_and(|site| site.connections().is_some() || site.has_sources())
    }

    /// Whether a site may have no connection now.
    pub(crate) fn is_shut_off(&self, index: SiteIndex) -> bool {
        let plan = Arc::clone(&self.sites.borrow().find(index).plan);
        self.cap_of(&plan) == Some(0)
    }

    /// Whether there are more connections to a site than there may be by now.
    pub(crate) fn is_one_too_many(&self, index: SiteIndex) -> bool {
        let plan = Arc::clone(&self.sites.borrow().find(index).plan);
        self.cap_of(&plan).is_some_and(|cap| self.queue.borrow().lanes(&plan.name) > cap)
    }

    /// Gives up what has run out of time where nothing goes.
    fn expire_held(self: &Rc<Self>) {
        let held: Vec<_> = self
            .gates
            .borrow()
            .all()
            .filter_map(|(name, site)| {
                let gates = [&Quota::Site, &Quota::Messages].map(|quota| site.find(quota));
                let shut = gates.into_iter().flatten().find(|gate| gate.connections() == 0)?;
                Some((Arc::clone(name), why(shut)))
            })
            .collect();
        for (name, response) in held {
            let all = self.sites.borrow().named(&name);
            for plan in all {
                let index = self.queue.borrow().find(&plan.pool);
                if let Some(index) = index {
                    self.expire_ready(index, &response);
                }
            }
        }
    }
}

/// What is said of mail whose time was up while it was held up.
fn why(gate: &Gate) -> event::Response {
    let Cause { rule, response, .. } = gate.cause();
    let text = format!("held up by the rule {rule}, since a host said: {response}");
    crate::routing::local(451, (4, 4, 7), &text)
}

/// What is told of who asked.
fn told(cause: &Cause) -> event::Gate<'_> {
    event::Gate {
        site: "",
        scope: "",
        value: None,
        step: "shut",
        connections: Some(0),
        message_rate: None,
        next: None,
        rule: &cause.rule,
        provider: &cause.provider,
        class: cause.class,
        response: &cause.response,
        asked: cause.at,
    }
}
