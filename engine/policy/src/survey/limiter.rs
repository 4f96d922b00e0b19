//! What keeps mail from moving: what it is called, what it is, what comes next, and what would
//! change it.

mod text;

use crate::pace::Counted;
use event::Wall;
use std::fmt;
use std::sync::Arc;

/// A key of the settings: who has them says on which line it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The table it stands in; empty for the top level.
    pub table: &'static str,
    /// Which of the tables of that name, if there may be several.
    pub index: Option<usize>,
    /// What it is called.
    pub name: &'static str,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.table, self.index) {
            ("", _) => f.write_str(self.name),
            (table, None) => write!(f, "[{table}] {}", self.name),
            (table, Some(_)) => write!(f, "[[{table}]] {}", self.name),
        }
    }
}

/// What keeps mail from moving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// Nothing is ready at the site.
    Idle,
    /// An operator has paused the site.
    Paused {
        /// It ends then.
        until: Wall,
        /// Who ordered it.
        by: Box<str>,
        /// And why.
        reason: Box<str>,
    },
    /// An operator has paused the mail of a tenant, of a campaign, or of one that is a tenant's.
    FlowPaused {
        /// The tenant.
        tenant: Option<Arc<str>>,
        /// The campaign.
        campaign: Option<Arc<str>>,
        /// It ends then.
        until: Wall,
        /// Who ordered it.
        by: Box<str>,
        /// And why.
        reason: Box<str>,
    },
    /// The program is stopping.
    Draining,
    /// The shard has as many connections as one may have, to all sites together.
    ShardConnections {
        /// So many.
        most: usize,
    },
    /// The connections there are take what is ready.
    Served {
        /// So many.
        connections: u16,
    },
    /// A host asked for less, by what it said.
    Asked {
        /// The rule that read it.
        rule: Box<str>,
        /// Of what there is to be less: `site`, `source-address`, `mail-from-domain`.
        scope: &'static str,
        /// Which of them, unless it is the site.
        value: Option<Box<str>>,
        /// The words.
        said: Box<str>,
        /// So many connections, or messages at once, there may be now.
        most: u16,
        /// So many messages in a time, if that is what there is to be less of and some may go.
        message_rate: Option<Box<str>>,
        /// When there may be more, if nothing happens before.
        until: Option<Wall>,
    },
    /// The site has as many connections as it may have.
    SiteConnections {
        /// So many.
        most: u16,
        /// Where that is set.
        key: Key,
    },
    /// It may have more, but other shards have these, or its mail for other domains.
    SharedConnections {
        /// So many are for this mail.
        most: u16,
        /// Where it is set how many there are in all.
        key: Key,
    },
    /// The site has had as many messages, octets or connections as it may have in a time.
    Rate {
        /// Which of these.
        counted: Counted,
        /// So many, such as `100/m`.
        rate: Box<str>,
        /// The next may go then.
        until: Wall,
        /// Where that is set.
        key: Key,
    },
    /// Every source of the pool has had as many messages, octets or connections as it may have in a time.
    SourceRate {
        /// The pool; none: this host is the one source.
        pool: Option<Arc<str>>,
        /// Which of these.
        counted: Counted,
        /// So many each, such as `100/m`.
        rate: Box<str>,
        /// The next may go then.
        until: Wall,
        /// Where that is set.
        key: Key,
    },
    /// Every source of the pool has as many connections there as it may have.
    SourceConnections {
        /// The pool.
        pool: Arc<str>,
        /// Where that is set.
        key: Key,
    },
    /// The sources of the pool that are in use have had all that they may have of a day.
    Warmup {
        /// The pool.
        pool: Arc<str>,
        /// The first of them that has another day.
        source: Box<str>,
        /// So many messages it might have of this one.
        most: u64,
        /// That ends then.
        until: Wall,
        /// Where that is set.
        key: Key,
    },
    /// No source of the pool is of use there now.
    SourcesOut {
        /// The pool.
        pool: Arc<str>,
        /// The first is back then; never, if none has an address of the hosts' family.
        until: Option<Wall>,
    },
    /// An operator has taken a source of the pool out of use, and the others, if there are any, have all
    /// that they may have.
    SourceDisabled {
        /// The pool.
        pool: Arc<str>,
        /// The first of them that is back.
        source: Box<str>,
        /// That is then.
        until: Wall,
        /// Who ordered it.
        by: Box<str>,
        /// And why.
        reason: Box<str>,
    },
    /// Dials failed, and one finds out whether they still do.
    Probing {
        /// So many failed in a row.
        failures: u16,
    },
    /// Dials wait for their hosts to answer.
    Unanswered {
        /// So many.
        dials: u16,
    },
    /// No host could be reached, and the site is left alone for a while.
    Resting {
        /// Until then.
        until: Wall,
        /// So many dials failed in a row.
        failures: u16,
    },
    /// The recipient was put off, and waits for its time.
    Retry {
        /// That is then.
        due: Wall,
        /// It was tried so often.
        attempts: u16,
        /// Where it is set for how long.
        key: Key,
    },
    /// All mail for the site was put off, and waits for its time.
    PutOff {
        /// So many deliveries.
        waiting: usize,
        /// Where it is set for how long, if it is bulk.
        key: Key,
    },
    /// DNS was asked where the mail goes, and has not answered yet.
    DnsAsked,
    /// Mail for the domain goes nowhere now.
    Unroutable {
        /// Why.
        cause: Box<str>,
        /// It is asked again then, when mail comes.
        until: Option<Wall>,
    },
    /// The mail names a pool of our addresses that the settings do not know.
    UnknownPool,
    /// The message cannot be read back from the spool now.
    Unreadable,
}

impl Limiter {
    /// What it is called, always the same.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Paused { .. } => "paused",
            Self::FlowPaused { .. } => "flow-paused",
            Self::Draining => "draining",
            Self::ShardConnections { .. } => "shard-connections",
            Self::Served { .. } => "served",
            Self::Asked { .. } => "asked",
            Self::SiteConnections { .. } => "site-connections",
            Self::SharedConnections { .. } => "shared-connections",
            Self::Rate { counted: Counted::Messages, .. } => "message-rate",
            Self::Rate { counted: Counted::Bytes, .. } => "byte-rate",
            Self::Rate { counted: Counted::Connections, .. } => "connection-rate",
            Self::SourceRate { counted: Counted::Messages, .. } => "source-message-rate",
            Self::SourceRate { counted: Counted::Bytes, .. } => "source-byte-rate",
            Self::SourceRate { counted: Counted::Connections, .. } => "source-connection-rate",
            Self::SourceConnections { .. } => "source-connections",
            Self::Warmup { .. } => "warmup",
            Self::SourcesOut { .. } => "sources-out",
            Self::SourceDisabled { .. } => "source-disabled",
            Self::Probing { .. } => "probing",
            Self::Unanswered { .. } => "unanswered",
            Self::Resting { .. } => "resting",
            Self::Retry { .. } => "retry",
            Self::PutOff { .. } => "put-off",
            Self::DnsAsked => "dns-asked",
            Self::Unroutable { .. } => "unroutable",
            Self::UnknownPool => "unknown-pool",
            Self::Unreadable => "unreadable",
        }
    }

    /// The key of the settings that sets it, if one does.
    #[must_use]
    pub const fn key(&self) -> Option<Key> {
        match self {
            Self::SiteConnections { key, .. }
            | Self::SharedConnections { key, .. }
            | Self::Rate { key, .. }
            | Self::SourceRate { key, .. }
            | Self::Warmup { key, .. }
            | Self::SourceConnections { key, .. }
            | Self::Retry { key, .. }
            | Self::PutOff { key, .. } => Some(*key),
            _ => None,
        }
    }

    /// When it is over, or what it waits for is done, if a time is known.
    #[must_use]
    pub const fn until(&self) -> Option<Wall> {
        match self {
            Self::Paused { until, .. }
            | Self::FlowPaused { until, .. }
            | Self::SourceDisabled { until, .. }
            | Self::Resting { until, .. }
            | Self::Rate { until, .. }
            | Self::SourceRate { until, .. }
            | Self::Warmup { until, .. } => Some(*until),
            Self::Retry { due, .. } => Some(*due),
            Self::SourcesOut { until, .. }
            | Self::Unroutable { until, .. }
            | Self::Asked { until, .. } => *until,
            _ => None,
        }
    }

    /// What happens next.
    #[must_use]
    pub const fn next(&self) -> &'static str {
        match self {
            Self::Idle => "mail comes",
            Self::Paused { .. } | Self::FlowPaused { .. } => "the pause ends by itself",
            Self::Draining => "the program ends; mail goes on when it is started again",
            Self::ShardConnections { .. }
            | Self::SiteConnections { .. }
            | Self::SharedConnections { .. }
            | Self::SourceConnections { .. } => "a connection has carried its share, or ends",
            Self::Asked { .. } => "more may go, unless a host asks again",
            Self::Rate { counted: Counted::Connections, .. }
            | Self::SourceRate { counted: Counted::Connections, .. } => {
                "the next connection is opened"
            }
            Self::Rate { .. } | Self::SourceRate { .. } => "the next message goes",
            Self::Served { .. } => "a connection takes it",
            Self::Warmup { .. } => "its next day begins",
            Self::SourcesOut { .. } => "the first source is of use again",
            Self::SourceDisabled { .. } => "the source is of use again by itself",
            Self::Probing { .. } | Self::Unanswered { .. } => "a host answers, or the dial fails",
            Self::Resting { .. } => "one connection is tried",
            Self::Retry { .. } => "it is tried again",
            Self::PutOff { .. } => "each is tried again when its time has come",
            Self::DnsAsked => "DNS answers",
            Self::Unroutable { .. } => "DNS is asked again, for the next mail",
            Self::UnknownPool => "it is tried again, by its retry schedule",
            Self::Unreadable => "it is read again",
        }
    }

    /// What would change it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Idle => "nothing: there is no mail that waits for a connection",
            Self::Paused { .. } => "ringpost resume",
            Self::FlowPaused { .. } => {
                "ringpost resume, with --tenant or --campaign as in the pause"
            }
            Self::Draining => "a start",
            Self::ShardConnections { .. } => "fewer sites at once, or more shards",
            Self::Asked { .. } => "the host: it takes what it asked for less of",
            Self::Served { .. } => "nothing: it is on its way",
            Self::SiteConnections { .. } | Self::Rate { .. } => {
                "a larger number there, if the provider bears it"
            }
            Self::SourceConnections { .. } | Self::SourceRate { .. } => {
                "a larger number there, or more sources in the pool"
            }
            Self::SharedConnections { .. } => {
                "less of the same site's other mail, or a larger number there"
            }
            Self::Warmup { .. } => "larger numbers there, or other sources in the pool",
            Self::SourcesOut { .. } => "an address on this host, or a proxy, that is there again",
            Self::SourceDisabled { .. } => "ringpost enable-source",
            Self::Probing { .. } | Self::Unanswered { .. } => "a host that answers",
            Self::Resting { .. } => "a host that answers; ringpost flush tries one at once",
            Self::Retry { .. } | Self::PutOff { .. } => {
                "ringpost flush, for all mail of the site that waits"
            }
            Self::DnsAsked => "a resolver that answers",
            Self::Unroutable { .. } => "other records in DNS, or a [[route]] for the domain",
            Self::UnknownPool => "a [[pool]] of that name, and a start",
            Self::Unreadable => "a disk that can be read",
        }
    }
}

#[cfg(test)]
mod tests;
