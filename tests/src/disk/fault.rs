//! What a disk is told to get wrong, and when.

use std::time::Duration;

/// Which operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any write.
    Write,
    /// Any flush.
    Flush,
    /// A write that begins with a commit block of a spool.
    Block,
    /// The first flush behind such a write, if nothing else was written before it: a flush of
    /// the log's, not of the filesystem's.
    BlockFlush,
    /// A write that begins with the header of a spool's segment.
    Header,
}

/// The n-th operation of a kind fails with EIO, counted from the order on, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which kind.
    pub target: Target,
    /// Which one of them.
    pub nth: u32,
    /// Whether a failed write is on the disk all the same. A failed flush loses the commit
    /// blocks it was about if this is not set.
    pub kept: bool,
}

/// How the disk behaves at the moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    pub(super) failures: Vec<Failure>,
    pub(super) delay: Duration,
    pub(super) hung: bool,
    /// Nobody waits any more: delays and hanging are over for good.
    pub(super) ended: bool,
}

/// What an operation is, as far as orders go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    Write(&'a [u8]),
    /// A flush, and whether commit blocks and nothing else were written since the last one.
    Flush(bool),
}

/// The first bytes of a commit block and of a segment: see the spool's FORMAT.md.
const BLOCK_MAGIC: &[u8] = b"RPBK";
const SEGMENT_MAGIC: &[u8] = b"RPSPOOL";

impl Orders {
    /// Whether this operation is one that fails, and if so, how.
    pub(super) fn strike(&mut self, kind: Kind<'_>) -> Option<Failure> {
        let counted = self.failures.iter_mut().filter(|failure| failure.target.is(kind));
        counted.for_each(|failure| failure.nth = failure.nth.saturating_sub(1));
        let due = self.failures.iter().position(|failure| failure.nth == 0)?;
        Some(self.failures.remove(due))
    }
}

impl Target {
    fn is(self, kind: Kind<'_>) -> bool {
        match (self, kind) {
            (Self::Write, Kind::Write(_))
            | (Self::Flush, Kind::Flush(_))
            | (Self::BlockFlush, Kind::Flush(true)) => true,
            (Self::Block, Kind::Write(bytes)) => is_block(bytes),
            (Self::Header, Kind::Write(bytes)) => bytes.starts_with(SEGMENT_MAGIC),
            _ => false,
        }
    }
}

/// Whether `bytes` begin with a commit block.
pub(super) fn is_block(bytes: &[u8]) -> bool {
    bytes.starts_with(BLOCK_MAGIC)
}

#[cfg(test)]
mod tests {
    use super::{Failure, Kind, Orders, Target};

    #[test]
    fn the_nth_of_its_kind_fails_and_no_other() {
        let failure = Failure { target: Target::Block, nth: 2, kept: false };
        let mut orders = Orders { failures: vec![failure], ..Orders::default() };
        let (block, other) = (Kind::Write(b"RPBK..."), Kind::Write(b"...."));
        let struck = [other, block, Kind::Flush(true), other, block, block]
            .map(|kind| orders.strike(kind).is_some());
        assert_eq!(struck, [false, false, false, false, true, false]);
    }
}
