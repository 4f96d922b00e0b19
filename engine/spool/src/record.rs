//! The records inside a block.
//!
//! Every record starts on a multiple of 8 and has a check of its own, in which the segment's
//! salt has a part: behind damage the next record is found by looking for one.

use crate::envelope::{Draft, Envelope};
use crate::fields::{Put, Take};
use crate::format::{BLOCK_HEADER, BLOCK_MAX, crc};
use crate::index::Ruling;
use crate::place::{Place, Text};
use crate::spot::Spot;
use event::{EnhancedCode, MessageId, Outcome, Wall};
use std::net::IpAddr;

/// The longest part of a text that one record holds.
pub const PART_MAX: usize = 256 * 1_024;

/// Bytes in front of a record's payload.
pub(crate) const RECORD_HEADER: usize = 32;

/// The most parts of one text: together with [`PART_MAX`] what the largest message may be.
pub const PARTS_MAX: usize = 1_024;

const FRONT: usize = 8;
/// Bytes of one open recipient in a COPY.
pub(crate) const STANDING: usize = 16;
const VERDICT: usize = 40;

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text, or a part of one.
    Text = 1,
    /// An envelope and where its text lies: the message exists.
    Delivery = 2,
    /// Recipients that are through.
    Done = 3,
    /// Recipients to be tried again.
    Defer = 4,
    /// The message was refused after all.
    Abort = 5,
    /// A delivery carried forward, with what is still open.
    Copy = 6,
    /// Something a later version knows: skipped.
    Later = 255,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Text, Self::Delivery, Self::Done, Self::Defer, Self::Abort, Self::Copy];

    /// The kind with this number on disk; `None` for zero, which is padding.
    fn from_number(number: u8) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|kind| *kind as u8 == number);
        known.or((number != 0).then_some(Self::Later))
    }
}

/// The first 32 bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) kind: Kind,
    /// It holds only if the whole of its block does: a bounce, and the DONE it tells of.
    pub(crate) bound: bool,
    pub(crate) boot: u32,
    pub(crate) count: u64,
    pub(crate) payload_len: u32,
    pub(crate) payload_crc: u32,
}

impl RecordHeader {
    /// Encodes into the first bytes of `out`, and gives the check.
    pub(crate) fn encode(&self, salt: u64, out: &mut [u8]) -> u32 {
        let mut sealed = [0; 4 + RECORD_HEADER];
        Put::new(&mut sealed)
            .u64(salt)
            .u32(self.payload_len)
            .u8(self.kind as u8)
            .u8(u8::from(self.bound))
            .u16(0)
            .u64(self.count)
            .u32(self.boot)
            .u32(self.payload_crc)
            .u32(0);
        let check = crc(&sealed);
        Put::new(out).bytes(&sealed[8..]).u32(check);
        check
    }

    /// The header at the front of `bytes` and its check, if one of this salt is there.
    pub(crate) fn decode(salt: u64, bytes: &[u8]) -> Option<(Self, u32)> {
        let header = Self::read(bytes)?;
        let (covered, check) = bytes[..RECORD_HEADER].split_at(RECORD_HEADER - 4);
        let mut sealed = [0; 4 + RECORD_HEADER];
        Put::new(&mut sealed).u64(salt).bytes(covered);
        let check = Take::new(check).u32()?;
        (crc(&sealed) == check).then_some((header, check))
    }

    /// The header at the front of bytes that were never out of our hands.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take::new(bytes.get(..RECORD_HEADER)?);
        let payload_len = take.u32()?;
        let kind = Kind::from_number(take.u8()?)?;
        let bound = take.u8()? != 0;
        take.u16()?;
        let (count, boot, payload_crc) = (take.u64()?, take.u32()?, take.u32()?);
        let header = Self { kind, bound, boot, count, payload_len, payload_crc };
        (payload_len as usize <= BLOCK_MAX - BLOCK_HEADER - RECORD_HEADER).then_some(header)
    }

    /// The payload of the `record` this is the header of.
    pub(crate) fn payload<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        &record[RECORD_HEADER..RECORD_HEADER + self.payload_len as usize]
    }

    /// Where the payload starts of a record that starts at `at`.
    pub(crate) const fn payload_offset(at: usize) -> u32 {
        (at + RECORD_HEADER) as u32
    }

    /// Bytes from the start of this record to the start of the next.
    pub(crate) const fn record_len(&self) -> usize {
        record_len(self.payload_len as usize)
    }

    pub(crate) fn id(&self, log: u16) -> MessageId {
        MessageId { log, boot: self.boot, count: self.count }
    }
}

/// Bytes a record with so much payload takes up.
pub(crate) const fn record_len(payload_len: usize) -> usize {
    RECORD_HEADER + payload_len.next_multiple_of(8)
}

/// What a peer answered, as far as the log keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The reply code, 0 if nobody answered.
    pub code: u16,
    /// The enhanced code, if there was one.
    pub enhanced: Option<EnhancedCode>,
    /// Who answered.
    pub peer: Option<IpAddr>,
}

/// Where an open recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its index in the envelope.
    pub recipient: u16,
    /// Attempts made so far.
    pub attempt: u16,
    /// When it is to be tried next; zero: at once.
    pub due: Wall,
}

/// What became of some recipients of a message, for good.
#[derive(Clone, Copy, Debug)]
pub struct Settlement<'a> {
    /// The message.
    pub id: MessageId,
    /// Indices into its envelope.
    pub recipients: &'a [u16],
    /// A final outcome.
    pub outcome: Outcome,
    /// What was said.
    pub answer: Answer,
}

/// Some recipients of a message are to be tried again.
#[derive(Clone, Copy, Debug)]
pub struct Deferral<'a> {
    /// The message.
    pub id: MessageId,
    /// Indices into its envelope.
    pub recipients: &'a [u16],
    /// Attempts made so far.
    pub attempt: u16,
    /// When they are due.
    pub due: Wall,
    /// What was said.
    pub answer: Answer,
}

/// What a DONE or a DEFER says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict<R> {
    pub(crate) outcome: Outcome,
    pub(crate) answer: Answer,
    pub(crate) attempt: u16,
    pub(crate) due: Wall,
    pub(crate) recipients: R,
}

/// Recipient indices as they lie on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indices<'a>(&'a [u8]);

impl Indices<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = u16> + Clone {
        self.0.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
    }
}

impl<R> Verdict<R> {
    /// What it means for its recipients.
    pub(crate) fn ruling(&self) -> Ruling {
        if self.outcome.is_final() {
            return Ruling::Through;
        }
        Ruling::Due { attempt: self.attempt, due: self.due }
    }
}

pub(crate) const fn verdict_len(recipients: usize) -> usize {
    VERDICT + 2 * recipients
}

impl Verdict<&[u16]> {
    pub(crate) fn encode(&self, out: &mut [u8]) {
        let enhanced =
            self.answer.enhanced.unwrap_or(EnhancedCode { class: 0, subject: 0, detail: 0 });
        let (family, address) = match self.answer.peer {
            None => (0, [0; 16]),
            Some(IpAddr::V4(peer)) => (4, peer.to_ipv6_mapped().octets()),
            Some(IpAddr::V6(peer)) => (6, peer.octets()),
        };
        let mut put = Put::new(out);
        put.u8(self.outcome as u8).u8(enhanced.class).u16(self.answer.code);
        put.u16(enhanced.subject).u16(enhanced.detail).u64(self.due.0).u16(self.attempt);
        put.u16(self.recipients.len() as u16).u8(family).bytes(&[0; 3]).bytes(&address);
        for recipient in self.recipients {
            put.u16(*recipient);
        }
    }
}

impl<'a> Verdict<Indices<'a>> {
    fn decode(payload: &'a [u8]) -> Option<Self> {
        let mut take = Take::new(payload);
        let outcome = Outcome::from_number(take.u8()?)?;
        let (class, code) = (take.u8()?, take.u16()?);
        let (subject, detail) = (take.u16()?, take.u16()?);
        let (due, attempt) = (Wall(take.u64()?), take.u16()?);
        let count = usize::from(take.u16()?);
        let family = take.u8()?;
        take.bytes(3)?;
        let address: [u8; 16] = take.bytes(16)?.try_into().ok()?;
        let enhanced = (class != 0).then_some(EnhancedCode { class, subject, detail });
        let peer = (family != 0).then(|| IpAddr::from(address).to_canonical());
        let answer = Answer { code, enhanced, peer };
        Some(Self { outcome, answer, attempt, due, recipients: Indices(take.bytes(2 * count)?) })
    }
}

/// Bytes of a DELIVERY's or COPY's payload.
pub(crate) const fn delivery_len(places: usize, standings: usize, envelope: usize) -> usize {
    FRONT + Place::LEN * places + STANDING * standings + envelope
}

/// Encodes a DELIVERY; the envelope ends up at the end of `out`.
pub(crate) fn encode_delivery(
    out: &mut [u8],
    text: &[Place],
    draft: &Draft<'_>,
    envelope_len: usize,
) {
    let (front, envelope) = out.split_at_mut(out.len() - envelope_len);
    encode_front(front, text, &[], envelope_len);
    draft.encode(envelope);
}

/// Encodes a COPY.
pub(crate) fn encode_copy(out: &mut [u8], text: &[Place], open: &[Standing], envelope: &[u8]) {
    let (front, end) = out.split_at_mut(out.len() - envelope.len());
    encode_front(front, text, open, envelope.len());
    end.copy_from_slice(envelope);
}

fn encode_front(out: &mut [u8], text: &[Place], open: &[Standing], envelope_len: usize) {
    let mut put = Put::new(out);
    put.u16(text.len() as u16).u16(open.len() as u16).u32(envelope_len as u32);
    for place in text {
        place.put(&mut put);
    }
    for standing in open {
        put.u64(standing.due.0).u16(standing.recipient).u16(standing.attempt).u32(0);
    }
}

/// A DELIVERY or COPY, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery<'a> {
    pub(crate) text: Text,
    /// Empty in a DELIVERY: every recipient is open and was never tried.
    pub(crate) open: Vec<Standing>,
    pub(crate) envelope: &'a [u8],
}

impl<'a> Delivery<'a> {
    pub(crate) fn decode(payload: &'a [u8]) -> Option<Self> {
        let mut take = Take::new(payload);
        let (places, standings) = (take.u16()?, take.u16()?);
        let envelope_len = take.u32()? as usize;
        let text = (0..places).map(|_| Place::take(&mut take)).collect::<Option<_>>()?;
        let open = (0..standings).map(|_| standing(&mut take)).collect::<Option<_>>()?;
        let envelope = take.rest();
        (envelope.len() == envelope_len).then_some(Self { text, open, envelope })
    }
}

/// The envelope and the places of the text in the payload of a DELIVERY or COPY.
#[must_use]
pub fn envelope_of(payload: &[u8]) -> Option<(Envelope, Text)> {
    let delivery = Delivery::decode(payload)?;
    Some((Envelope::decode(delivery.envelope)?, delivery.text))
}

/// As [`envelope_of`] for a whole record, if it is that of message `id` at `spot`, and checks.
#[must_use]
pub fn message_in(record: &[u8], id: MessageId, spot: &Spot) -> Option<(Envelope, Text)> {
    let header = RecordHeader::read(record)?;
    let is_message = matches!(header.kind, Kind::Delivery | Kind::Copy);
    let is_it = is_message && header.id(id.log) == id && header.payload_len == spot.len();
    let payload = record.get(RECORD_HEADER..RECORD_HEADER + spot.len() as usize)?;
    (is_it && crc(payload) == header.payload_crc).then(|| envelope_of(payload))?
}

fn standing(take: &mut Take<'_>) -> Option<Standing> {
    let due = Wall(take.u64()?);
    let (recipient, attempt) = (take.u16()?, take.u16()?);
    take.u32()?;
    Some(Standing { recipient, attempt, due })
}

/// A record as recovery sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Text,
    Delivery(Delivery<'a>),
    Verdict(Verdict<Indices<'a>>),
    Abort,
    Copy(Delivery<'a>),
}

impl<'a> Record<'a> {
    /// Reads a payload whose check was right.
    pub(crate) fn decode(kind: Kind, payload: &'a [u8]) -> Option<Self> {
        Some(match kind {
            Kind::Text => Self::Text,
            Kind::Delivery => Self::Delivery(Delivery::decode(payload)?),
            Kind::Done | Kind::Defer => Self::Verdict(Verdict::decode(payload)?),
            Kind::Abort => Self::Abort,
            Kind::Copy => Self::Copy(Delivery::decode(payload)?),
            Kind::Later => return None,
        })
    }
}

#[cfg(test)]
mod tests;
