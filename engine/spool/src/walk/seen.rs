//! A record as a person sees it.

use crate::envelope::Envelope;
use crate::format::SegmentHeader;
use crate::place::{Place, Text};
use crate::record::{Answer, Delivery, Indices, Kind, Record, RecordHeader, Standing, Verdict};
use event::{MessageId, Outcome, Wall};

/// A record, and where it lies.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The message it is about.
    pub id: MessageId,
    /// Where its payload lies.
    pub place: Place,
    /// It holds only together with the message that came to exist in the same block.
    pub bound: bool,
    /// What it says.
    pub what: What,
}

/// What a record says.
#[derive(Clone, Debug)]
pub enum What {
    /// A text, or a part of one.
    Text,
    /// The message exists.
    Delivery(Message),
    /// Recipients are through.
    Done(Ruling),
    /// Recipients are to be tried again.
    Defer(Ruling),
    /// The message does not exist after all.
    Abort,
    /// The message was carried forward.
    Copy(Message),
    /// A kind this version does not know.
    Later,
    /// Its payload is not what was written, or makes no sense.
    Bad,
}

/// A message, as a DELIVERY or COPY tells of it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who it is from and for.
    pub envelope: Envelope,
    /// Where its text lies.
    pub text: Text,
    /// What was open of it; empty where it was new: all of it.
    pub open: Vec<Standing>,
}

/// What a DONE or a DEFER tells of some recipients.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// What became of them.
    pub outcome: Outcome,
    /// What was said.
    pub answer: Answer,
    /// Attempts made so far; zero in a DONE.
    pub attempt: u16,
    /// When they are due again.
    pub due: Wall,
    /// Indices into the envelope.
    pub recipients: Vec<u16>,
}

impl Seen {
    /// The record whose header lies at `at`, with its payload if that is what was written.
    pub(super) fn new(
        segment: &SegmentHeader,
        at: usize,
        header: &RecordHeader,
        payload: Option<&[u8]>,
    ) -> Self {
        let place = Place {
            segment: segment.segment,
            offset: RecordHeader::payload_offset(at),
            len: header.payload_len,
            crc: header.payload_crc,
        };
        let what = payload.and_then(|payload| what(header.kind, payload)).unwrap_or(What::Bad);
        Self { id: header.id(segment.log), place, bound: header.bound, what }
    }
}

fn what(kind: Kind, payload: &[u8]) -> Option<What> {
    if kind == Kind::Later {
        return Some(What::Later);
    }
    Some(match Record::decode(kind, payload)? {
        Record::Text => What::Text,
        Record::Delivery(delivery) => What::Delivery(message(delivery)?),
        Record::Copy(delivery) => What::Copy(message(delivery)?),
        Record::Abort => What::Abort,
        Record::Verdict(verdict) if verdict.outcome.is_final() => What::Done(ruling(verdict)),
        Record::Verdict(verdict) => What::Defer(ruling(verdict)),
    })
}

fn message(delivery: Delivery<'_>) -> Option<Message> {
    let envelope = Envelope::decode(delivery.envelope)?;
    Some(Message { envelope, text: delivery.text, open: delivery.open })
}

fn ruling(verdict: Verdict<Indices<'_>>) -> Ruling {
    let Verdict { outcome, answer, attempt, due, recipients } = verdict;
    Ruling { outcome, answer, attempt, due, recipients: recipients.iter().collect() }
}
