//! What each byte of a segment is for, read as `spool/FORMAT.md` draws it and without the code
//! that wrote it. Only for segments that are sound.

use event::MessageId;
use std::fmt;
use std::ops::Range;

const PAGE: usize = 4_096;
const BLOCK_HEADER: usize = 96;
const RECORD_HEADER: usize = 32;

/// Of what kind a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The first page of a segment.
    SegmentHeader,
    BlockHeader,
    /// The header of a record that holds a text, or a part of one.
    TextHeader,
    Text,
    /// Another record, header and all.
    Record(Kind),
    /// Zeros behind the records of a block.
    Padding,
    /// What no block has been written to.
    Unused,
}

/// What a record that is no text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// That a message exists.
    Delivery,
    /// What became of recipients.
    Verdict,
}

impl Part {
    pub(crate) const ALL: [Self; 8] = [
        Self::SegmentHeader,
        Self::BlockHeader,
        Self::TextHeader,
        Self::Text,
        Self::Record(Kind::Delivery),
        Self::Record(Kind::Verdict),
        Self::Padding,
        Self::Unused,
    ];
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SegmentHeader => "segment headers",
            Self::BlockHeader => "block headers",
            Self::TextHeader => "headers of texts",
            Self::Text => "texts",
            Self::Record(Kind::Delivery) => "envelopes",
            Self::Record(Kind::Verdict) => "verdicts",
            Self::Padding => "padding",
            Self::Unused => "unused space",
        })
    }
}

/// A run of bytes of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    pub(crate) segment: u64,
    pub(crate) range: Range<usize>,
    pub(crate) part: Part,
    /// Where its block begins.
    pub(crate) block: Option<usize>,
    pub(crate) message: Option<MessageId>,
    /// It holds only if all of its block does.
    pub(crate) bound: bool,
}

/// All bytes of a segment of log 0.
pub(crate) fn areas(segment: u64, bytes: &[u8]) -> Vec<Area> {
    let area =
        |range, part, block| Area { segment, range, part, block, message: None, bound: false };
    let mut areas = vec![area(0..PAGE, Part::SegmentHeader, None)];
    let salt = &bytes[40..48];
    let mut at = PAGE;
    while bytes.len() >= at + PAGE
        && bytes[at..at + 4] == *b"RPBK"
        && bytes[at + 8..at + 16] == *salt
    {
        areas.push(area(at..at + BLOCK_HEADER, Part::BlockHeader, Some(at)));
        let end = at + BLOCK_HEADER + u32_at(bytes, at + 32) as usize;
        records(segment, bytes, at, end, &mut areas);
        let next = end.next_multiple_of(PAGE);
        areas.push(area(end..next, Part::Padding, Some(at)));
        at = next;
    }
    areas.push(area(at..bytes.len(), Part::Unused, None));
    areas.retain(|area| !area.range.is_empty());
    areas
}

fn records(segment: u64, bytes: &[u8], block: usize, end: usize, areas: &mut Vec<Area>) {
    let mut at = block + BLOCK_HEADER;
    while at < end {
        let (len, kind, bound) = (u32_at(bytes, at) as usize, bytes[at + 4], bytes[at + 5] == 1);
        let count = u64::from(u32_at(bytes, at + 8)) | u64::from(u32_at(bytes, at + 12)) << 32;
        let message = Some(MessageId { log: 0, boot: u32_at(bytes, at + 16), count });
        let area = |range, part| Area { segment, range, part, block: Some(block), message, bound };
        let (payload, padded) = (at + RECORD_HEADER, len.next_multiple_of(8));
        match kind {
            1 => {
                areas.push(area(at..payload, Part::TextHeader));
                areas.push(area(payload..payload + len, Part::Text));
            }
            2 | 6 => areas.push(area(at..payload + len, Part::Record(Kind::Delivery))),
            3..=5 => areas.push(area(at..payload + len, Part::Record(Kind::Verdict))),
            other => panic!("a record of kind {other} at {at} of segment {segment}"),
        }
        let padding = Area {
            message: None,
            bound: false,
            ..area(payload + len..payload + padded, Part::Padding)
        };
        areas.push(padding);
        at = payload + padded;
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
