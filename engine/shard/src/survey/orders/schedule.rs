//! What waits is put off until a time that an operator says.
//!
//! That is written down as of all that is put off, but no attempt is counted. Mail whose own time is up
//! before then has its last try when it is, as ever.

use crate::message::Delivery;
use crate::recipients::Recipients;
use crate::routing::Way;
use crate::shard::Shard;
use event::{EnhancedCode, MessageId, Tick, Wall};
use kernel::Kernel;
use spool::{Answer, Deferral, Tried};
use std::rc::Rc;
use std::sync::Arc;

/// Recipients of a message that an operator has put off.
#[derive(Debug)]
pub struct Scheduled {
    id: MessageId,
    recipients: Recipients,
    tried: Tried,
    due: Wall,
}

/// When what fits is to be due, and one moment by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) due: Wall,
    now: Tick,
    wall: Wall,
}

impl Times {
    /// A moment on the wall, by our own clock: always the same.
    pub(super) fn tick(self, at: Wall) -> Tick {
        self.now + at.since(self.wall)
    }
}

impl<K: Kernel> Shard<K> {
    pub(super) fn times(&self, due: Option<Wall>) -> Option<Times> {
        Some(Times { due: due?, now: self.kernel.now(), wall: self.kernel.wall() })
    }

    /// When a delivery is due then; `None` if its own time is up already, and it stays as it is.
    pub(super) fn due_by(&self, times: Times, delivery: &Delivery) -> Option<Wall> {
        let plan = match self.known_way(&delivery.domain, Some(delivery.id())) {
            Way::Site(plan) | Way::Renewed(plan, _) => Some(plan),
            _ => None,
        };
        let expires = self.expires(delivery, plan.as_deref());
        (times.wall < expires).then(|| times.due.min(expires))
    }

    /// Puts off what was taken out of where it waited for a site.
    pub(super) fn put_off_until(
        self: &Rc<Self>,
        mut delivery: Delivery,
        site: &Arc<str>,
        times: Times,
    ) {
        let due = self.due_by(times, &delivery).unwrap_or(times.wall);
        let (id, tried, recipients) = (delivery.id(), delivery.tried, delivery.recipients.clone());
        let scheduled = Scheduled { id, recipients, tried, due };
        self.post(self.owner(id), crate::Letter::Scheduled(Box::new(scheduled)));
        delivery.message = None;
        self.keep_until(times.tick(due), delivery, (!site.is_empty()).then_some(site));
    }

    /// Writes down when recipients of a message of ours are due, if they are open.
    pub(crate) fn note_scheduled(&self, scheduled: &Scheduled) {
        let Scheduled { id, recipients, tried, due } = scheduled;
        let journal = self.journal_of(*id);
        let first = recipients.first().copied().unwrap_or_default();
        let Some(known) = journal.standing_at(*id, first) else { return };
        // The higher number of attempts counts on disk, and of two with as many the later time. An order
        // before this one may have counted one there.
        let told = Tried::from_number(known.attempt);
        let tried = if tried.count() < told.count() { told } else { *tried };
        let tried = if *due < known.due { tried.again(tried.is_late()) } else { tried };
        let enhanced = Some(EnhancedCode { class: 4, subject: 7, detail: 1 });
        let answer = Answer { code: 451, enhanced, peer: None };
        let (id, recipients, attempt, due) = (*id, &**recipients, tried.number(), *due);
        journal.defer(&Deferral { id, recipients, attempt, due, answer });
    }
}
