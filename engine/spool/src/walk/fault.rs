//! The rules of the format, as what breaks them.

use event::MessageId;
use std::fmt;

/// A rule that a block breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Where this block should begin, no header checks.
    NoBlock {
        /// Its number.
        expected: u64,
    },
    /// Block numbers have no gap.
    Number {
        /// The number that was to follow.
        expected: u64,
        /// The number that is there.
        found: u64,
    },
    /// Each block names the check of the one before.
    Chain,
    /// A block knows of earlier blocks only that they are durable, and never of fewer than
    /// the one before it did.
    DurableUpto {
        /// What it says.
        claim: u64,
        /// The block that says so.
        block: u64,
    },
    /// Boots only grow.
    Boot {
        /// The boot of the block before.
        before: u32,
        /// This one's.
        found: u32,
    },
    /// Records follow each other; here none checks.
    Record,
    /// A block's records are those it was sealed with.
    Records,
    /// A record's payload is not what was written.
    Payload(MessageId),
    /// A record's payload is what was written, and makes no sense.
    Unreadable(MessageId),
    /// Behind the records there are zeros.
    Padding,
}

impl Fault {
    /// Whether records may be lost by it.
    #[must_use]
    pub const fn is_of_content(&self) -> bool {
        matches!(
            self,
            Self::NoBlock { .. }
                | Self::Record
                | Self::Records
                | Self::Payload(_)
                | Self::Unreadable(_)
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBlock { expected } => {
                write!(f, "block {expected} should begin here, and no header of one checks")
            }
            Self::Number { expected, found } => {
                write!(f, "block {expected} should be here, and block {found} is")
            }
            Self::Chain => f.write_str("the block does not follow from the one before it"),
            Self::DurableUpto { claim, block } => {
                write!(f, "block {block} says that block {claim} is durable, which cannot be")
            }
            Self::Boot { before, found } => {
                write!(f, "written in boot {found}, behind a block of boot {before}")
            }
            Self::Record => f.write_str("a record should begin here, and none checks"),
            Self::Records => f.write_str("the records are not those the block was sealed with"),
            Self::Payload(id) => write!(f, "a record of message {id} is not what was written"),
            Self::Unreadable(id) => write!(f, "a record of message {id} makes no sense"),
            Self::Padding => f.write_str("bytes behind the records are not zero"),
        }
    }
}
