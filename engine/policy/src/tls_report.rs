//! What TLS with the hosts of domains came to, counted for the reports that domains ask for.
//!
//! A shard notes each session once for each domain that it carries mail of, and alike ones are one
//! count. Whoever makes reports takes all counts now and then; what a count means under the
//! policy of its domain is for them to say. Between two takings a shard keeps a bounded number of
//! different sessions; what does not fit is counted, and told as a number.
//!
//! [RFC 8460](https://www.rfc-editor.org/rfc/rfc8460)

use event::{TlsResult, TlsaSet};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Different sessions that a shard keeps until they are taken, some 200 bytes each.
pub const SESSIONS_MAX: usize = 10_000;

/// One connection with a host, as far as it is told to a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// Whose mail it carried, or would have.
    pub domain: Box<str>,
    /// What the host is called; empty if it did not come to one.
    pub host: Box<str>,
    /// The address of ours that the host saw, and its own. Not told of what went well.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// What DNS proved of the host's certificates, if it did.
    pub tlsa: Option<Arc<TlsaSet>>,
    /// What came of it.
    pub cover: Cover,
}

/// What TLS a session came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cover {
    /// Some, with a host that proved who it is.
    Proven,
    /// Some, with a host that need not prove who it is, nor did: what its certificate lacks.
    Doubtful(TlsResult),
    /// None, or it was not enough, and in whose words.
    Failed(TlsResult, Box<str>),
}

/// The counts of all shards.
#[derive(Debug)]
pub struct Ledger {
    /// Mail from this address is reports: what carries it is not told.
    sender: Box<str>,
    /// One lock a shard: only whoever takes the counts ever waits for it, or makes it wait.
    shards: Box<[Mutex<Table>]>,
    lost: AtomicU64,
}

type Table = HashMap<Session, u64>;

impl Ledger {
    /// For so many shards, where reports are mail from `sender`.
    #[must_use]
    pub fn new(shards: usize, sender: &str) -> Arc<Self> {
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Arc::new(Self { sender: sender.into(), shards, lost: AtomicU64::new(0) })
    }

    /// Whether mail from `sender` is a report.
    ///
    /// [RFC 8460 §5.3](https://www.rfc-editor.org/rfc/rfc8460#section-5.3): of the session that
    /// carries it the next one should not tell.
    #[must_use]
    pub fn is_reporter(&self, sender: &[u8]) -> bool {
        self.sender.as_bytes() == sender
    }

    /// Notes a session of this shard.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn note(&self, shard: usize, session: Session) {
        let mut table = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= SESSIONS_MAX && !table.contains_key(&session) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        *table.entry(session).or_default() += 1;
    }

    /// Takes what was noted since the last time, in any order.
    pub fn take(&self) -> Vec<(Session, u64)> {
        let take = |table: &Mutex<Table>| {
            std::mem::take(&mut *table.lock().unwrap_or_else(PoisonError::into_inner))
        };
        self.shards.iter().flat_map(take).collect()
    }

    /// Sessions that were not counted, because too many others were.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
