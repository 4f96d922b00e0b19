//! What the home of a site does: lends its connections, deals out its mail, and takes all back.

use super::{DIVIDED_FOR, LENT_MAX, Loan, RECALLED_FOR};
use crate::Letter;
use crate::message::Delivery;
use crate::shard::Shard;
use crate::sites::LANES_MAX;
use event::Tick;
use kernel::Kernel;
use queue::{Queue, Shares, SiteIndex};
use route::SitePlan;
use std::rc::Rc;
use std::sync::Arc;

/// A site of which this shard, its home, has lent connections.
#[derive(Debug)]
pub(super) struct Lent {
    /// Where the mail goes that others carry. A site of several pools has one of them spread at a
    /// time.
    plan: Arc<SitePlan>,
    shares: Shares,
    /// Nothing is divided before.
    divided_until: Tick,
    /// All shares are to come back.
    is_recalled: bool,
}

impl<K: Kernel> Shard<K> {
    /// Very many deliveries are ready for a site: others are to help if this shard is its home, and
    /// all its connections are in use. Nobody helps with one that cannot be reached.
    pub(crate) fn spread(&self, index: SiteIndex) {
        let plan = Arc::clone(&self.sites.borrow().find(index).plan);
        let most = self.limits_of(&plan).connections_max;
        let shards = self.shards.len();
        // One with rates is not divided either: they are counted in one place.
        if self.gates.borrow().at(&plan.name).is_some() || self.is_rated(&plan) {
            return;
        }
        // A shard counts by itself how many connections each source of a pool has.
        let has_sources = plan
            .leaves_by
            .is_some_and(|pool| self.live.borrow().egress.pool(pool).sources.len() > 1);
        let is_home = route::home(&plan.name, shards) == self.index;
        let mut queue = self.queue.borrow_mut();
        let is_reached = queue.view(index).failures == 0;
        if shards < 2 || most < 2 || has_sources || !is_home || !is_reached {
            return;
        }
        let now = self.kernel.now();
        let lanes = queue.lanes(&plan.name);
        let all_used = |own: u16| lanes >= own || self.lanes.get() >= LANES_MAX;
        let loans = &mut *self.loans.borrow_mut();
        let room = loans.lent.len() < LENT_MAX;
        let lent = match loans.lent.get_mut(&plan.name) {
            Some(lent) => lent,
            None if room && all_used(most) => {
                let lent = Lent {
                    plan: Arc::clone(&plan),
                    shares: Shares::new(most, shards),
                    divided_until: Tick::ZERO,
                    is_recalled: false,
                };
                loans.lent.entry(Arc::clone(&plan.name)).or_insert(lent)
            }
            None => return,
        };
        let is_same = *lent.plan.pool == *plan.pool && lent.shares.most() == most;
        if is_same && !lent.is_recalled && now >= lent.divided_until && all_used(lent.shares.own())
        {
            lent.plan = plan;
            lent.shares.divide(self.index);
            lent.divided_until = now + DIVIDED_FOR;
            queue.limit(&lent.plan.name, Some(lent.shares.own()));
        }
    }

    /// Hands over what connections have ended, and forgets loans that are over. A site that may have
    /// more or fewer connections than when they were lent gets all back first.
    pub(super) fn tend_lent(&self, now: Tick) {
        let mut queue = self.queue.borrow_mut();
        let loans = &mut *self.loans.borrow_mut();
        let mut lent_in_all = 0;
        loans.lent.retain(|name, lent| {
            let most = self.limits_of(&lent.plan).connections_max;
            if most != lent.shares.most() {
                lent.shares.change(most);
                self.recall_lent(name, lent, &mut queue);
            }
            let lanes = queue.lanes(name);
            while let Some((shard, count)) = lent.shares.lend(lanes) {
                self.send_guest(shard, name, Loan::Lend(Arc::clone(&lent.plan), count));
            }
            lent_in_all += u64::from(lent.shares.lent());
            lent.is_recalled &= lent.shares.lent() > 0;
            let is_over = lent.shares.is_whole() && now >= lent.divided_until;
            if is_over {
                queue.limit(name, None);
            }
            !is_over
        });
        self.meters().connections_lent.set(lent_in_all);
    }

    /// Gives a shard that has a share so many of the deliveries whose turn is next, or half of them.
    pub(super) fn deal(&self, name: &Arc<str>, shard: usize, wanted: usize) {
        let plan = match self.loans.borrow().lent.get(name) {
            Some(lent) if !lent.is_recalled => Arc::clone(&lent.plan),
            // All its share is called back, and it asks for nothing more.
            _ => return,
        };
        let mut queue = self.queue.borrow_mut();
        let Some(index) = queue.find(&plan.pool) else {
            return self.send_guest(shard, name, Loan::Deal(plan, Vec::new()));
        };
        let count = wanted.min(queue.view(index).ready / 2);
        let deliveries: Vec<_> = (0..count).map_while(|_| queue.take(index)).collect();
        let recipients = deliveries.iter().map(|delivery| delivery.recipients.len() as u64).sum();
        let sites = self.sites.borrow();
        let site = sites.find(index);
        site.meters.queued.sub(recipients);
        // Its hosts may have other addresses than when it was first spread.
        self.send_guest(shard, name, Loan::Deal(Arc::clone(&site.plan), deliveries));
    }

    /// Connections of the sites of this name, wherever they are.
    pub(crate) fn lanes_of(&self, name: &str) -> u16 {
        let lent = self.loans.borrow().lent.get(name).map_or(0, |lent| lent.shares.lent());
        self.queue.borrow().lanes(name) + lent
    }

    /// Connections have come back.
    pub(super) fn returned(self: &Rc<Self>, name: &Arc<str>, shard: usize, count: u16) {
        if let Some(lent) = self.loans.borrow_mut().lent.get_mut(name) {
            lent.shares.returned(shard, count);
            self.queue.borrow_mut().limit(name, Some(lent.shares.own()));
        }
        self.dial();
    }

    /// Another shard could reach no host of a site: it is left alone, by all.
    pub(super) fn rest_everywhere(&self, name: &Arc<str>) {
        let pool = self.loans.borrow().lent.get(name).map(|lent| Arc::clone(&lent.plan.pool));
        let index = pool.and_then(|pool| self.queue.borrow().find(&pool));
        if let Some(index) = index {
            let (now, random) = (self.kernel.now(), self.kernel.random());
            self.queue.borrow_mut().rest(index, now, random);
        }
        self.recall_shares(name);
    }

    /// All shares of a site come back, and are kept for a while.
    pub(crate) fn recall_shares(&self, name: &Arc<str>) {
        if let Some(lent) = self.loans.borrow_mut().lent.get_mut(name) {
            self.recall_lent(name, lent, &mut self.queue.borrow_mut());
        }
    }

    fn recall_lent(&self, name: &Arc<str>, lent: &mut Lent, queue: &mut Queue<Delivery>) {
        lent.divided_until = self.kernel.now() + RECALLED_FOR;
        lent.shares.recall();
        queue.limit(name, Some(lent.shares.own()));
        if std::mem::replace(&mut lent.is_recalled, true) {
            return;
        }
        for shard in lent.shares.holders() {
            self.send_guest(shard, name, Loan::Recall);
        }
    }

    fn send_guest(&self, shard: usize, name: &Arc<str>, loan: Loan) {
        self.shards[shard].post(Letter::Loan(Arc::clone(name), loan));
    }
}
