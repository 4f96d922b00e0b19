//! Mail that an operator gives up: each recipient gets a final record and a line in the log, that says
//! who gave it up and why.
//!
//! It is done at the pace of the log that records it: of so many at a time, read back for the sake of
//! their names where they are not in memory. What a crash or a stop leaves undone is open on disk, and
//! goes on.

use super::PAUSE;
use crate::letter::{Letter, Report, Settled};
use crate::message::{Delivery, Message};
use crate::routing::local;
use crate::shard::Shard;
use event::{Outcome, ReplyClass, Response, Stages, Tick};
use kernel::Kernel;
use policy::survey::{Order, Verb};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The most given up between two pauses.
pub(super) const GIVEN_UP_MAX: usize = 128;
/// The most reports to senders that wait to be written before more is given up.
const BOUNCES_MAX: u64 = 512;
/// How long they are waited for, at a time.
const BOUNCES_PAUSE: Duration = Duration::from_millis(10);

/// What becomes of what is given up.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    outcome: Outcome,
    response: Response,
}

impl Ending {
    pub(super) fn of(order: &Order) -> Self {
        // What senders are told names nobody: that is for the log.
        let (outcome, who) = match order.verb {
            Verb::Bounce => (Outcome::Failed, "an operator"),
            _ => (Outcome::Dropped, &*order.by),
        };
        let text = format!("given up by {who}: {}", order.reason);
        Self { outcome, response: local(554, (5, 7, 1), &text) }
    }
}

impl<K: Kernel> Shard<K> {
    /// Gives up a delivery that was taken out of where it waited for a site.
    pub(super) async fn give_up(
        self: &Rc<Self>,
        mut delivery: Delivery,
        site: &Arc<str>,
        ending: &Ending,
    ) {
        let owner = self.owner(delivery.id());
        let bounces = &self.all_meters.shard(owner).bounces_waiting;
        while ending.outcome == Outcome::Failed && bounces.get() > BOUNCES_MAX && !self.draining() {
            self.kernel.sleep_until(self.kernel.now() + BOUNCES_PAUSE).await;
        }
        self.remember(&mut delivery).await;
        if self.draining() {
            // It is open on disk. Who settles may have ended.
            return;
        }
        let report = self.given_up(delivery, site, ending);
        self.post(owner, Letter::Report(Box::new(report)));
    }

    /// Reads a message back for its names, unless it is in memory. Where that fails its owner does it.
    async fn remember(&self, delivery: &mut Delivery) {
        if delivery.message.is_none()
            && let Ok(loaded) =
                self.reader(delivery.id().log).load(delivery.id(), &delivery.spot).await
        {
            let message = Message::loaded(loaded.envelope, &delivery.spot);
            delivery.message = Some(Arc::new(message));
        }
    }

    fn given_up(&self, delivery: Delivery, site: &Arc<str>, ending: &Ending) -> Report {
        let now = self.kernel.now();
        let settled = |&recipient: &u16| Settled {
            recipient,
            outcome: ending.outcome,
            response: ending.response.clone(),
            class: (ending.outcome == Outcome::Failed).then_some(ReplyClass::PolicyRelated),
            next: None,
            duplicate_possible: false,
        };
        let stages = Stages {
            accepted: delivery.accepted(),
            received: delivery.message.as_ref().and_then(|message| message.received),
            queued: delivery.queued(now),
            started: now,
            sent: Tick::ZERO,
            answered: now,
            settled: Tick::ZERO,
        };
        Report {
            id: delivery.id(),
            site: Arc::clone(site),
            peer: None,
            passage: None,
            passed_on: false,
            tried: delivery.tried,
            turned_late: false,
            expires: self.expires(&delivery, None),
            stages,
            verdicts: delivery.recipients.iter().map(settled).collect(),
            message: delivery.message,
        }
    }

    /// Between two slices.
    pub(super) async fn pause_briefly(&self) {
        self.kernel.sleep_until(self.kernel.now() + PAUSE).await;
    }
}
