//! Records go into the open batch.

use super::carry::Carried;
use super::{Staged, Writer};
use crate::catalog::Open;
use crate::envelope::{Draft, Envelope};
use crate::format::{BLOCK_MAX, crc};
use crate::index::{Birth, Index, Ruling, home};
use crate::place::{Place, Text};
use crate::record::{
    Deferral, Kind, PART_MAX, RECORD_HEADER, Record, RecordHeader, Settlement, Standing, Verdict,
    delivery_len, encode_copy, encode_delivery, record_len, verdict_len,
};
use crate::spot::Spot;
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

    /// Bytes the settlement of [`Self::bounce`] takes up in a batch.
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
        self.deliver(Tag::of(Kind::Delivery, id), text, draft, now)
    }

    /// As [`Self::delivery`] for a bounce, and `settled` with it: both are true, or neither.
    ///
    /// # Panics
    /// As [`Self::delivery`].
    pub fn bounce(
        &mut self,
        id: MessageId,
        text: &Text,
        draft: &Draft<'_>,
        settled: &Settlement<'_>,
        now: Tick,
    ) -> (Staged, Envelope) {
        let tag = Tag { bound: true, ..Tag::of(Kind::Delivery, id) };
        let staged = self.deliver(tag, text, draft, now);
        self.done_bound(settled, now);
        staged
    }

    fn deliver(
        &mut self,
        tag: Tag,
        text: &Text,
        draft: &Draft<'_>,
        now: Tick,
    ) -> (Staged, Envelope) {
        let envelope_len = draft.envelope_len().expect("the caller looked at its length");
        let len = delivery_len(text.len(), 0, envelope_len);
        let delivery = self.push(tag, len, now, |out| {
            encode_delivery(out, text, draft, envelope_len);
            crc(out)
        });
        self.open.urgent = true;
        let end = (delivery.offset - self.at.offset) as usize + len;
        let envelope = Envelope::encoded(&self.open.memory[end - envelope_len..end]);
        let birth = Birth {
            boot: tag.boot,
            count: tag.count,
            envelope: delivery,
            text,
            accepted: draft.accepted,
            way: envelope.way(),
            copied: false,
            open: Open::All(draft.recipients.len() as u16),
        };
        self.index.born(birth, draft.recipients.iter().copied());
        (self.as_staged(&delivery, text), envelope)
    }

    fn as_staged(&self, delivery: &Place, text: &Text) -> Staged {
        let Place { segment, offset, len, .. } = *delivery;
        let text_len = text.iter().map(|place| place.len).sum();
        let spot = Spot::new(segment, offset, len, text_len);
        Staged { block: self.at.block, spot, home: home(segment, text) }
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
        envelope: &Envelope,
        now: Tick,
    ) -> Staged {
        let bytes = envelope.bytes();
        let len = delivery_len(text.len(), open.len(), bytes.len());
        let delivery = self.push(Tag::of(Kind::Copy, id), len, now, |out| {
            encode_copy(out, text, open, bytes);
            crc(out)
        });
        let birth = Birth {
            boot: id.boot,
            count: id.count,
            envelope: delivery,
            text,
            accepted: envelope.accepted(),
            way: envelope.way(),
            copied: true,
            open: Open::of(open),
        };
        self.index.born(birth, envelope.recipients());
        self.as_staged(&delivery, text)
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
    fn done_bound(&mut self, settled: &Settlement<'_>, now: Tick) {
        let verdict = final_verdict(settled);
        let tag = Tag { bound: true, ..Tag::of(Kind::Done, settled.id) };
        let recipients = settled.recipients.iter().copied();
        self.index.ruled(tag.boot, tag.count, Ruling::Through, recipients);
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
        let place = self.push(Tag::of(kind, id), len, now, |out| {
            fill(out);
            crc(out)
        });
        let start = (place.offset - self.at.offset) as usize;
        let MessageId { boot, count, .. } = id;
        rule(&mut self.index, boot, count, kind, &self.open.memory[start..start + len]);
    }

    /// Tells the index what a completion says.
    pub(super) fn rule(&mut self, boot: u32, count: u64, kind: Kind, payload: &[u8]) {
        rule(&mut self.index, boot, count, kind, payload);
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

fn rule(index: &mut Index, boot: u32, count: u64, kind: Kind, payload: &[u8]) {
    match Record::decode(kind, payload) {
        Some(Record::Verdict(verdict)) => {
            index.ruled(boot, count, verdict.ruling(), verdict.recipients.iter());
        }
        Some(Record::Abort) => index.ruled(boot, count, Ruling::Void, std::iter::empty()),
        _ => debug_assert!(false, "only completions are put in here"),
    }
}

fn final_verdict<'a>(settled: &Settlement<'a>) -> Verdict<&'a [u16]> {
    let Settlement { recipients, outcome, answer, .. } = *settled;
    assert!(outcome.is_final(), "what is not final is deferred");
    Verdict { outcome, answer, attempt: 0, due: Wall(0), recipients }
}
