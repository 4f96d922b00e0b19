//! A message becomes ours: durable first, then cut into deliveries.

use crate::journal::JournalError;
use crate::message::{Delivery, Held, Message};
use crate::shard::Shard;
use event::{Event, MessageId, Tick};
use kernel::{Buffer, Chunk, Kernel};
use smallvec::{SmallVec, smallvec};
use spool::{Draft, Envelope, Text};
use std::rc::Rc;
use std::sync::Arc;

/// Received fields after which a message is going in circles.
///
/// [RFC 5321 §6.3](https://www.rfc-editor.org/rfc/rfc5321#section-6.3)
pub(crate) const RECEIVED_MAX: u16 = 100;

/// A message not yet ours.
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
        } = incoming;
        let accepted = self.kernel.wall();
        let draft = Draft { sender, recipients, prefix, accepted, eight_bit, utf8, dotted };
        let whole = parts.is_empty();
        let arrived = self.kernel.now();
        let accepted = self.journal().accept(id, parts, text, &draft).await?;
        self.meters().durable_wait.record(self.kernel.now().since(arrived));
        let held = whole.then(|| self.hold(text)).flatten();
        self.own(id, accepted.envelope, bytes, &accepted.text, held.as_ref());
        Ok(())
    }

    /// Keeps a copy of a text in memory, if the budget has room for it.
    fn hold(&self, text: &[u8]) -> Option<Arc<Held>> {
        let share = self.held.take(text.len())?;
        let chunk = Chunk::new(Arc::new(Buffer::copy_of(text)), 0..text.len());
        Some(Held::new(chunk, share))
    }

    /// Counts a durable message as ours and routes it.
    pub(crate) fn own(
        self: &Rc<Self>,
        id: MessageId,
        envelope: Envelope,
        bytes: u64,
        places: &Text,
        held: Option<&Arc<Held>>,
    ) {
        let recipients = envelope.recipient_count();
        Event::Accepted { id, sender: "", recipients: u32::from(recipients), bytes, peer: None }
            .count(self.meters());
        let now = self.kernel.now();
        let message =
            Arc::new(Message { id, owner: self.index, envelope, bytes, accepted: Some(now) });
        let first = |_| Standing { attempts: 0, due: Tick::ZERO };
        for group in
            groups(&message.envelope, 0..recipients, first, self.limits.recipients_per_message_max)
        {
            let delivery = Delivery {
                message: Arc::clone(&message),
                recipients: group.recipients,
                attempts: 0,
                places: places.clone(),
                held: held.cloned(),
                queued: now,
            };
            self.route(delivery);
        }
    }

    /// Puts a message found on disk back to where it stood.
    pub(crate) fn resume(self: &Rc<Self>, found: crate::journal::Recovered) {
        let (now, wall) = (self.kernel.now(), self.kernel.wall());
        self.meters().resumed(found.open.len() as u64);
        let message = Arc::new(Message {
            id: found.id,
            owner: self.index,
            bytes: found.text.iter().map(|place| u64::from(place.len)).sum(),
            envelope: found.envelope,
            accepted: None,
        });
        // The longest pause there is: jitter at most doubles it.
        let longest = self.schedule.longest.saturating_mul(2);
        let standing = |recipient: u16| {
            let open = found.open.iter().find(|open| open.0 == recipient);
            let (attempts, due) = open.map_or((0, wall), |open| (open.1, open.2));
            // A wall clock that stepped must not park mail for years.
            Standing { attempts, due: now + due.since(wall).min(longest) }
        };
        let open = found.open.iter().map(|open| open.0);
        for group in
            groups(&message.envelope, open, standing, self.limits.recipients_per_message_max)
        {
            let delivery = Delivery {
                message: Arc::clone(&message),
                recipients: group.recipients,
                attempts: group.standing.attempts,
                places: found.text.clone(),
                held: None,
                queued: now,
            };
            if group.standing.due > now {
                self.queue.borrow_mut().defer(group.standing.due, delivery);
            } else {
                self.route(delivery);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    attempts: u16,
    due: Tick,
}

struct Group {
    recipients: SmallVec<[u16; 4]>,
    standing: Standing,
}

/// Recipients that may share a transaction: same domain, same standing, at most `most`.
/// Providers that forbid mixed domains are not to be found out one refusal at a time.
fn groups(
    envelope: &Envelope,
    recipients: impl Iterator<Item = u16>,
    standing: impl Fn(u16) -> Standing,
    most: u16,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::with_capacity(1);
    for recipient in recipients {
        let standing = standing(recipient);
        let domain = domain_bytes(envelope.recipient(recipient));
        let fits = |group: &&mut Group| {
            group.standing == standing
                && group.recipients.len() < usize::from(most)
                && domain
                    .eq_ignore_ascii_case(domain_bytes(envelope.recipient(group.recipients[0])))
        };
        match groups.iter_mut().rev().find(fits) {
            Some(group) => group.recipients.push(recipient),
            None => groups.push(Group { recipients: smallvec![recipient], standing }),
        }
    }
    groups
}

/// What stands behind the last `@`.
fn domain_bytes(address: &[u8]) -> &[u8] {
    memchr::memrchr(b'@', address).map_or(b"", |at| &address[at + 1..])
}
