//! Message buffers: our field's place, the text, the place of the next envelope; one run of
//! bytes, so that it is received and sent without a copy.

use super::plan::{ENVELOPE, PREFIX_LEN, Plan};

/// Buffers by number. They are made at the start and never moved.
pub(super) struct Pool {
    buffers: Vec<Box<[u8]>>,
    free: Vec<u32>,
    text_len: usize,
}

impl Pool {
    pub(super) fn new(plan: &Plan, count: u32) -> Self {
        let mut blank = vec![b'x'; plan.outgoing_len()];
        blank[PREFIX_LEN + plan.text_len..].copy_from_slice(ENVELOPE);
        let buffers = (0..count).map(|_| blank.clone().into_boxed_slice()).collect();
        Self { buffers, free: (0..count).rev().collect(), text_len: plan.text_len }
    }

    pub(super) fn take(&mut self) -> Option<u32> {
        self.free.pop()
    }

    pub(super) fn give_back(&mut self, index: u32) {
        self.free.push(index);
    }

    /// Where the text, and the next envelope behind it, come in.
    pub(super) fn incoming(&mut self, index: u32) -> &mut [u8] {
        &mut self.buffers[index as usize][PREFIX_LEN..]
    }

    /// What goes to the log: our field and the text.
    pub(super) fn record(&self, index: u32) -> &[u8] {
        &self.buffers[index as usize][..PREFIX_LEN + self.text_len]
    }

    /// What goes to the sink.
    pub(super) fn outgoing(&self, index: u32) -> &[u8] {
        &self.buffers[index as usize]
    }
}
