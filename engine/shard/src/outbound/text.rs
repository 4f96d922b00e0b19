//! Where the text of a delivery comes from: memory while it is young, else the spool.

use crate::journal::ReadError;
use crate::letter::Letter;
use crate::message::Delivery;
use crate::routing::local;
use crate::shard::Shard;
use event::{Outcome, Tick};
use kernel::{Chunk, Kernel};
use queue::SiteIndex;
use spool::Text;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A delivery on a lane.
pub(crate) struct Transfer {
    pub(super) delivery: Delivery,
    pub(super) source: Source,
    /// Why the text could not be read to its end, if so: its final dot never left.
    pub(super) broken: Rc<RefCell<Option<ReadError>>>,
    pub(super) started: Tick,
    /// When its text was handed to the system.
    pub(super) sent: Cell<Tick>,
}

/// Where its text is.
#[derive(Clone)]
pub(super) enum Source {
    /// All of it in memory.
    Memory(Chunk),
    /// Too large to be held at once: the first part, and where the others are.
    Disk(Chunk, Text),
}

impl<K: Kernel> Shard<K> {
    /// Finds the text of a delivery. `None` if it is not ours to send just now; the delivery
    /// is then taken care of.
    pub(super) async fn prepare(
        self: &Rc<Self>,
        index: SiteIndex,
        delivery: Delivery,
    ) -> Option<Transfer> {
        let source = match self.source(&delivery).await {
            Ok(source) => source,
            Err(error) => {
                self.unreadable(index, delivery, &error);
                return None;
            }
        };
        let (started, sent) = (self.kernel.now(), Cell::default());
        Some(Transfer { delivery, source, broken: Rc::default(), started, sent })
    }

    async fn source(&self, delivery: &Delivery) -> Result<Source, ReadError> {
        if let Some(held) = &delivery.held {
            return Ok(Source::Memory(held.text.clone()));
        }
        let Some((first, rest)) = delivery.places.split_first() else {
            return Err(ReadError::Damaged);
        };
        // All parts move together: if the first is where we were told, so are the others.
        let chunk = self.reader(delivery.message.id.log).read(first).await?;
        Ok(match rest {
            [] => Source::Memory(chunk),
            rest => Source::Disk(chunk, rest.into()),
        })
    }

    /// Takes care of a delivery whose text is not where it should be.
    pub(super) fn unreadable(
        self: &Rc<Self>,
        index: SiteIndex,
        delivery: Delivery,
        error: &ReadError,
    ) {
        if matches!(error, ReadError::Moved) {
            let recipients = delivery.recipients.len() as u64;
            self.sites.borrow().find(index).meters.queued.sub(recipients);
            return self.post(delivery.message.owner, Letter::Locate(delivery));
        }
        let response = local(451, (4, 3, 0), &format!("the spool could not be read: {error}"));
        self.postpone_all(delivery, Some(index), &response);
    }

    /// The text of a delivery of ours was moved: says where it is now, and sends it on.
    pub(crate) fn locate(self: &Rc<Self>, mut delivery: Delivery) {
        let id = delivery.message.id;
        let Some(places) = self.journal_of(id).place_of(id) else {
            let response = local(554, (5, 3, 0), "the spool has lost the text of this message");
            return self.conclude_all(delivery, None, Outcome::Failed, &response);
        };
        delivery.places = places;
        self.route(delivery);
    }
}
