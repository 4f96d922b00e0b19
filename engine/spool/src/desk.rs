//! A log in memory, for tests: a writer, and the segments it has written.

use crate::{
    Answer, BLOCK_MAX, Deferral, Draft, Found, Place, Position, Recovery, SEGMENT_MIN, Sealed,
    SegmentHeader, Settlement, Staged, Text, Writer,
};
use event::{MessageId, Outcome, Tick, Wall};
use std::collections::BTreeMap;

pub(crate) type Segments = BTreeMap<u64, Vec<u8>>;

pub(crate) struct Desk {
    pub(crate) writer: Writer<Vec<u8>>,
    pub(crate) segments: Segments,
    pub(crate) boot: u32,
    pub(crate) count: u64,
    salts: u64,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let header = SegmentHeader {
            log_uuid: [7; 16],
            log: 3,
            boot: 1,
            segment: 1,
            salt: 99,
            first_block: 1,
            torn_block: 0,
            segment_len: SEGMENT_MIN as u64,
        };
        Self::at(Position::start_of(header), 1, Segments::new())
    }

    fn at(position: Position, boot: u32, segments: Segments) -> Self {
        let memory = [vec![0xEE; BLOCK_MAX], vec![0xEE; BLOCK_MAX]];
        let writer = Writer::new(position, boot, SEGMENT_MIN as u64, memory);
        Self { writer, segments, boot, count: 0, salts: u64::from(boot) << 32 }
    }

    /// What a restart makes of `segments`.
    pub(crate) fn open(segments: Segments) -> (Self, Found) {
        let found = recover(&segments, 1_000_000 + segments.len() as u64);
        let desk = Self::at(found.position.expect("there is a segment"), found.boot, segments);
        (desk, found)
    }

    pub(crate) fn salt(&mut self) -> u64 {
        self.salts += 1;
        self.salts.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    pub(crate) fn next_id(&mut self) -> MessageId {
        self.count += 1;
        MessageId { log: 3, boot: self.boot, count: self.count }
    }

    /// Puts in a message for two recipients.
    pub(crate) fn put(&mut self, text: &[u8]) -> (MessageId, Text, Staged) {
        let id = self.next_id();
        let text = Text::from_elem(self.writer.text(id, text, Tick::ZERO), 1);
        let (staged, _) = self.writer.delivery(id, &text, &draft(), Tick::ZERO);
        (id, text, staged)
    }

    pub(crate) fn done(&mut self, id: MessageId, recipients: &[u16]) {
        self.writer.done(&settlement(id, recipients), Tick::ZERO);
    }

    pub(crate) fn defer(&mut self, id: MessageId, recipients: &[u16], attempt: u16) {
        let (due, answer) = (Wall(u64::from(attempt)), Answer::default());
        let deferral = Deferral { id, recipients, attempt, due, answer };
        self.writer.defer(&deferral, Tick::ZERO);
    }

    pub(crate) fn seal(&mut self) -> Sealed<Vec<u8>> {
        let salt = self.salt();
        self.writer.seal(salt, Tick::ZERO, Wall(1)).expect("nothing is in flight")
    }

    /// Writes the open batch, and gives what was written.
    pub(crate) fn commit(&mut self) -> Write {
        let sealed = self.seal();
        let write = Write::of(&sealed);
        write.land(&mut self.segments);
        self.writer.written(sealed.memory);
        write
    }
}

/// One commit, as it reaches the disk.
#[derive(Clone)]
pub(crate) struct Write {
    pub(crate) segment: u64,
    pub(crate) offset: usize,
    pub(crate) bytes: Vec<u8>,
    begins: Option<SegmentHeader>,
}

impl Write {
    pub(crate) fn of(sealed: &Sealed<Vec<u8>>) -> Self {
        let Sealed { memory, len, segment, offset, begins, .. } = sealed;
        let (offset, bytes) = (*offset as usize, memory[..*len].to_vec());
        Self { segment: *segment, offset, bytes, begins: *begins }
    }

    /// Makes the segment, if this begins one: that is durable before.
    pub(crate) fn begin(&self, segments: &mut Segments) {
        if let Some(header) = self.begins {
            // A file used before: stale bytes everywhere.
            let mut file = vec![0xAB; SEGMENT_MIN];
            header.encode(&mut file[..4_096]);
            segments.insert(self.segment, file);
        }
    }

    pub(crate) fn land(&self, segments: &mut Segments) {
        self.begin(segments);
        let file = segments.get_mut(&self.segment).expect("a segment is begun");
        file[self.offset..self.offset + self.bytes.len()].copy_from_slice(&self.bytes);
    }
}

pub(crate) fn recover(segments: &Segments, salt: u64) -> Found {
    let header = |bytes: &Vec<u8>| SegmentHeader::decode(bytes).ok();
    let whole: Vec<_> =
        segments.values().filter_map(|bytes| Some((header(bytes)?, bytes))).collect();
    let mut recovery = Recovery::new(3, whole.first().map_or(1, |first| first.0.segment));
    for (at, (header, bytes)) in whole.iter().enumerate() {
        recovery.segment(header, bytes, whole.get(at + 1).map(|next| &next.0));
    }
    recovery.finish(salt, SEGMENT_MIN as u64)
}

pub(crate) fn bytes_at<'a>(segments: &'a Segments, place: &Place) -> &'a [u8] {
    let start = place.offset as usize;
    &segments[&place.segment][start..start + place.len as usize]
}

pub(crate) fn settlement(id: MessageId, recipients: &[u16]) -> Settlement<'_> {
    Settlement { id, recipients, outcome: Outcome::Delivered, answer: Answer::default() }
}

pub(crate) fn draft() -> Draft<'static> {
    Draft {
        sender: b"a@example.com",
        recipients: &[b"b@example.net", b"c@example.org"],
        prefix: b"Received: by us\r\n",
        accepted: Wall(1_000),
        eight_bit: true,
        utf8: false,
        dotted: true,
    }
}

/// Numbers that look random, the same every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}
