//! A message becomes ours: durable first, then cut into deliveries.

use crate::domains::{self, Wants};
use crate::journal::{Accepted, JournalError, Recovered};
use crate::message::{Delivery, Message};
use crate::settle;
use crate::shard::Shard;
use event::{Accepted as Taken, Entrance, Event, Labels, MessageId, Tick, Wall};
use kernel::{Buffer, Chunk, Kernel};
use queue::Flow;
use smallvec::{SmallVec, smallvec};
use spool::{Draft, Envelope, Extra, Form, Text, Tried, Way};
use std::rc::Rc;
use std::sync::Arc;

/// Received fields after which a message is going in circles.
///
/// [RFC 5321 §6.3](https://www.rfc-editor.org/rfc/rfc5321#section-6.3)
pub(crate) const RECEIVED_MAX: u16 = 100;

/// What a message in memory takes up beside its envelope and its text.
const HELD_FIXED: usize = 160;

/// A message not yet ours.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the record")]
pub(crate) struct Incoming<'a> {
    pub(crate) id: MessageId,
    pub(crate) sender: &'a [u8],
    pub(crate) recipients: &'a [&'a [u8]],
    pub(crate) prefix: &'a [u8],
    /// Parts already on disk.
    pub(crate) parts: Text,
    /// The rest of the text.
    pub(crate) text: &'a [u8],
    pub(crate) bytes: u64,
    pub(crate) dotted: bool,
    pub(crate) eight_bit: bool,
    pub(crate) utf8: bool,
    /// It goes on under TLS, to hosts that see to the same, or comes back.
    pub(crate) requiretls: bool,
    /// In what form its text came.
    pub(crate) form: Form,
    /// What else is to be kept of it.
    pub(crate) extra: &'a Extra,
    /// How it came.
    pub(crate) entrance: Entrance<'a>,
}

impl<K: Kernel> Shard<K> {
    /// Makes a message durable and sends it on its way. When this returns `Ok`, 250 may be said.
    pub(crate) async fn take_in(
        self: &Rc<Self>,
        incoming: Incoming<'_>,
    ) -> Result<(), JournalError> {
        let Incoming {
            id,
            sender,
            recipients,
            prefix,
            parts,
            text,
            bytes,
            dotted,
            eight_bit,
            utf8,
            requiretls,
            form,
            extra,
            entrance,
        } = incoming;
        let extra = extra.bytes();
        let accepted = self.kernel.wall();
        let draft = Draft {
            sender,
            recipients,
            prefix,
            accepted,
            eight_bit,
            utf8,
            requiretls,
            dotted,
            form,
            extra,
        };
        let whole = parts.is_empty();
        let arrived = self.kernel.now();
        let accepted = self.journal().accept(id, parts, text, &draft).await?;
        self.meters().durable_wait.record(self.kernel.now().since(arrived));
        self.own(id, accepted, bytes, if whole { text } else { b"" }, Some(entrance));
        Ok(())
    }

    /// Counts a durable message as ours and routes it.
    pub(crate) fn own(
        self: &Rc<Self>,
        id: MessageId,
        accepted: Accepted,
        bytes: u64,
        text: &[u8],
        entrance: Option<Entrance<'_>>,
    ) {
        for delivery in self.cut(id, accepted, bytes, text, entrance) {
            self.route(delivery);
        }
    }

    /// Counts a durable message as ours, and cuts it into deliveries. It stays in memory for the
    /// first attempt, and its text with it unless that is empty, as far as the budget goes.
    pub(crate) fn cut(
        &self,
        id: MessageId,
        accepted: Accepted,
        bytes: u64,
        text: &[u8],
        entrance: Option<Entrance<'_>>,
    ) -> SmallVec<[Delivery; 1]> {
        let Accepted { envelope, spot } = accepted;
        let recipients = envelope.recipient_count();
        self.tell_accepted(id, &envelope, bytes, entrance);
        self.ages.borrow_mut().opened(envelope.accepted(), recipients.into());
        let share = self.held.take(HELD_FIXED + envelope.bytes().len() + text.len());
        let text = (share.is_some() && !text.is_empty())
            .then(|| Chunk::new(Arc::new(Buffer::copy_of(text)), 0..text.len()));
        let received = Some(self.kernel.now());
        let message = Arc::new(Message { envelope, bytes, received, text, share });
        let way = message.envelope.way();
        let (exit, flow) = (self.live.borrow().egress.exit(way.pool), self.flow(&way));
        let wants = Wants { exit, need: domains::need(&message.envelope) };
        let fresh = Standing { tried: Tried::default(), due: Tick::ZERO };
        let open = message.envelope.recipients().map(|path| (fresh, domain_bytes(path)));
        let delivery = |group: &Group<'_>| {
            let domain = self.names.of_flow(group.domain, wants, &flow);
            let accepted = message.envelope.accepted();
            let mut delivery =
                Delivery::new(id, spot, accepted, domain, group.recipients[..].into());
            delivery.message = message.share.is_some().then(|| Arc::clone(&message));
            delivery
        };
        self.groups((0..).zip(open)).iter().map(delivery).collect()
    }

    /// The flow of a message, counted if it has to share one.
    fn flow(&self, way: &Way<'_>) -> Flow {
        let (flow, is_shared) = self.names.flow(way);
        if is_shared {
            self.meters().flows_shared.add(1);
        }
        flow
    }

    /// Counts a message that has become ours, and writes its line if somebody wants to read it.
    fn tell_accepted(
        &self,
        id: MessageId,
        envelope: &Envelope,
        bytes: u64,
        entrance: Option<Entrance<'_>>,
    ) {
        let recipients = envelope.recipient_count().into();
        let mut taken =
            Taken { id, sender: "", recipients, bytes, entrance, labels: Labels::default() };
        if !self.log.topics().accepted {
            return Event::Accepted(taken).count(self.meters());
        }
        let sender = String::from_utf8_lossy(envelope.sender());
        let words = settle::words(envelope);
        taken.sender = &sender;
        taken.labels = settle::labels(&words);
        self.tell(&Event::Accepted(taken));
    }

    /// Puts a message found on disk back to where it stood.
    pub(crate) fn resume(self: &Rc<Self>, found: Recovered<'_>) {
        let (now, wall) = (self.kernel.now(), self.kernel.wall());
        let Recovered { id, spot, accepted, .. } = found;
        // A host may have asked for more than any schedule has, but hardly for twice as much; an operator,
        // for as long as mail lives.
        let longest = {
            let schedules = &self.live.borrow().schedules;
            schedules.longest_delay().saturating_mul(2).max(schedules.longest_life())
        };
        // A wall clock that stepped must not park mail for years.
        let tick = |due: Wall| now + due.since(wall).min(longest);
        let mut labels = Way::default();
        let open = found.open().map(|(open, way)| {
            let standing =
                Standing { tried: Tried::from_number(open.attempt), due: tick(open.due) };
            labels = way;
            (open.recipient, (standing, way.domain))
        });
        let recipients = found.open().count() as u64;
        self.meters().resumed(recipients);
        self.ages.borrow_mut().opened(accepted, recipients);
        let groups = self.groups(open);
        // But for the domain, all recipients of a message have the same way. What they ask of hosts is
        // seen when the message is read.
        let (exit, flow) = (self.live.borrow().egress.exit(labels.pool), self.flow(&labels));
        for group in groups {
            let domain = self.names.of_flow(group.domain, exit, &flow);
            let mut delivery =
                Delivery::new(id, spot, accepted, domain, group.recipients[..].into());
            delivery.tried = group.standing.tried;
            if group.standing.due > now {
                self.keep_until(group.standing.due, delivery, None);
            } else {
                self.route(delivery);
            }
        }
    }

    /// Recipients that may share a transaction: same domain, same standing, no more than a
    /// transaction may have. Providers that forbid mixed domains are not to be found out one
    /// refusal at a time.
    fn groups<'d>(
        &self,
        open: impl Iterator<Item = (u16, (Standing, &'d [u8]))>,
    ) -> SmallVec<[Group<'d>; 1]> {
        let most = self.recipients_max();
        let mut groups: SmallVec<[Group<'d>; 1]> = SmallVec::new();
        for (recipient, (standing, domain)) in open {
            let fits = |group: &&mut Group<'_>| {
                group.standing == standing
                    && group.recipients.len() < most
                    && group.domain.eq_ignore_ascii_case(domain)
            };
            match groups.iter_mut().rev().find(fits) {
                Some(group) => group.recipients.push(recipient),
                None => groups.push(Group { recipients: smallvec![recipient], standing, domain }),
            }
        }
        groups
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    tried: Tried,
    due: Tick,
}

struct Group<'d> {
    recipients: SmallVec<[u16; 4]>,
    standing: Standing,
    domain: &'d [u8],
}

/// What stands behind the last `@`.
fn domain_bytes(address: &[u8]) -> &[u8] {
    memchr::memrchr(b'@', address).map_or(b"", |at| &address[at + 1..])
}
