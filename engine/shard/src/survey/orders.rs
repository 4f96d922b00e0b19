//! What an operator orders: a site, a tenant or a campaign is paused or goes on, a site is tried at once;
//! a source of ours is taken out of use; what waits is given up, goes elsewhere, or is put off.
//!
//! What goes through all that waits is done by one task, one order after the other.

mod drops;
mod flows;
mod flush;
mod jobs;
mod reroutes;
mod schedule;
mod sources;
mod sweep;

pub(crate) use reroutes::Reroute;
pub(crate) use schedule::Scheduled;

use super::Tell;
use super::count::is_of_flow;
use crate::domains::Domain;
use crate::shard::Shard;
use drops::Ending;
use event::{Event, MessageId, Ordered, Subject, Tick, Wall};
use jobs::{Jobs, Task};
use kernel::Kernel;
use policy::survey::{About, Answer, Counted, Limiter, Load, ORDER_MAX, Order, Verb};
use queue::Hold;
use reroutes::Reroutes;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use sweep::Sweep;

/// Between two slices of what waits.
const PAUSE: Duration = Duration::from_millis(1);
/// Orders that hold, or are being carried out.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// By site.
    pauses: BTreeMap<Arc<str>, Held>,
    /// Flows that have no turn.
    flows: BTreeMap<Hold, Held>,
    /// Sources that are out of use.
    disabled: BTreeMap<About, Held>,
    /// By which mail goes elsewhere.
    pub(super) reroutes: Reroutes,
    /// When the first of these three is over.
    ends: Option<Tick>,
    /// What goes through all that waits, the first of which is being done.
    jobs: Jobs,
}

/// An order that holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) until: Wall,
    /// The same, by our own clock.
    pub(crate) over: Tick,
    pub(crate) by: Box<str>,
    pub(crate) reason: Box<str>,
}

impl Orders {
    /// The sites that are paused.
    pub(super) fn paused(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pauses.keys()
    }

    fn disable(&mut self, about: &About, held: Held) {
        self.disabled.insert(about.clone(), held);
        self.set_end();
    }

    fn enable(&mut self, about: &About) {
        self.disabled.remove(about);
        self.set_end();
    }

    fn pause_flow(&mut self, hold: Hold, terms: Held) {
        self.flows.insert(hold, terms);
        self.set_end();
    }

    fn resume_flow(&mut self, hold: &Hold) {
        self.flows.remove(hold);
        self.set_end();
    }

    fn set_end(&mut self) {
        let all = self.disabled.values().chain(self.flows.values());
        self.ends = all.map(|held| held.over).chain(self.reroutes.ends()).min();
    }

    /// Forgets what is over, if anything is.
    fn end(&mut self, now: Tick) -> Ended {
        if self.ends.is_none_or(|ends| now < ends) {
            return Ended::default();
        }
        let reroutes = self.reroutes.end(now);
        let before = self.disabled.len();
        self.disabled.retain(|_, held| now < held.over);
        let flows = self.flows.extract_if(.., |_, held| held.over <= now);
        let flows = flows.map(|(hold, _)| hold).collect();
        self.set_end();
        Ended { flows, sources: self.disabled.len() < before, reroutes }
    }
}

/// What is over by itself.
#[derive(Default)]
struct Ended {
    flows: Vec<Hold>,
    /// Whether sources are.
    sources: bool,
    reroutes: Vec<Rc<Reroute>>,
}

impl<K: Kernel> Shard<K> {
    /// Does what is ordered, or counts what it would be about, and says so. What goes through all that
    /// waits is only begun.
    pub(super) fn take_order(self: &Rc<Self>, order: &Order, tell: Tell) {
        if self.accounts.borrow().orders.jobs.is_full() {
            return;
        }
        if order.is_dry && order.is_counted_by_sweep() {
            if !self.is_known(order) {
                return tell(Answer::Order(None));
            }
            let is_looked_at = matches!(order.verb, Verb::EndReroute | Verb::Schedule);
            let counted = || self.counted(&order.about).filter(|_| !is_looked_at);
            if let Some(load) = counted() {
                return tell(Answer::Order(Some(load.into())));
            }
            let sweep = Sweep::counting(order, self.times(order.due), tell);
            return self.begin(Task::Sweep(Box::new(sweep)), None);
        }
        if !order.verb.sweeps() {
            return tell(Answer::Order(self.obey(order).map(Counted::from)));
        }
        self.tell_order(order, Load::default());
        tell(Answer::Order(Some(Counted::default())));
        let sweep = match order.verb {
            Verb::Reroute => {
                self.reroute(order);
                Some(Sweep::moving(&order.about))
            }
            Verb::EndReroute => self.end_reroute(&order.about).map(Sweep::returning),
            Verb::Schedule => {
                self.times(order.due).map(|times| Sweep::scheduling(&order.about, times))
            }
            _ => Some(Sweep::giving_up(&order.about, Ending::of(order))),
        };
        if let Some(sweep) = sweep {
            self.begin(Task::Sweep(Box::new(sweep)), Some(order));
        }
    }

    /// An order holds that held before the start. Nothing waits yet by another way.
    pub(super) fn keep_order(self: &Rc<Self>, order: &Order, tell: Tell) {
        if order.verb != Verb::Reroute {
            return self.take_order(order, tell);
        }
        self.tell_order(order, Load::default());
        self.reroute(order);
        tell(Answer::Order(Some(Counted::default())));
    }

    /// Whether there is what an order is about that is counted by going through all that waits.
    fn is_known(&self, order: &Order) -> bool {
        let accounts = self.accounts.borrow();
        let is_rerouted = || accounts.orders.reroutes.knows(&in_our_words(&order.about));
        let has_site =
            || order.about.site.as_deref().is_none_or(|site| self.load_of(site).is_some());
        match order.verb {
            Verb::Resume => accounts.orders.flows.contains_key(&flows::hold(&order.about)),
            Verb::EndReroute => is_rerouted(),
            Verb::Reroute => self.has_pool(&order.elsewhere) && (is_rerouted() || has_site()),
            _ => has_site(),
        }
    }

    /// Does what is ordered, or counts what it would be about. `None`: nothing here is meant.
    fn obey(self: &Rc<Self>, order: &Order) -> Option<Load> {
        let load = self.load_about(order);
        if order.is_dry {
            return load;
        }
        match (order.verb, &order.about.site) {
            (Verb::Pause, Some(site)) => self.pause(site, self.held(order)),
            (Verb::Resume, Some(site)) => self.go_on(site),
            (Verb::Flush, Some(site)) => self.flush(site, order),
            (Verb::DisableSource, _) => self.disable(order),
            (Verb::EnableSource, _) => self.enable(&order.about),
            (Verb::Pause, None) => self.pause_flow(order),
            (Verb::Resume, None) => self.resume_flow(&flows::hold(&order.about)),
            (Verb::Flush, None) => (),
            (Verb::Drop | Verb::Bounce | Verb::Reroute | Verb::EndReroute | Verb::Schedule, _) => {
                unreachable!("it sweeps")
            }
        }
        self.tell_order(order, load.unwrap_or_default());
        load
    }

    /// What an order is about, as far as it is here.
    fn load_about(&self, order: &Order) -> Option<Load> {
        match (order.verb, &order.about.site) {
            (Verb::DisableSource, _) => self.load_by_source(&order.about),
            (Verb::EnableSource, _) => {
                let is_known = self.accounts.borrow().orders.disabled.contains_key(&order.about);
                is_known.then(|| self.load_by_source(&order.about).unwrap_or_default())
            }
            (_, Some(site)) => self.load_of(site),
            (_, None) => Some(Load::default()),
        }
    }

    /// One shard tells it for all: the home of a site.
    fn tell_order(&self, order: &Order, own: Load) {
        let home = |site: &Arc<str>| route::home(site, self.shards.len());
        if order.about.only_site().map_or(0, home) != self.index {
            return;
        }
        self.tell(&Event::Ordered(ordered(order, own)));
    }

    /// An order that holds from now on.
    fn held(&self, order: &Order) -> Held {
        let (now, wall) = (self.kernel.now(), self.kernel.wall());
        let span = order.until.map_or(ORDER_MAX, |until| until.since(wall)).min(ORDER_MAX);
        let (by, reason) = (order.by.clone(), order.reason.clone());
        Held { until: wall + span, over: now + span, by, reason }
    }

    /// Ends what is over.
    pub(crate) fn tend_orders(self: &Rc<Self>, now: Tick) {
        let Ended { flows, sources, reroutes } = self.accounts.borrow_mut().orders.end(now);
        for hold in &flows {
            self.let_go(hold);
        }
        if sources {
            self.review_sources();
        }
        for order in reroutes {
            self.begin(Task::Sweep(Box::new(Sweep::returning(order))), None);
        }
    }

    /// The pause of a site, if it is paused.
    pub(super) fn paused(&self, site: &str) -> Option<Limiter> {
        let accounts = self.accounts.borrow();
        let held = accounts.orders.pauses.get(site)?;
        let (until, by, reason) = (held.until, held.by.clone(), held.reason.clone());
        (self.kernel.now() < held.over).then_some(Limiter::Paused { until, by, reason })
    }

    fn pause(&self, site: &Arc<str>, held: Held) {
        self.queue.borrow_mut().pause(site, Some(held.over), self.kernel.now());
        self.accounts.borrow_mut().orders.pauses.insert(Arc::clone(site), held);
    }

    fn go_on(self: &Rc<Self>, site: &Arc<str>) {
        self.accounts.borrow_mut().orders.pauses.remove(site);
        let now = self.kernel.now();
        self.queue.borrow_mut().pause(site, None, now);
        self.sites.borrow_mut().dismiss_idle(site);
        self.dial();
    }

    /// Pauses that have ended by themselves are no longer told.
    pub(super) fn forget_pauses(&self) {
        let now = self.kernel.now();
        self.accounts.borrow_mut().orders.pauses.retain(|_, held| now < held.over);
    }
}

/// An order, to be told, with what a shard has of it where nobody has counted.
fn ordered(order: &Order, own: Load) -> Ordered<'_> {
    let About { site, domain, tenant, campaign, message, source } = &order.about;
    let is_counted = order.counted != Load::default();
    let Load { ready, waiting, .. } = if is_counted { order.counted } else { own };
    Ordered {
        verb: order.verb.name(),
        about: Subject {
            site: site.as_deref(),
            domain: domain.as_deref(),
            tenant: tenant.as_deref(),
            campaign: campaign.as_deref(),
            message: *message,
            source: source.as_deref(),
        },
        by: &order.by,
        reason: &order.reason,
        until: order.until,
        pool: order.elsewhere.pool.as_deref(),
        to: order.elsewhere.to.as_deref(),
        due: order.due,
        ready: ready as u64,
        waiting: waiting as u64,
    }
}

/// Whether mail for a domain, or a message for it, is what an order is about, at whatever site.
fn fits(about: &About, domain: &Domain, message: Option<MessageId>) -> bool {
    let meant = about.domain.as_deref();
    about.message.is_none_or(|id| message == Some(id))
        && meant.is_none_or(|meant| **domain == *meant)
        && is_of_flow(about, domain.flow())
}

/// The same, with the domain in our spelling.
fn in_our_words(about: &About) -> About {
    let domain = about.domain.as_deref().map(|name| {
        // Nothing is called what is no name.
        route::in_our_spelling(name).unwrap_or_else(|| name.to_owned()).into()
    });
    About { domain, ..about.clone() }
}
