//! The pure machines on the path of a message, each set up so that the same work can be done
//! over and over: what `cargo bench` times, and `counts` counts.

mod load;
mod parser;
mod queue;
mod session;
mod spool;

use crate::inputs::SIZES;
use std::fmt;

/// Deliveries that wait while one passes through the queue.
const WAITING: [u32; 2] = [0, 1_000_000];
/// Messages in a batch, as 64 busy sessions make it.
const BATCH: u64 = 64;

/// One thing that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Every command of the protocol's transcripts is parsed.
    Commands,
    /// A message text of so many bytes is looked through for its end.
    Text(usize),
    /// The header of such a text is read.
    Header(usize),
    /// A warm connection takes one pipelined message of so many bytes.
    Receive(usize),
    /// A warm connection gives one message: envelope, text, and the answers to both.
    Send,
    /// A delivery becomes ready and is taken, while so many others wait.
    Ready(u32),
    /// A delivery is put off and comes due, while so many others wait.
    Defer(u32),
    /// Sixty-four messages of 4 KiB fill a commit block: all the spool does but the write.
    Append,
    /// A provider of the load generator takes a pipelined message of 4 KiB.
    Provide,
    /// The load generator makes and offers a message of 4 KiB, and hears the answers.
    Offer,
}

impl Machine {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Commands,
        Self::Text(SIZES[0]),
        Self::Text(SIZES[1]),
        Self::Header(SIZES[0]),
        Self::Receive(SIZES[0]),
        Self::Receive(SIZES[1]),
        Self::Send,
        Self::Ready(WAITING[0]),
        Self::Ready(WAITING[1]),
        Self::Defer(WAITING[0]),
        Self::Defer(WAITING[1]),
        Self::Append,
        Self::Provide,
        Self::Offer,
    ];

    /// Bytes of text that one pass handles, where that is what counts.
    #[must_use]
    pub const fn bytes(self) -> Option<usize> {
        match self {
            Self::Text(bytes) | Self::Header(bytes) | Self::Receive(bytes) => Some(bytes),
            Self::Append => Some(SIZES[0] * BATCH as usize),
            Self::Provide | Self::Offer => Some(SIZES[0]),
            _ => None,
        }
    }

    /// Sets it up. Each call of what is returned does the work once more.
    #[must_use]
    pub fn ready(self) -> Box<dyn FnMut()> {
        match self {
            Self::Commands => parser::commands(),
            Self::Text(bytes) => parser::text(bytes),
            Self::Header(bytes) => parser::header(bytes),
            Self::Receive(bytes) => session::receive(bytes),
            Self::Send => session::send(),
            Self::Ready(waiting) => queue::ready(waiting),
            Self::Defer(waiting) => queue::defer(waiting),
            Self::Append => spool::append(),
            Self::Provide => load::provide(),
            Self::Offer => load::offer(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commands => f.write_str("parser/commands"),
            Self::Text(bytes) => write!(f, "parser/text/{bytes}"),
            Self::Header(bytes) => write!(f, "parser/header/{bytes}"),
            Self::Receive(bytes) => write!(f, "session/receive/{bytes}"),
            Self::Send => f.write_str("session/send"),
            Self::Ready(waiting) => write!(f, "queue/ready and take/{waiting}"),
            Self::Defer(waiting) => write!(f, "queue/defer and due/{waiting}"),
            Self::Append => write!(f, "spool/append/{BATCH}"),
            Self::Provide => f.write_str("load/provide"),
            Self::Offer => f.write_str("load/offer"),
        }
    }
}
