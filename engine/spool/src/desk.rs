//! A log in memory, for tests: a writer, and the segments it has written.

use crate::{
    Answer, BLOCK_MAX, Catalog, Contents, Damage, Deferral, Draft, Footer, Form, Index, Place,
    Position, Recovery, SEGMENT_MIN, Sealed, SegmentHeader, Settlement, Spot, Staged, Standing,
    Text, Writer, envelope_of, scan,
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
        Self::at(Position::start_of(header), Index::default(), 1, Segments::new())
    }

    fn at(position: Position, index: Index, boot: u32, segments: Segments) -> Self {
        let memory = [vec![0xEE; BLOCK_MAX], vec![0xEE; BLOCK_MAX]];
        let writer = Writer::new(position, index, boot, SEGMENT_MIN as u64, memory);
        Self { writer, segments, boot, count: 0, salts: u64::from(boot) << 32 }
    }

    /// What a restart makes of `segments`.
    pub(crate) fn open(segments: Segments) -> (Self, Found) {
        let mut found = recover(&segments, 1_000_000 + segments.len() as u64);
        let index = std::mem::take(&mut found.index);
        (Self::at(found.position, index, found.boot, segments), found)
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

    /// Puts in a bounce about recipients of another message.
    pub(crate) fn bounce(&mut self, id: MessageId, recipients: &[u16]) -> MessageId {
        let bounce = self.next_id();
        let text = Text::from_elem(self.writer.text(bounce, b"bounce", Tick::ZERO), 1);
        self.writer.bounce(bounce, &text, &draft(), &settlement(id, recipients), Tick::ZERO);
        bounce
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
        let mut write = Write::of(&sealed);
        self.writer.written(sealed.memory);
        write.footer = self.writer.finished().and_then(|(end, index)| Footer::encode(&end, &index));
        write.land(&mut self.segments);
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
    /// Where the footer of its segment starts, and its bytes, if this is the last block.
    footer: Option<(u64, Vec<u8>)>,
}

impl Write {
    pub(crate) fn of(sealed: &Sealed<Vec<u8>>) -> Self {
        let Sealed { memory, len, segment, offset, begins, .. } = sealed;
        let (offset, bytes) = (*offset as usize, memory[..*len].to_vec());
        Self { segment: *segment, offset, bytes, begins: *begins, footer: None }
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
        if let Some((start, bytes)) = &self.footer {
            file[*start as usize..][..bytes.len()].copy_from_slice(bytes);
        }
    }
}

/// What a log in memory holds.
pub(crate) struct Found {
    pub(crate) catalog: Catalog,
    pub(crate) survivors: Vec<Survivor>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) boot: u32,
    pub(crate) position: Position,
    pub(crate) index: Index,
}

pub(crate) struct Survivor {
    pub(crate) id: MessageId,
    pub(crate) text: Text,
    pub(crate) open: Vec<Standing>,
}

/// Recovery from blocks alone.
pub(crate) fn recover(segments: &Segments, salt: u64) -> Found {
    recover_by(segments, salt, |header, bytes, next| scan(header, bytes, next).0)
}

/// Recovery from footers where there are any, as a start does it.
pub(crate) fn recover_sealed(segments: &Segments, salt: u64) -> Found {
    recover_by(segments, salt, |header, bytes, next| {
        next.and_then(|next| sealed(header, bytes, next))
            .unwrap_or_else(|| scan(header, bytes, next).0)
    })
}

pub(crate) fn sealed(
    header: &SegmentHeader,
    bytes: &[u8],
    next: &SegmentHeader,
) -> Option<Contents> {
    let page = &bytes[Footer::offset(header) as usize..];
    let footer = Footer::decode(page, header, next)?;
    let index = &bytes[footer.index_offset as usize..][..footer.index_len as usize];
    footer.checks(index).then(|| Contents::sealed(&footer, index.to_vec()))
}

pub(crate) fn headers(segments: &Segments) -> Vec<(SegmentHeader, &[u8])> {
    let whole = |bytes: &'_ Vec<u8>| SegmentHeader::decode(bytes).ok();
    segments.values().filter_map(|bytes| Some((whole(bytes)?, &bytes[..]))).collect()
}

fn recover_by(
    segments: &Segments,
    salt: u64,
    read: impl Fn(&SegmentHeader, &[u8], Option<&SegmentHeader>) -> Contents,
) -> Found {
    let whole = headers(segments);
    let (tail, bytes) = whole.last().expect("there is a segment");
    let (contents, index) = scan(tail, bytes, None);
    let boot = whole.iter().map(|(header, _)| header.boot).max().unwrap_or(0).max(contents.boot);
    let mut catalog = Catalog::new(3, whole[0].0.segment);
    let mut recovery = Recovery::default();
    for (at, (header, bytes)) in whole.iter().enumerate() {
        let contents = read(header, bytes, whole.get(at + 1).map(|next| &next.0));
        recovery.begin(&mut catalog, &contents);
        for entry in contents.entries().expect("an index") {
            recovery.apply(&mut catalog, entry);
        }
    }
    let mut survivors: Vec<_> = catalog
        .iter()
        .map(|live| {
            let (_, text) = envelope_of(spot_bytes(segments, &live.spot)).expect("whole");
            Survivor { id: live.id, text, open: live.open.iter().collect() }
        })
        .collect();
    survivors.sort_by_key(|survivor| survivor.id);
    let damage = recovery.finish(&catalog);
    let position = contents.end.position(index.room(), boot + 1, salt, SEGMENT_MIN as u64);
    let index = if position.begun { index } else { Index::default() };
    Found { catalog, survivors, damage, boot: boot + 1, position, index }
}

pub(crate) fn spot_bytes<'a>(segments: &'a Segments, spot: &Spot) -> &'a [u8] {
    &segments[&spot.segment()][spot.offset() as usize..][..spot.len() as usize]
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
        requiretls: false,
        dotted: true,
        form: Form::Stuffed,
        extra: b"",
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
