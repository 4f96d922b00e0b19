//! Where the text of a delivery comes from: memory while it is young, else the spool.

use crate::journal::ReadError;
use crate::letter::Letter;
use crate::message::Delivery;
use crate::routing::local;
use crate::shard::Shard;
use event::Tick;
use kernel::{Chunk, Kernel};
use queue::SiteIndex;
use spool::Text;
use std::cell::Cell;
use std::rc::Rc;

/// A delivery on a lane.
pub(crate) struct Transfer {
    pub(super) delivery: Delivery,
    pub(super) source: Source,
    pub(super) started: Tick,
    /// When its text was handed to the system.
    pub(super) sent: Cell<Tick>,
}

/// Where its text is.
#[derive(Clone)]
pub(super) enum Source {
    /// All of it in memory.
    Memory(Chunk),
    /// Parts on disk, too large to be held at once.
    Disk(Text),
}

impl<K: Kernel> Shard<K> {
    /// Finds the text of a delivery. `None` if it is not ours to send just now; the delivery
    /// is then taken care of.
    pub(super) async fn prepare(
        self: &Rc<Self>,
        index: SiteIndex,
        delivery: Delivery,
    ) -> Option<Transfer> {
        let source = match (&delivery.held, delivery.places.as_slice()) {
            (Some(held), _) => Source::Memory(held.text.clone()),
            (None, [place]) => match self.reader(delivery.message.id.log).read(place).await {
                Ok(chunk) => Source::Memory(chunk),
                Err(error) => {
                    self.unreadable(index, delivery, &error);
                    return None;
                }
            },
            (None, _) => Source::Disk(delivery.places.clone()),
        };
        Some(Transfer { delivery, source, started: self.kernel.now(), sent: Cell::default() })
    }

    fn unreadable(self: &Rc<Self>, index: SiteIndex, delivery: Delivery, error: &ReadError) {
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
        if let Some(places) = self.journal_of(id).place_of(id) {
            delivery.places = places;
            self.route(delivery);
        }
    }
}
