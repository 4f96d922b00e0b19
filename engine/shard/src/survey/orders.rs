//! What an operator orders: a site, a tenant or a campaign is paused or goes on, a site is tried at once;
//! a source of ours is taken out of use; what waits is given up.
//!
//! What goes through all that waits is done by one task, one order after the other.

mod drops;
mod flows;
mod flush;
mod sources;
mod sweep;

use super::Tell;
use crate::shard::Shard;
use drops::Ending;
use event::{Event, Ordered, Subject, Tick, Wall};
use kernel::Kernel;
use policy::survey::{About, Answer, Limiter, Load, ORDER_MAX, Order, Verb};
use queue::Hold;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use sweep::Sweep;

/// Between two slices of what waits.
const PAUSE: Duration = Duration::from_millis(1);
/// With so many that go through all that waits nothing more is obeyed, and whoever orders it hears that this
/// shard does not answer.
const JOBS_MAX: usize = 1_000;

/// Orders that hold, or are being carried out.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// By site.
    pauses: BTreeMap<Arc<str>, Held>,
    /// Flows that have no turn.
    flows: BTreeMap<Hold, Held>,
    /// Sources that are out of use.
    disabled: BTreeMap<About, Held>,
    /// When the first of these two is over.
    ends: Option<Tick>,
    /// What goes through all that waits, the first of which is being done.
    jobs: VecDeque<Job>,
}

/// Something that goes through all that waits.
enum Job {
    /// What waits for this site is tried.
    Flush(Arc<str>),
    /// What fits is counted, or given up.
    Sweep(Box<Sweep>),
    /// The one that is being done.
    Begun,
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
        self.ends = all.map(|held| held.over).min();
    }

    /// Forgets what is over, if anything is: flows, and whether sources are.
    fn end(&mut self, now: Tick) -> (Vec<Hold>, bool) {
        if self.ends.is_none_or(|ends| now < ends) {
            return (Vec::new(), false);
        }
        let before = self.disabled.len();
        self.disabled.retain(|_, held| now < held.over);
        let flows = self.flows.extract_if(.., |_, held| held.over <= now);
        let flows = flows.map(|(hold, _)| hold).collect();
        self.set_end();
        (flows, self.disabled.len() < before)
    }
}

impl<K: Kernel> Shard<K> {
    /// Does what is ordered, or counts what it would be about, and says so. What goes through all that
    /// waits is only begun.
    pub(super) fn take_order(self: &Rc<Self>, order: &Order, tell: Tell) {
        if self.accounts.borrow().orders.jobs.len() >= JOBS_MAX {
            return;
        }
        if order.is_dry && order.is_counted_by_sweep() {
            if !self.is_known(order) {
                return tell(Answer::Order(None));
            }
            if let Some(load) = self.counted(&order.about) {
                return tell(Answer::Order(Some(load)));
            }
            return self.begin(Job::Sweep(Box::new(Sweep::counting(&order.about, tell))));
        }
        if !order.verb.sweeps() {
            return tell(Answer::Order(self.obey(order)));
        }
        self.tell_order(order, Load::default());
        tell(Answer::Order(Some(Load::default())));
        let sweep = Sweep::giving_up(&order.about, Ending::of(order));
        self.begin(Job::Sweep(Box::new(sweep)));
    }

    /// Whether there is what an order is about that is counted by going through all that waits.
    fn is_known(&self, order: &Order) -> bool {
        match order.verb {
            Verb::Resume => {
                self.accounts.borrow().orders.flows.contains_key(&flows::hold(&order.about))
            }
            _ => order.about.site.as_deref().is_none_or(|site| self.load_of(site).is_some()),
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
            (Verb::Flush, Some(site)) => self.flush(site),
            (Verb::DisableSource, _) => self.disable(order),
            (Verb::EnableSource, _) => self.enable(&order.about),
            (Verb::Pause, None) => self.pause_flow(order),
            (Verb::Resume, None) => self.resume_flow(&flows::hold(&order.about)),
            (Verb::Flush, None) => (),
            (Verb::Drop | Verb::Bounce, _) => unreachable!("it sweeps"),
        }
        self.tell_order(order, load.unwrap_or_default());
        load
    }

    /// Has something done that goes through all that waits.
    fn begin(self: &Rc<Self>, job: Job) {
        let was_idle = {
            let jobs = &mut self.accounts.borrow_mut().orders.jobs;
            jobs.push_back(job);
            jobs.len() == 1
        };
        if was_idle {
            self.kernel.spawn(work(Rc::clone(self)));
        }
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
        let About { site, domain, tenant, campaign, message, source } = &order.about;
        let is_counted = order.counted != Load::default();
        let Load { ready, waiting, .. } = if is_counted { order.counted } else { own };
        self.tell(&Event::Ordered(Ordered {
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
            ready: ready as u64,
            waiting: waiting as u64,
        }));
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
        let (flows, sources) = self.accounts.borrow_mut().orders.end(now);
        for hold in &flows {
            self.let_go(hold);
        }
        if sources {
            self.review_sources();
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

/// Does one job after the other.
async fn work<K: Kernel>(shard: Rc<Shard<K>>) {
    loop {
        let first = {
            let jobs = &mut shard.accounts.borrow_mut().orders.jobs;
            jobs.front_mut().map(|job| std::mem::replace(job, Job::Begun))
        };
        match first {
            Some(Job::Flush(site)) => flush::flush(&shard, &site).await,
            Some(Job::Sweep(sweep)) => sweep::sweep(&shard, *sweep).await,
            Some(Job::Begun) | None => return,
        }
        shard.accounts.borrow_mut().orders.jobs.pop_front();
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flush(_) => "Flush",
            Self::Sweep(_) => "Sweep",
            Self::Begun => "Begun",
        })
    }
}
