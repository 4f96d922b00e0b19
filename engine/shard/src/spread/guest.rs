//! What a shard does that has a share of a site's connections and is not its home.

use super::{ASK_PAUSE, FEW, IDLE, KEPT_MAX, Loan};
use crate::Letter;
use crate::message::Delivery;
use crate::shard::Shard;
use event::Tick;
use kernel::Kernel;
use queue::Share;
use route::SitePlan;
use std::rc::Rc;
use std::sync::Arc;

/// A site of which this shard has borrowed connections.
#[derive(Debug)]
pub(super) struct Borrowed {
    plan: Arc<SitePlan>,
    share: Share,
    /// The home is not asked for mail before; never, while it is being asked.
    asks_at: Tick,
    /// Since when there has been nothing to do.
    idle_since: Option<Tick>,
}

impl<K: Kernel> Shard<K> {
    /// Connections have come.
    pub(super) fn borrow(self: &Rc<Self>, name: &Arc<str>, plan: Arc<SitePlan>, count: u16) {
        let now = self.kernel.now();
        let loans = &mut *self.loans.borrow_mut();
        let borrowed = loans.borrowed.entry(Arc::clone(name)).or_insert_with(|| Borrowed {
            plan: Arc::clone(&plan),
            share: Share::default(),
            asks_at: now,
            idle_since: None,
        });
        borrowed.plan = plan;
        borrowed.share.lent(count);
        let mut queue = self.queue.borrow_mut();
        // Its home reaches it, whatever was the matter when it was last reached from here.
        if let Some(index) = queue.find(&borrowed.plan.pool) {
            queue.well(index);
        }
        queue.limit(name, Some(borrowed.share.own()));
    }

    /// Whether a delivery that this shard has routed is for it to carry.
    pub(crate) fn keeps(&self, plan: &SitePlan) -> bool {
        let loans = self.loans.borrow();
        let Some(borrowed) = loans.borrowed.get(&plan.name) else { return false };
        let is_ours = borrowed.share.own() > 0 && *borrowed.plan.pool == *plan.pool;
        is_ours && self.waiting(&borrowed.plan) < KEPT_MAX
    }

    /// A lane has taken something: asks the home of its site for more if little is left.
    pub(crate) fn ask_for_more(&self, index: queue::SiteIndex) {
        let loans = &mut *self.loans.borrow_mut();
        if loans.borrowed.is_empty() {
            return;
        }
        let name = self.site_name(index);
        if let Some(borrowed) = loans.borrowed.get_mut(&name) {
            self.ask_home(&name, borrowed);
        }
    }

    fn ask_home(&self, name: &Arc<str>, borrowed: &mut Borrowed) {
        let now = self.kernel.now();
        if borrowed.share.own() == 0 || now < borrowed.asks_at {
            return;
        }
        let waiting = self.waiting(&borrowed.plan);
        if waiting < FEW {
            borrowed.asks_at = Tick::NEVER;
            self.send_home(name, Loan::Ask(self.index, KEPT_MAX - waiting));
        }
    }

    /// The home has answered.
    pub(super) fn dealt(
        self: &Rc<Self>,
        name: &Arc<str>,
        plan: &Arc<SitePlan>,
        deliveries: Vec<Delivery>,
    ) {
        let has_share = match self.loans.borrow_mut().borrowed.get_mut(name) {
            Some(borrowed) => {
                let now = self.kernel.now();
                borrowed.asks_at = if deliveries.is_empty() { now + ASK_PAUSE } else { now };
                !borrowed.share.is_over()
            }
            None => false,
        };
        for delivery in deliveries {
            if has_share {
                self.line_up(plan, delivery);
            } else {
                self.send_back(name, plan, delivery);
            }
        }
    }

    /// The share is to go back, and what waits for it.
    pub(crate) fn end_share(&self, name: &Arc<str>) {
        let loans = &mut *self.loans.borrow_mut();
        let Some(borrowed) = loans.borrowed.get_mut(name) else { return };
        borrowed.share.end();
        self.queue.borrow_mut().limit(name, Some(0));
        self.sites.borrow_mut().dismiss_idle(name);
    }

    /// Gives back what there is nothing to do for, and asks for something to do.
    pub(super) fn tend_borrowed(&self, now: Tick) {
        let loans = &mut *self.loans.borrow_mut();
        loans.borrowed.retain(|name, borrowed| {
            if borrowed.share.is_over() {
                self.send_all_back(name, &borrowed.plan);
            }
            let waiting = self.waiting(&borrowed.plan);
            let mut queue = self.queue.borrow_mut();
            let lanes = queue.lanes(name);
            if borrowed.is_spare(waiting, now) {
                let count = borrowed.share.give_back(lanes);
                if count > 0 {
                    queue.limit(name, Some(borrowed.share.own()));
                    self.send_home(name, Loan::Return(self.index, count));
                }
            }
            let is_over = borrowed.share.is_empty() && lanes == 0 && waiting == 0;
            if is_over {
                queue.limit(name, None);
                return false;
            }
            drop(queue);
            self.ask_home(name, borrowed);
            true
        });
    }

    /// Deliveries that wait here.
    fn waiting(&self, plan: &SitePlan) -> usize {
        let queue = self.queue.borrow();
        queue.find(&plan.pool).map_or(0, |index| queue.view(index).ready_or_held())
    }

    fn send_all_back(&self, name: &Arc<str>, plan: &SitePlan) {
        let mut queue = self.queue.borrow_mut();
        let Some(index) = queue.find(&plan.pool) else { return };
        let sites = self.sites.borrow();
        let site = sites.find(index);
        for delivery in queue.drain_ready(index, |_| true) {
            site.meters.queued.sub(delivery.recipients.len() as u64);
            self.send_back(name, &site.plan, delivery);
        }
    }

    fn send_back(&self, name: &Arc<str>, plan: &Arc<SitePlan>, delivery: Delivery) {
        let home = route::home(name, self.shards.len());
        self.shards[home].post(Letter::Deliver(Arc::clone(plan), delivery));
    }
}

impl Borrowed {
    /// Whether connections that are not in use go back, with so many deliveries waiting.
    fn is_spare(&mut self, waiting: usize, now: Tick) -> bool {
        if waiting > 0 {
            self.idle_since = None;
        }
        let since = *self.idle_since.get_or_insert(now);
        // What it asked for may be on its way.
        let is_asking = self.asks_at == Tick::NEVER;
        self.share.is_over() || (!is_asking && now.since(since) >= IDLE)
    }
}
