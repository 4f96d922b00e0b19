//! From what a peer said to what becomes of each recipient: done, again later, or never.

use super::approach::Passage;
use super::text::Transfer;
use crate::letter::{Letter, Report, Settled};
use crate::message::Delivery;
use crate::routing::local;
use crate::shard::Shard;
use event::{Outcome, ReplyClass, Response, Stages, Tick, Wall};
use kernel::Kernel;
use queue::SiteIndex;
use smallvec::SmallVec;
use smtp::client::Verdict;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long a delivery waits for a site that cannot be reached before DNS is asked again.
const REROUTE_AFTER: Duration = Duration::from_mins(10);

/// Who was spoken to.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) peer: SocketAddr,
    /// It was told what the sender asked, and reports itself.
    pub(super) reports: bool,
    /// How it was reached.
    pub(super) passage: Option<Arc<Passage>>,
}

/// One attempt, from where it was made.
struct Attempt {
    delivery: Delivery,
    index: Option<SiteIndex>,
    host: Option<Host>,
    started: Tick,
    sent: Tick,
}

/// What becomes of one recipient, and in whose words.
struct Fate {
    recipient: u16,
    outcome: Outcome,
    response: Response,
    duplicate_possible: bool,
}

impl<K: Kernel> Shard<K> {
    /// Takes the verdicts of a transaction. Recipients that were not tried go back to the
    /// front of the queue, and it costs them nothing.
    pub(super) fn conclude(
        self: &Rc<Self>,
        index: SiteIndex,
        host: Host,
        transfer: Transfer,
        verdicts: Vec<Verdict>,
    ) {
        self.carrying.set(self.carrying.get() - 1);
        let Transfer { mut delivery, message, broken, started, sent, .. } = transfer;
        if let Some(error) = broken.take() {
            // No final dot left: whatever the connection said, nobody has this message.
            return self.unreadable(index, delivery, &error);
        }
        let mut fates = Vec::with_capacity(verdicts.len());
        let mut untried: SmallVec<[u16; 8]> = SmallVec::new();
        for (&recipient, verdict) in delivery.recipients.iter().zip(verdicts) {
            match fate(recipient, verdict) {
                Some(fate) => fates.push(fate),
                None => untried.push(recipient),
            }
        }
        if !untried.is_empty() {
            self.queue.borrow_mut().again(index, delivery.only(&untried));
        }
        delivery.message = Some(message);
        let sent = sent.get();
        let attempt = Attempt { delivery, index: Some(index), host: Some(host), started, sent };
        self.report(attempt, fates);
    }

    /// All recipients of a delivery meet the same end, without a peer.
    pub(crate) fn conclude_all(
        self: &Rc<Self>,
        delivery: Delivery,
        index: Option<SiteIndex>,
        outcome: Outcome,
        response: &Response,
    ) {
        let fates = delivery
            .recipients
            .iter()
            .map(|&recipient| Fate {
                recipient,
                outcome,
                response: response.clone(),
                duplicate_possible: false,
            })
            .collect();
        let now = self.kernel.now();
        let attempt = Attempt { delivery, index, host: None, started: now, sent: Tick::ZERO };
        self.report(attempt, fates);
    }

    /// All recipients of a delivery are tried again later, or have run out of time.
    pub(crate) fn postpone_all(
        self: &Rc<Self>,
        delivery: Delivery,
        index: Option<SiteIndex>,
        response: &Response,
    ) {
        self.conclude_all(delivery, index, Outcome::Deferred, response);
    }

    /// Gives up what waits for a site that cannot be reached and has run out of time.
    pub(crate) fn expire_ready(self: &Rc<Self>, index: SiteIndex, response: &Response) {
        let wall = self.kernel.wall();
        let is_old = |delivery: &Delivery| self.schedule.expires(delivery.accepted()) <= wall;
        let old = self.queue.borrow_mut().drain_ready(index, is_old);
        for delivery in old {
            self.conclude_all(delivery, Some(index), Outcome::Expired, response);
        }
    }

    /// Routes what has waited long for a site that cannot be reached once more: its domains may
    /// have moved to other hosts meanwhile, which is another site.
    pub(super) fn reroute_ready(self: &Rc<Self>, index: SiteIndex) {
        let now = self.kernel.now();
        let waited = |delivery: &Delivery| now.since(delivery.queued(now)) > REROUTE_AFTER;
        let waiting = self.queue.borrow_mut().drain_ready(index, waited);
        for delivery in waiting {
            let recipients = delivery.recipients.len() as u64;
            self.sites.borrow().find(index).meters.queued.sub(recipients);
            self.route(delivery);
        }
    }

    /// Tells the owner, and keeps what is to be tried again.
    fn report(self: &Rc<Self>, attempt: Attempt, fates: Vec<Fate>) {
        if fates.is_empty() {
            return;
        }
        let Attempt { delivery, index, host, started, sent } = attempt;
        let again = self.again(&delivery);
        let mut deferred: SmallVec<[u16; 8]> = SmallVec::new();
        let verdicts: Vec<Settled> = fates
            .into_iter()
            .map(|fate| {
                let class = self.class(index, host.as_ref(), fate.outcome, &fate.response);
                let settled = settle(fate, again, class);
                if settled.outcome == Outcome::Deferred {
                    deferred.push(settled.recipient);
                }
                settled
            })
            .collect();
        let now = self.kernel.now();
        let stages = Stages {
            accepted: delivery.accepted(),
            received: delivery.message.as_ref().and_then(|message| message.received),
            queued: delivery.queued(now),
            started,
            sent,
            answered: now,
            settled: Tick::ZERO,
        };
        let tried = delivery.tried.again(self.is_late(&delivery));
        let turned_late = tried.is_late() && !delivery.tried.is_late();
        if let (Some(again), false) = (again, deferred.is_empty()) {
            let mut later = delivery.only(&deferred);
            later.tried = tried;
            later.message = None;
            self.queue.borrow_mut().defer(again.tick, later);
        }
        let site =
            index.map_or_else(|| Arc::from(""), |index| self.count_at_site(index, &verdicts));
        let (id, message) = (delivery.id(), delivery.message);
        let peer = host.as_ref().map(|host| host.peer);
        let passed_on = host.as_ref().is_some_and(|host| host.reports);
        let passage = host.and_then(|host| host.passage);
        let report = Report {
            id,
            message,
            site,
            peer,
            passage,
            passed_on,
            tried,
            turned_late,
            stages,
            verdicts,
        };
        self.post(self.owner(id), Letter::Report(Box::new(report)));
    }

    /// Counts what left a site's queue, and how. Its name, for the log.
    fn count_at_site(&self, index: SiteIndex, verdicts: &[Settled]) -> Arc<str> {
        let sites = self.sites.borrow();
        let site = sites.find(index);
        site.meters.queued.sub(verdicts.len() as u64);
        for settled in verdicts {
            site.meters.count(settled.outcome);
        }
        Arc::clone(&site.name)
    }

    /// Whether a sender who asked to hear of delays would want to by now.
    fn is_late(&self, delivery: &Delivery) -> bool {
        delivery.accepted() + self.schedule.delay_notice <= self.kernel.wall()
    }

    /// When a delivery would be tried again, or `None` if its time is up.
    fn again(&self, delivery: &Delivery) -> Option<Again> {
        let (accepted, now) = (delivery.accepted(), self.kernel.wall());
        let attempts = delivery.tried.again(false).count();
        let wall = self.schedule.next(accepted, attempts, now, self.kernel.random())?;
        Some(Again { tick: self.kernel.now() + wall.since(now), wall })
    }
}

#[derive(Clone, Copy)]
struct Again {
    tick: Tick,
    wall: Wall,
}

fn fate(recipient: u16, verdict: Verdict) -> Option<Fate> {
    let (outcome, response, duplicate_possible) = match verdict {
        Verdict::Delivered(response) => (Outcome::Delivered, response, false),
        Verdict::Deferred(response) => (Outcome::Deferred, response, false),
        Verdict::Failed(response) => (Outcome::Failed, response, false),
        Verdict::Unknown => {
            let words = "the connection was lost after the text was sent and before its answer";
            (Outcome::Deferred, local(451, (4, 4, 2), words), true)
        }
        Verdict::NotTried => return None,
    };
    Some(Fate { recipient, outcome, response, duplicate_possible })
}

fn settle(fate: Fate, again: Option<Again>, class: Option<ReplyClass>) -> Settled {
    let Fate { recipient, outcome, response, duplicate_possible } = fate;
    let (outcome, next) = match (outcome, again) {
        (Outcome::Deferred, Some(again)) => (Outcome::Deferred, Some(again.wall)),
        (Outcome::Deferred, None) => (Outcome::Expired, None),
        (other, _) => (other, None),
    };
    Settled { recipient, outcome, response, class, next, duplicate_possible }
}
