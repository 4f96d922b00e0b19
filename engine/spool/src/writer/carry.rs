//! Completions on their way into a later block.

use crate::record::{Kind, RecordHeader};
use std::collections::VecDeque;

/// A queue of completions. Empty but for full batches and failed writes.
#[derive(Debug, Default)]
pub(super) struct Carry(VecDeque<Carried>);

/// One completion.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) kind: Kind,
    pub(super) boot: u32,
    pub(super) count: u64,
    pub(super) payload: Box<[u8]>,
}

impl Carry {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn first_len(&self) -> Option<usize> {
        self.0.front().map(|first| first.payload.len())
    }

    pub(super) fn take(&mut self) -> Option<Carried> {
        self.0.pop_front()
    }

    pub(super) fn add(&mut self, carried: Carried) {
        self.0.push_back(carried);
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Takes over what a void batch held: completions as they are, messages as ABORTs. A
    /// completion bound to a message in the same batch is void with it.
    pub(super) fn salvage(&mut self, mut records: &[u8]) {
        while let Some(header) = RecordHeader::read(records) {
            let (record, rest) = records.split_at(header.record_len());
            records = rest;
            let (kind, payload) = match header.kind {
                Kind::Done | Kind::Defer | Kind::Abort if !header.bound => {
                    (header.kind, header.payload(record).into())
                }
                Kind::Delivery => (Kind::Abort, Box::default()),
                _ => continue,
            };
            self.add(Carried { kind, boot: header.boot, count: header.count, payload });
        }
    }
}
