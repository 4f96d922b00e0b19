//! A message on its way: what the shards hand each other, and what they hold in memory.

use crate::domains::Domain;
use crate::recipients::Recipients;
use event::{MessageId, Tick, Wall};
use kernel::Chunk;
use queue::{Flow, Queued};
use spool::{Envelope, Spot, Tried};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A message in memory: all of what is queued while it is young, and of what is on a lane.
#[derive(Debug)]
pub struct Message {
    /// Sender, recipients and the header fields we add.
    pub envelope: Envelope,
    /// Octets of its text as received, dots unstuffed not counted.
    pub bytes: u64,
    /// When we took responsibility; `None` if it was read back from disk.
    pub received: Option<Tick>,
    /// Its text, kept for immediate delivery.
    pub text: Option<Chunk>,
    /// What it uses of the budget for that; `None` if it is on its way only.
    pub share: Option<Share>,
}

impl Message {
    /// A message read back from `spot`, for the moment.
    #[must_use]
    pub fn loaded(envelope: Envelope, spot: &Spot) -> Self {
        let bytes = u64::from(spot.text_len());
        Self { envelope, bytes, received: None, text: None, share: None }
    }

    /// Stands for a message whose envelope cannot be read any more.
    #[must_use]
    pub fn unreadable(recipients: u16, accepted: Wall) -> Self {
        let envelope = Envelope::nameless(recipients, accepted);
        Self { envelope, bytes: 0, received: None, text: None, share: None }
    }
}

/// One message to those of its recipients that share a domain: what one transaction carries.
/// The queue holds millions of them, so it is small.
#[derive(Debug)]
pub struct Delivery {
    // Log, boot and count of the message: apart, they leave room for the attempts.
    log: u16,
    /// Attempts made before this one.
    pub tried: Tried,
    boot: u32,
    count: u64,
    /// Where the message lies.
    pub spot: Spot,
    /// Indices into its envelope. Never empty.
    pub recipients: Recipients,
    /// Where they all are.
    pub domain: Domain,
    /// The message in memory, while it is young.
    pub message: Option<Arc<Message>>,
    /// When the message was accepted, in seconds of the wall clock, rounded up.
    accepted: u32,
    /// When it came into the queue; while it waits for its time, the number of what it waits for.
    queued: u32,
}

const _: () = assert!(size_of::<Option<Delivery>>() == 72, "a queued recipient costs little");

/// The unit of [`Delivery::queued`], as a power of two of nanoseconds: 65 microseconds.
const QUEUED_BITS: u32 = 16;

impl Delivery {
    /// A delivery that was not tried yet and is not queued.
    #[must_use]
    pub fn new(
        id: MessageId,
        spot: Spot,
        accepted: Wall,
        domain: Domain,
        recipients: Recipients,
    ) -> Self {
        let MessageId { log, boot, count } = id;
        let accepted = u32::try_from(accepted.0.div_ceil(1_000)).unwrap_or(u32::MAX);
        let (tried, message, queued) = (Tried::default(), None, 0);
        Self { log, tried, boot, count, spot, recipients, domain, message, accepted, queued }
    }

    /// The message's name.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        MessageId { log: self.log, boot: self.boot, count: self.count }
    }

    /// When the message was accepted, rounded up to a second: nothing expires before its time.
    #[must_use]
    pub const fn accepted(&self) -> Wall {
        Wall(self.accepted as u64 * 1_000)
    }

    /// It comes into the queue.
    pub fn queue(&mut self, now: Tick) {
        self.queued = (now.0 >> QUEUED_BITS) as u32;
    }

    /// When it came into the queue, to 65 microseconds. Good for three days: after them, it
    /// seems to have come later.
    #[must_use]
    pub fn queued(&self, now: Tick) -> Tick {
        let age = ((now.0 >> QUEUED_BITS) as u32).wrapping_sub(self.queued);
        Tick(now.0.saturating_sub(u64::from(age) << QUEUED_BITS))
    }

    /// It waits for its time from now on, counted under this number.
    pub(crate) const fn wait_for(&mut self, number: u32) {
        self.queued = number;
    }

    /// The number under which it is counted while it waits.
    pub(crate) const fn waits_for(&self) -> u32 {
        self.queued
    }

    /// The same, to these recipients only.
    #[must_use]
    pub fn only(&self, recipients: &[u16]) -> Self {
        let Self { log, tried, boot, count, spot, accepted, queued, .. } = *self;
        let (recipients, domain) = (recipients.into(), self.domain.clone());
        let message = self.message.clone();
        Self { log, tried, boot, count, spot, recipients, domain, message, accepted, queued }
    }
}

impl Queued for Delivery {
    fn flow(&self) -> &Flow {
        self.domain.flow()
    }

    fn bytes(&self) -> u64 {
        self.spot.text_len().into()
    }
}

/// So many bytes of memory for one purpose. Shared by all shards that let go of it.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicU64>,
    limit: u64,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { used: Arc::default(), limit }
    }

    /// How much of it is taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// How much it is.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes `bytes` of it, or nothing if they are not there. Only one shard takes.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Option<Share> {
        let bytes = bytes as u64;
        if self.used.load(Ordering::Relaxed) + bytes > self.limit {
            return None;
        }
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Some(Share { used: Arc::clone(&self.used), bytes })
    }
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Share {
    used: Arc<AtomicU64>,
    bytes: u64,
}

impl Share {
    /// How much it is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Makes one of two of the same budget.
    pub(crate) fn join(&mut self, mut other: Self) {
        debug_assert!(Arc::ptr_eq(&self.used, &other.used), "of the same budget");
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
