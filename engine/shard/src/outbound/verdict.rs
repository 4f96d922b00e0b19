//! From what a peer said to what becomes of each recipient: done, again later, or never.

use super::approach::Passage;
use super::reading::{Said, Wish};
use super::stages::Stages;
use super::text::Transfer;
use crate::gates::sender_domain;
use crate::letter::{Letter, Report, Settled};
use crate::message::{Delivery, Message};
use crate::routing::local;
use crate::shard::Shard;
use event::{EgressMeters, Outcome, ReplyClass, Response, Tick, Wall};
use kernel::Kernel;
use policy::replies::{Provider, Stage};
use queue::SiteIndex;
use route::SitePlan;
use smallvec::{SmallVec, smallvec};
use smtp::client::Verdict;
use spool::Tried;
use std::net::{IpAddr, SocketAddr};
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
    /// The address of ours it saw.
    pub(super) source: IpAddr,
    /// What is counted of that address, if the settings name it.
    pub(super) meters: Option<Arc<EgressMeters>>,
    /// Whose host it is, if there are rules for that one.
    pub(super) provider: Option<Provider>,
    /// Messages that the connection had carried by then.
    pub(super) behind: u32,
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
    /// What the words were said to.
    stage: Option<Stage>,
}

/// When recipients are tried again that are spared for as long, and which.
struct Later {
    pause: Option<Duration>,
    again: Option<Again>,
    recipients: SmallVec<[u16; 8]>,
}

impl<K: Kernel> Shard<K> {
    /// Takes the verdicts of a transaction. Recipients that were not tried go back to the
    /// front of the queue, and it costs them nothing. Whether the host asks that its connection be left.
    pub(super) fn conclude(
        self: &Rc<Self>,
        index: SiteIndex,
        host: Host,
        transfer: Transfer,
        mut verdicts: Vec<Verdict>,
        stages: &Stages,
    ) -> bool {
        self.carried(index);
        self.spare_surplus(host.peer, &mut verdicts);
        let Transfer { mut delivery, message, broken, started, sent, .. } = transfer;
        if let Some(error) = broken.take() {
            // No final dot left: whatever the connection said, nobody has this message.
            self.unreadable(index, delivery, &error);
            return false;
        }
        let mut fates = Vec::with_capacity(verdicts.len());
        let mut untried: SmallVec<[u16; 8]> = SmallVec::new();
        for (at, (&recipient, verdict)) in delivery.recipients.iter().zip(verdicts).enumerate() {
            match fate(recipient, verdict) {
                Some(fate) => fates.push(Fate { stage: stages.of(at), ..fate }),
                None => untried.push(recipient),
            }
        }
        if !untried.is_empty() {
            self.take_back(index, delivery.only(&untried));
        }
        delivery.message = Some(message);
        let sent = sent.get();
        let attempt = Attempt { delivery, index: Some(index), host: Some(host), started, sent };
        self.report(attempt, fates)
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
                stage: None,
            })
            .collect();
        let now = self.kernel.now();
        let attempt = Attempt { delivery, index, host: None, started: now, sent: Tick::ZERO };
        // Nobody's connection is meant.
        let _ = self.report(attempt, fates);
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
        let plan = Arc::clone(&self.sites.borrow().find(index).plan);
        let is_old = |delivery: &Delivery| self.expires(delivery, Some(&plan)) <= wall;
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

    /// Tells the owner, and keeps what is to be tried again. Whether the host asks that its connection
    /// be left.
    fn report(self: &Rc<Self>, attempt: Attempt, fates: Vec<Fate>) -> bool {
        if fates.is_empty() {
            return false;
        }
        let plan = attempt.index.map(|index| Arc::clone(&self.sites.borrow().find(index).plan));
        let (verdicts, later, leaves) = self.weigh(&attempt, plan.as_deref(), fates);
        let Attempt { delivery, index, host, started, sent } = attempt;
        let now = self.kernel.now();
        let stages = event::Stages {
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
        let site =
            index.map_or_else(|| Arc::from(""), |index| self.count_at_site(index, &verdicts));
        if let Some(meters) = host.as_ref().and_then(|host| host.meters.as_ref()) {
            for settled in &verdicts {
                meters.count(settled.outcome);
            }
        }
        self.put_off(&delivery, tried, later, index.map(|_| &site));
        if let Some(index) = index {
            self.note_replies(index, host.as_ref(), delivery.id(), &verdicts);
        }
        let expires = self.expires(&delivery, plan.as_deref());
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
            expires,
            stages,
            verdicts,
        };
        self.post(self.owner(id), Letter::Report(Box::new(report)));
        leaves
    }

    /// What becomes of each recipient, and when those are tried again that are. Whether the host asks
    /// that its connection be left.
    fn weigh(
        self: &Rc<Self>,
        attempt: &Attempt,
        plan: Option<&SitePlan>,
        fates: Vec<Fate>,
    ) -> (Vec<Settled>, SmallVec<[Later; 1]>, bool) {
        let Attempt { delivery, index, host, .. } = attempt;
        let message = delivery.message.as_deref();
        let mut later: SmallVec<[Later; 1]> = SmallVec::new();
        let (mut leaves, mut is_slowed) = (false, false);
        let verdicts = fates.into_iter().map(|mut fate| {
            let (class, wish) = self.judge(*index, host.as_ref(), message, &fate);
            leaves |= wish.leaves;
            is_slowed |= wish.is_wide;
            if wish.fails && fate.outcome == Outcome::Deferred {
                fate.outcome = Outcome::Failed;
            }
            let recipient = (delivery, plan, fate.recipient);
            let is_put_off = fate.outcome == Outcome::Deferred;
            let again = is_put_off.then(|| self.later(&mut later, recipient, wish.pause)).flatten();
            settle(fate, again, class)
        });
        let verdicts = verdicts.collect();
        if let (Some(index), Some(_), false) = (index, host, is_slowed) {
            self.took(*index);
        }
        (verdicts, later, leaves)
    }

    /// Why a recipient was not taken, if it was not; and what the host asks for.
    fn judge(
        self: &Rc<Self>,
        index: Option<SiteIndex>,
        host: Option<&Host>,
        message: Option<&Message>,
        fate: &Fate,
    ) -> (Option<ReplyClass>, Wish) {
        match (fate.outcome, index, host) {
            (Outcome::Delivered, Some(index), Some(host)) => {
                self.worked(index, host.source, message);
                (None, Wish::default())
            }
            (Outcome::Delivered | Outcome::Dropped, ..) => (None, Wish::default()),
            _ => {
                let sender = message.map(|message| sender_domain(&message.envelope));
                let (response, stage) = (&fate.response, fate.stage);
                let behind =
                    host.filter(|_| stage == Some(Stage::Mail)).map_or(0, |host| host.behind);
                let sender = sender.as_deref();
                let said = Said { response, stage, sender, behind };
                let (class, wish) = self.hear(index, host, said);
                (Some(class), wish)
            }
        }
    }

    /// When a recipient is tried again, which is the same for all that are spared for as long.
    fn later(
        &self,
        all: &mut SmallVec<[Later; 1]>,
        (delivery, plan, recipient): (&Delivery, Option<&SitePlan>, u16),
        pause: Option<Duration>,
    ) -> Option<Again> {
        if let Some(same) = all.iter_mut().find(|later| later.pause == pause) {
            same.recipients.push(recipient);
            return same.again;
        }
        let again = self.again(delivery, plan, pause);
        all.push(Later { pause, again, recipients: smallvec![recipient] });
        again
    }

    /// Keeps what is to be tried again.
    fn put_off(
        &self,
        delivery: &Delivery,
        tried: Tried,
        all: SmallVec<[Later; 1]>,
        site: Option<&Arc<str>>,
    ) {
        for Later { again, recipients, .. } in all {
            let Some(again) = again else { continue };
            let mut later = delivery.only(&recipients);
            later.tried = tried;
            later.message = None;
            self.keep_until(again.tick, later, site);
        }
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
        let live = self.live.borrow();
        let notice = live.schedule(delivery.domain.flow().class(), None).delay_notice;
        delivery.accepted() + notice <= self.kernel.wall()
    }

    /// When the time of a delivery to a site is up, or to one that is not known.
    pub(crate) fn expires(&self, delivery: &Delivery, plan: Option<&SitePlan>) -> Wall {
        let live = self.live.borrow();
        live.schedule(delivery.domain.flow().class(), plan).expires(delivery.accepted())
    }

    /// When a delivery would be tried again, spared for so long; or `None` if its time is up.
    fn again(
        &self,
        delivery: &Delivery,
        plan: Option<&SitePlan>,
        pause: Option<Duration>,
    ) -> Option<Again> {
        let (accepted, now) = (delivery.accepted(), self.kernel.wall());
        let attempts = delivery.tried.again(false).count();
        let (live, random) = (self.live.borrow(), self.kernel.random());
        let schedule = live.schedule(delivery.domain.flow().class(), plan);
        let wall = schedule.next((accepted, now), attempts, pause, random)?;
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
    Some(Fate { recipient, outcome, response, duplicate_possible, stage: None })
}

fn settle(fate: Fate, again: Option<Again>, class: Option<ReplyClass>) -> Settled {
    let Fate { recipient, outcome, response, duplicate_possible, .. } = fate;
    let (outcome, next) = match (outcome, again) {
        (Outcome::Deferred, Some(again)) => (Outcome::Deferred, Some(again.wall)),
        (Outcome::Deferred, None) => (Outcome::Expired, None),
        (other, _) => (other, None),
    };
    Settled { recipient, outcome, response, class, next, duplicate_possible }
}
