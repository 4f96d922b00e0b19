//! Keys of `[[listener]]` that bound what a peer can make us do.

use super::document::Section;
use super::keys::read_bytes;
use policy::rate::Rate;
use std::time::Duration;

/// What one peer may do, and a crowd of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defence {
    /// The most messages of one connection.
    pub transactions_max: u32,
    /// One may speak before it is greeted.
    pub early_talk: bool,
    /// The most errors of one connection since its last message.
    pub errors_max: u16,
    /// Commands of one connection that bring no message nearer.
    pub commands: Rate,
    /// The most refused recipients of one connection.
    pub recipients_refused_max: u16,
    /// The most fields of a header.
    pub header_fields_max: u32,
    /// The largest header.
    pub header_bytes_max: usize,
    /// How many may come from one place.
    pub callers: Callers,
    /// How slow one may be.
    pub pace: Pace,
}

/// How many connections may come from one place, of those who may not relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callers {
    /// The most of an address, all shards together.
    pub per_address: u32,
    /// The most of a network, all shards together.
    pub per_network: u32,
    /// How many bits the addresses of a network share, in IPv4.
    pub prefix_v4: u8,
    /// The same in IPv6.
    pub prefix_v6: u8,
}

/// How slow a client may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes a second that a message text has to come with; 0 for any.
    pub data_rate_min: u64,
    /// How long a text may be slower than that.
    pub data_rate_grace: Duration,
    /// How long a silent client is kept while there are many.
    pub idle_crowded: Duration,
}

impl Defence {
    pub(super) fn read(listener: &mut Section<'_, '_>) -> Self {
        Self {
            transactions_max: listener.bounded(
                "transactions_max",
                1..=1_000_000_000,
                100_000,
                "The most messages one connection may bring; MAIL hears 421 then.",
            ) as u32,
            early_talk: listener.key(
                "early_talk",
                false,
                "Whether a client may speak before it is greeted. If not, one that has done so by \
                 then hears 554; nobody is kept waiting to find out.",
            ),
            errors_max: listener.bounded(
                "errors_max",
                1..=10_000,
                20,
                "The most errors since the last accepted message; the next one ends the \
                 connection. A word that is no command counts as four.",
            ) as u16,
            commands: listener.key(
                "commands",
                Rate::new(1_000, Duration::from_secs(1)).expect("a rate"),
                "How many commands of one connection may bring no message nearer, such as RSET, \
                 NOOP or one that is refused; past it the connection ends.",
            ),
            recipients_refused_max: listener.bounded(
                "recipients_refused_max",
                1..=60_000,
                100,
                "The most recipients refused for good on one connection; then it ends.",
            ) as u16,
            header_fields_max: listener.bounded(
                "header_fields_max",
                10..=100_000,
                1_000,
                "The most fields a header may have.",
            ) as u32,
            header_bytes_max: read_bytes(
                listener,
                "header_bytes_max",
                4 << 10..=240 << 10,
                240 << 10,
                "The largest header. It is read in one piece, and there is none larger.",
            ) as usize,
            callers: Callers::read(listener),
            pace: Pace::read(listener),
        }
    }
}

impl Callers {
    fn read(listener: &mut Section<'_, '_>) -> Self {
        Self {
            per_address: listener.bounded(
                "connections_per_address",
                1..=1_000_000,
                50,
                "The most connections at once from one address that is not in `relay_from`, all \
                 shards together; further ones hear 421. A [[source]] has limits of its own.",
            ) as u32,
            per_network: listener.bounded(
                "connections_per_network",
                1..=1_000_000,
                200,
                "The same for one network.",
            ) as u32,
            prefix_v4: listener.bounded(
                "network_prefix_v4",
                8..=32,
                24,
                "How many leading bits the IPv4 addresses of one network share.",
            ) as u8,
            prefix_v6: listener.bounded(
                "network_prefix_v6",
                16..=128,
                64,
                "How many leading bits the IPv6 addresses of one network share.",
            ) as u8,
        }
    }
}

impl Pace {
    fn read(listener: &mut Section<'_, '_>) -> Self {
        Self {
            data_rate_min: read_bytes(
                listener,
                "data_rate_min",
                0..=1 << 30,
                500,
                "How many bytes of message text have to come each second, on average since its \
                 beginning; a slower client is cut off with 421. 0: any.",
            ),
            data_rate_grace: listener.bounded(
                "data_rate_grace",
                Duration::from_secs(1)..=Duration::from_mins(10),
                Duration::from_secs(10),
                "How much later than that a message text may come.",
            ),
            idle_crowded: listener.bounded(
                "idle_crowded",
                Duration::from_secs(1)..=Duration::from_hours(24),
                Duration::from_secs(30),
                "How long a silent client is kept while more than 80 % of `connections_max` or \
                 of `intake_bytes` are in use. Never longer than `idle`.",
            ),
        }
    }
}
