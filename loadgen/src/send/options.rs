//! What to send, and how.

use super::auth::Credentials;
use super::proxy::Proxy;
use super::work::Work;
use crate::arrivals::Arrivals;
use crate::clock;
use crate::message::Templates;
use crate::recipient::{Addresses, Domains};
use crate::size::Mix;
use crate::tls;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How far the generator speaks ahead of the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pipelining {
    /// Every command waits for its reply.
    None,
    /// MAIL, RCPT and DATA leave together.
    Envelope,
    /// And the next envelope leaves behind the final dot of the message before it.
    #[default]
    Full,
}

impl FromStr for Pipelining {
    type Err = NotPipelining;
    fn from_str(text: &str) -> Result<Self, NotPipelining> {
        match text {
            "none" => Ok(Self::None),
            "envelope" => Ok(Self::Envelope),
            "full" => Ok(Self::Full),
            _ => Err(NotPipelining),
        }
    }
}

/// The text is none of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPipelining;

impl fmt::Display for NotPipelining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give none, envelope or full")
    }
}

impl std::error::Error for NotPipelining {}

/// Whether the conversation is encrypted.
#[derive(Clone, Debug, Default)]
pub enum Encryption {
    /// It is not.
    #[default]
    None,
    /// From STARTTLS on; a server that does not offer it is not spoken to.
    StartTls(tls::Client),
    /// From the first byte on.
    Implicit(tls::Client),
}

/// What to send, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The relay. Whether it may be loaded is the caller's question: see [`crate::target`].
    pub target: SocketAddr,
    /// How many messages.
    pub messages: u64,
    /// Connections at once.
    pub sessions: usize,
    /// Threads the sessions are spread over.
    pub threads: usize,
    /// Messages on one connection before a new one is made; 0 is any number.
    pub messages_per_session: u64,
    /// Their sizes.
    pub sizes: Mix,
    /// Messages to send instead of generated ones; they have sizes of their own.
    pub templates: Option<Arc<Templates>>,
    /// Where their recipients are.
    pub domains: Domains,
    /// Their recipients, one after the other, instead of those at `domains`.
    pub addresses: Option<Arc<Addresses>>,
    /// Recipients of each message.
    pub recipients: u16,
    /// Different mailboxes at each domain; 0: every message has its own.
    pub mailboxes: u64,
    /// How far to speak ahead.
    pub pipelining: Pipelining,
    /// Send texts with BDAT in chunks of this many bytes, instead of DATA; a server that does
    /// not offer CHUNKING is not spoken to.
    pub bdat: Option<usize>,
    /// Whether and how to encrypt.
    pub encryption: Encryption,
    /// Who to say we are; a server that does not offer AUTH is not spoken to.
    pub credentials: Option<Credentials>,
    /// Put a PROXY header in front of every connection.
    pub proxy: Option<Proxy>,
    /// Half of the messages are 8-bit where the relay announces 8BITMIME.
    pub eight_bit: bool,
    /// The name given with EHLO.
    pub helo: String,
    /// The domain of the sender addresses.
    pub sender_domain: String,
    /// When messages start.
    pub arrivals: Arrivals,
    /// A start in an open loop that is later than this is counted as late.
    pub late_after: Duration,
    /// A start in an open loop that could not be made within this is not made at all, and
    /// counted as dropped; `None`: every message is sent, however late.
    pub drop_after: Option<Duration>,
    /// Decides everything that looks random.
    pub seed: u64,
    /// Distinguishes this run from others in one ledger: the upper 24 bits of message ids.
    pub run: u32,
    /// Where to write the ledger, if anywhere.
    pub ledger: Option<PathBuf>,
    /// How long a message that was answered with 4xx waits before it is offered again.
    pub retry_after: Duration,
    /// How often it is offered again.
    pub retries_max: u16,
    /// How long to wait for a reply, and how long to try to connect.
    pub patience: Duration,
}

impl Options {
    /// The defaults for a relay at `target`: 10,000 messages of 4 KiB over 20 sessions.
    ///
    /// # Panics
    /// Never: the default domain is one.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        Self {
            target,
            messages: 10_000,
            sessions: 20,
            threads: 1,
            messages_per_session: 0,
            sizes: Mix::exactly(4_096),
            templates: None,
            domains: "sink.example".parse().expect("a domain"),
            addresses: None,
            recipients: 1,
            mailboxes: 0,
            pipelining: Pipelining::default(),
            bdat: None,
            encryption: Encryption::None,
            credentials: None,
            proxy: None,
            eight_bit: true,
            helo: "ringload.example".to_owned(),
            sender_domain: "bulk.example".to_owned(),
            arrivals: Arrivals::Closed,
            late_after: Duration::from_millis(10),
            drop_after: None,
            seed: 0,
            run: (clock::now() / 1_000_000) as u32 & 0x00ff_ffff,
            ledger: None,
            retry_after: Duration::from_millis(250),
            retries_max: 100,
            patience: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// What cannot be had together.
    pub(super) fn check(&self) -> io::Result<()> {
        let refused = |cause: String| Err(io::Error::new(io::ErrorKind::InvalidInput, cause));
        let eight_bit = self.templates.as_ref().and_then(|templates| templates.eight_bit());
        if let Some(path) = eight_bit.filter(|_| !self.eight_bit) {
            let path = path.display();
            return refused(format!("{path}: has 8-bit letters; leave it out, or --seven-bit"));
        }
        if self.proxy.is_some_and(|proxy| !proxy.fits(self.target)) {
            let target = self.target.ip();
            return refused(format!("--proxy-sources must be of the same kind as {target}"));
        }
        Ok(())
    }

    /// Appends the address of recipient `index` of message `id`.
    pub(super) fn recipient(&self, id: u64, index: u16, out: &mut Vec<u8>) {
        let Some(addresses) = &self.addresses else {
            return self.domains.recipient(self.seed, id, index, self.mailboxes, out);
        };
        let message = id & ((1 << 40) - 1);
        addresses.append(message * u64::from(self.recipients.max(1)) + u64::from(index), out);
    }

    /// How many recipients each domain will have, by name.
    #[must_use]
    pub fn recipients_by_domain(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        let mut address = Vec::new();
        for id in Work::new(self, 0).ids() {
            for index in 0..self.recipients.max(1) {
                address.clear();
                self.recipient(id, index, &mut address);
                let domain = address.split(|byte| *byte == b'@').next_back().unwrap_or_default();
                *counts.entry(String::from_utf8_lossy(domain).into_owned()).or_insert(0) += 1;
            }
        }
        counts
    }
}
