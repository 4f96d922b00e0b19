//! Records go into the open batch.

use super::carry::Carried;
use super::{Staged, Writer};
use crate::envelope::{Draft, Envelope};
use crate::format::{BLOCK_MAX, crc};
use crate::place::{Place, Text};
use crate::record::{
    Deferral, Kind, PART_MAX, RECORD_HEADER, RecordHeader, Settlement, Standing, Verdict,
    delivery_len, encode_copy, encode_delivery, record_len, verdict_len,
};
use event::{MessageId, Outcome, Tick, Wall};
use std::ops::DerefMut;

impl<B: DerefMut<Target = [u8]>> Writer<B> {
    /// Bytes a text of `len` takes up in a batch.
    #[must_use]
    pub const fn text_room(len: usize) -> usize {
        record_len(len)
    }

    /// Bytes an envelope, or a copy with `standings`, takes up in a batch.
    #[must_use]
    pub const fn delivery_room(places: usize, standings: usize, envelope_len: usize) -> usize {
        record_len(delivery_len(places, standings, envelope_len))
    }

    /// Bytes [`Self::done_bound`] takes up in a batch.
    #[must_use]
    pub const fn done_room(recipients: usize) -> usize {
        record_len(verdict_len(recipients))
    }

    /// Puts in a text, or a part of one.
    ///
    /// # Panics
    /// If it is longer than [`PART_MAX`], or there is no room.
    pub fn text(&mut self, id: MessageId, bytes: &[u8], now: Tick) -> Place {
        self.text_as(id, bytes, crc(bytes), now)
    }

    /// As [`Self::text`] for bytes whose check is known: a copy of damaged bytes stays damaged.
    ///
    /// # Panics
    /// As [`Self::text`].
    pub fn text_as(&mut self, id: MessageId, bytes: &[u8], check: u32, now: Tick) -> Place {
        assert!(bytes.len() <= PART_MAX, "a part has a limit");
        let fill = |out: &mut [u8]| {
            out.copy_from_slice(bytes);
            check
        };
        self.push(Tag::of(Kind::Text, id), bytes.len(), now, fill)
    }

    /// Puts in the envelope of a message whose text lies at `text`.
    ///
    /// # Panics
    /// If it is longer than a message's may be, or there is no room.
    pub fn delivery(
        &mut self,
        id: MessageId,
        text: &Text,
        draft: &Draft<'_>,
        now: Tick,
    ) -> (Staged, Envelope) {
        let envelope_len = draft.envelope_len().expect("the caller looked at its length");
        let len = delivery_len(text.len(), 0, envelope_len);
        let delivery = self.push(Tag::of(Kind::Delivery, id), len, now, |out| {
            encode_delivery(out, text, draft, envelope_len);
            crc(out)
        });
        self.open.urgent = true;
        let end = (delivery.offset - self.at.offset) as usize + len;
        let envelope = Envelope::encoded(&self.open.memory[end - envelope_len..end]);
        (Staged { block: self.at.block, delivery }, envelope)
    }

    /// Puts in a message carried forward.
    ///
    /// # Panics
    /// As [`Self::delivery`].
    pub fn copy(
        &mut self,
        id: MessageId,
        text: &Text,
        open: &[Standing],
        envelope: &[u8],
        now: Tick,
    ) -> Staged {
        let len = delivery_len(text.len(), open.len(), envelope.len());
        let delivery = self.push(Tag::of(Kind::Copy, id), len, now, |out| {
            encode_copy(out, text, open, envelope);
            crc(out)
        });
        Staged { block: self.at.block, delivery }
    }

    /// Records that recipients are through.
    pub fn done(&mut self, settled: &Settlement<'_>, now: Tick) {
        let verdict = final_verdict(settled);
        self.completion(
            Kind::Done,
            settled.id,
            verdict_len(settled.recipients.len()),
            now,
            |out| {
                verdict.encode(out);
            },
        );
    }

    /// As [`Self::done`], true only if the messages of this batch come to exist.
    ///
    /// # Panics
    /// If there is no room.
    pub fn done_bound(&mut self, settled: &Settlement<'_>, now: Tick) {
        let verdict = final_verdict(settled);
        let tag = Tag { bound: true, ..Tag::of(Kind::Done, settled.id) };
        self.push(tag, verdict_len(settled.recipients.len()), now, |out| {
            verdict.encode(out);
            crc(out)
        });
    }

    /// Records that recipients are to be tried again.
    pub fn defer(&mut self, deferred: &Deferral<'_>, now: Tick) {
        let Deferral { id, recipients, attempt, due, answer } = *deferred;
        let verdict = Verdict { outcome: Outcome::Deferred, answer, attempt, due, recipients };
        self.completion(Kind::Defer, id, verdict_len(recipients.len()), now, |out| {
            verdict.encode(out);
        });
    }

    /// Records that the message does not exist, whatever else is on disk of it.
    pub fn abort(&mut self, id: MessageId, now: Tick) {
        self.completion(Kind::Abort, id, 0, now, |_| ());
    }

    /// Completions always go in: behind the batch, if it is full.
    fn completion(
        &mut self,
        kind: Kind,
        id: MessageId,
        len: usize,
        now: Tick,
        fill: impl FnOnce(&mut [u8]),
    ) {
        if !self.carry.is_empty() || self.open.used + record_len(len) > BLOCK_MAX {
            let mut payload = vec![0; len].into_boxed_slice();
            fill(&mut payload);
            return self.carry.add(Carried { kind, boot: id.boot, count: id.count, payload });
        }
        self.push(Tag::of(kind, id), len, now, |out| {
            fill(out);
            crc(out)
        });
    }

    pub(super) fn push(
        &mut self,
        tag: Tag,
        len: usize,
        now: Tick,
        fill: impl FnOnce(&mut [u8]) -> u32,
    ) -> Place {
        let start = self.open.used;
        let record = &mut self.open.memory[start..start + record_len(len)];
        let (header, rest) = record.split_at_mut(RECORD_HEADER);
        let (payload, padding) = rest.split_at_mut(len);
        padding.fill(0);
        let payload_crc = fill(payload);
        let Tag { kind, bound, boot, count } = tag;
        let check = RecordHeader { kind, bound, boot, count, payload_len: len as u32, payload_crc }
            .encode(self.at.segment.salt, header);
        self.open.took(record_len(len), check, now);
        let offset = self.at.offset + (start + RECORD_HEADER) as u32;
        Place { segment: self.at.segment.segment, offset, len: len as u32, crc: payload_crc }
    }
}

/// What a record is, and of which message.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    pub(super) kind: Kind,
    pub(super) bound: bool,
    pub(super) boot: u32,
    pub(super) count: u64,
}

impl Tag {
    const fn of(kind: Kind, id: MessageId) -> Self {
        Self { kind, bound: false, boot: id.boot, count: id.count }
    }
}

fn final_verdict<'a>(settled: &Settlement<'a>) -> Verdict<&'a [u16]> {
    let Settlement { recipients, outcome, answer, .. } = *settled;
    assert!(outcome.is_final(), "what is not final is deferred");
    Verdict { outcome, answer, attempt: 0, due: Wall(0), recipients }
}
