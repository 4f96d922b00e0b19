//! What the mail of a source comes to.

use super::{Excess, Source};
use event::SharedCount;

/// What has come from a source since the start. Any shard may write.
#[derive(Debug, Default)]
pub(super) struct Counts {
    connections: SharedCount,
    messages: SharedCount,
    recipients: SharedCount,
    bytes: SharedCount,
    excesses: [SharedCount; Excess::ALL.len()],
}

/// What the counts of a source were when they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its connections now.
    pub connections: u64,
    /// Those that it was let in with.
    pub connections_total: u64,
    /// Messages taken.
    pub messages: u64,
    /// Their recipients.
    pub recipients: u64,
    /// Octets of their texts.
    pub bytes: u64,
    /// What was refused, by limit.
    pub excesses: [(Excess, u64); Excess::ALL.len()],
}

impl Excess {
    /// All there are, in order.
    pub const ALL: [Self; 7] = [
        Self::Bytes,
        Self::Connections,
        Self::Header,
        Self::MessageBytes,
        Self::Messages,
        Self::Recipients,
        Self::SenderDomain,
    ];

    /// The key of the settings that sets it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Connections => "connections_max",
            Self::Header => "lint",
            Self::MessageBytes => "message_bytes_max",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::SenderDomain => "sender_domains",
        }
    }
}

impl Counts {
    pub(super) fn entered(&self) {
        self.connections.add(1);
    }
}

impl Source {
    /// Counts a message that was taken.
    pub fn count(&self, recipients: u64, bytes: u64) {
        // Of whom nothing was said nobody asks, and all shards write here.
        if self.name.is_empty() {
            return;
        }
        self.held.counts.messages.add(1);
        self.held.counts.recipients.add(recipients);
        self.held.counts.bytes.add(bytes);
    }

    /// Counts something that was refused, and hands it back.
    #[expect(clippy::must_use_candidate, reason = "it is called to be counted")]
    pub fn refuse(&self, excess: Excess) -> Excess {
        self.held.counts.excesses[excess as usize].add(1);
        excess
    }

    /// What has come from it.
    #[must_use]
    pub fn read(&self) -> Reading {
        let counts = &self.held.counts;
        Reading {
            connections: self.connections(),
            connections_total: counts.connections.get(),
            messages: counts.messages.get(),
            recipients: counts.recipients.get(),
            bytes: counts.bytes.get(),
            excesses: Excess::ALL.map(|excess| (excess, counts.excesses[excess as usize].get())),
        }
    }
}
