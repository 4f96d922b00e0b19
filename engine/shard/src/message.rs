//! A message on its way: what the shards hand each other, and what they hold in memory.

use event::{MessageId, Tick};
use kernel::Chunk;
use smallvec::SmallVec;
use spool::{Envelope, Text};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What stays the same of a message while any recipient of it is open.
#[derive(Debug)]
pub struct Message {
    /// Its name.
    pub id: MessageId,
    /// The shard that keeps its log, and so records what becomes of it.
    pub owner: usize,
    /// Sender, recipients and the header fields we add.
    pub envelope: Envelope,
    /// Octets of its text as received, dots unstuffed not counted.
    pub bytes: u64,
    /// When we took responsibility; `None` if that was before a restart.
    pub accepted: Option<Tick>,
}

/// One message to those of its recipients that share a domain: what one transaction carries.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub message: Arc<Message>,
    /// Indices into its envelope. Never empty.
    pub recipients: SmallVec<[u16; 4]>,
    /// Attempts made before this one.
    pub attempts: u16,
    /// Where its text lies on disk.
    pub places: Text,
    /// Its text in memory, while it is young.
    pub held: Option<Arc<Held>>,
    /// When it came into the queue.
    pub queued: Tick,
}

impl Delivery {
    /// The same, to these recipients only.
    #[must_use]
    pub fn only(&self, recipients: SmallVec<[u16; 4]>) -> Self {
        Self {
            message: Arc::clone(&self.message),
            recipients,
            attempts: self.attempts,
            places: self.places.clone(),
            held: self.held.clone(),
            queued: self.queued,
        }
    }
}

/// A text kept in memory for immediate delivery, and the share of the budget it uses.
#[derive(Debug)]
pub struct Held {
    /// The text.
    pub text: Chunk,
    _share: Share,
}

impl Held {
    /// Keeps `text` until the last delivery of it lets go.
    #[must_use]
    pub fn new(text: Chunk, share: Share) -> Arc<Self> {
        Arc::new(Self { text, _share: share })
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
}

impl Drop for Share {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
