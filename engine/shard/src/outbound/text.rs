//! Where the text of a delivery comes from: memory while it is young, else the spool.

use crate::domains::{self, Wants};
use crate::journal::{Loaded, ReadError};
use crate::letter::Letter;
use crate::message::{Delivery, Message};
use crate::routing::local;
use crate::shard::Shard;
use event::{Outcome, Tick};
use kernel::{Chunk, Kernel};
use queue::SiteIndex;
use spool::Text;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// A delivery on a lane.
pub(crate) struct Transfer {
    pub(super) delivery: Delivery,
    pub(super) message: Arc<Message>,
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
    /// Finds the text of a delivery. `None` if it is not to be sent just now, or by us; the delivery
    /// is then taken care of.
    pub(super) async fn prepare(
        self: &Rc<Self>,
        index: SiteIndex,
        delivery: Delivery,
    ) -> Option<Transfer> {
        let is_known = delivery.message.is_some();
        let held = delivery.message.as_ref().filter(|message| !self.admits(index, message));
        if let Some(message) = held.map(Arc::clone) {
            self.set_aside(index, delivery, &message).await;
            return None;
        }
        let (message, source) = match self.source(&delivery).await {
            Ok(found) => found,
            Err(error) => {
                self.unreadable(index, delivery, &error);
                return None;
            }
        };
        if domains::need(&message.envelope) != delivery.domain.need() {
            self.send_elsewhere(index, delivery, &message);
            return None;
        }
        if !is_known && !self.admits(index, &message) {
            self.set_aside(index, delivery, &message).await;
            return None;
        }
        let (started, sent) = (self.kernel.now(), Cell::default());
        Some(Transfer { delivery, message, source, broken: Rc::default(), started, sent })
    }

    /// A message that was there at a start asks more of hosts than anybody knew: it goes to the site
    /// that has it.
    fn send_elsewhere(
        self: &Rc<Self>,
        index: SiteIndex,
        mut delivery: Delivery,
        message: &Message,
    ) {
        let recipients = delivery.recipients.len() as u64;
        self.sites.borrow().find(index).meters.queued.sub(recipients);
        let (exit, need) = (delivery.domain.exit(), domains::need(&message.envelope));
        let (name, flow) = (delivery.domain.as_bytes(), delivery.domain.flow());
        delivery.domain = self.names.of_flow(name, Wants { exit, need }, flow);
        self.route(delivery);
    }

    async fn source(&self, delivery: &Delivery) -> Result<(Arc<Message>, Source), ReadError> {
        if let Some(message) = &delivery.message
            && let Some(text) = &message.text
        {
            return Ok((Arc::clone(message), Source::Memory(text.clone())));
        }
        let (id, spot) = (delivery.id(), delivery.spot);
        let reader = self.reader(id.log);
        let Loaded { envelope, places, text } = reader.load(id, &spot).await?;
        let source = match (text, places.split_first()) {
            (Some(text), _) => Source::Memory(text),
            (None, None) => return Err(ReadError::Damaged),
            (None, Some((first, []))) => Source::Memory(reader.read(first).await?),
            // All parts move together: if the first is where we were told, so are the others.
            (None, Some((first, rest))) => Source::Disk(reader.read(first).await?, rest.into()),
        };
        let message = match &delivery.message {
            Some(message) => Arc::clone(message),
            None => Arc::new(Message::loaded(envelope, &spot)),
        };
        Ok((message, source))
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
            return self.post(self.owner(delivery.id()), Letter::Locate(delivery));
        }
        let words = match error {
            ReadError::Damaged => {
                let id = delivery.id();
                self.post(self.owner(id), Letter::Suspect(id));
                "the message's copy on disk is damaged".to_owned()
            }
            error => format!("the spool could not be read: {error}"),
        };
        let response = local(451, (4, 3, 0), &words);
        self.postpone_all(delivery, Some(index), &response);
    }

    /// A message of ours is not where a lane was told: says where it is now, and sends it on.
    pub(crate) fn locate(self: &Rc<Self>, mut delivery: Delivery) {
        let id = delivery.id();
        match self.journal_of(id).spot_of(id) {
            Some(spot) if spot != delivery.spot => {
                delivery.spot = spot;
                self.route(delivery);
            }
            Some(_) => {
                let response = local(451, (4, 3, 0), "the spool cannot find this message now");
                self.postpone_all(delivery, None, &response);
            }
            None => {
                let response = local(554, (5, 3, 0), "the spool has lost this message");
                self.conclude_all(delivery, None, Outcome::Failed, &response);
            }
        }
    }
}
