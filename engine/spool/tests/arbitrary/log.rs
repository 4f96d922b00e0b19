//! A log in memory, the ways it may be mangled, and what recovery makes of it.

use event::{MessageId, Outcome, Tick, Wall};
use spool::{
    Answer, BLOCK_ALIGN, BLOCK_MAX, Catalog, Damage, Deferral, Draft, Envelope, Form, Index, Open,
    Place, Position, Recovery, SEGMENT_MIN, SegmentHeader, Settlement, Spot, Standing, Text,
    Writer, scan,
};
use std::collections::BTreeMap;

const LOG: u16 = 3;
const RECIPIENTS: [&[u8]; 2] = [b"b@example.net", b"c@example.org"];
/// A field of an envelope that no version knows, and one that this one does.
const LATER: &[u8] = b"\xc8\0\x05\0later\x01\0\x04\0shop";
/// Pages behind the last block of a segment.
const UNUSED: usize = 2;

pub(crate) type Segments = BTreeMap<u64, Vec<u8>>;

/// Segments, and every message that was ever put in.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) segments: Segments,
    pub(crate) put: BTreeMap<MessageId, Message>,
}

/// A message as it was put in.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) envelope: Envelope,
    pub(crate) text: Vec<u8>,
}

/// The salt of the log that is mangled.
pub(crate) const SALT: u64 = 99;

/// What recovery makes of a log.
pub(crate) struct Found {
    pub(crate) survivors: Vec<Survivor>,
    pub(crate) live: usize,
    pub(crate) damage: Vec<Damage>,
    boot: u32,
    position: Option<Position>,
    index: Index,
}

/// A live message.
pub(crate) struct Survivor {
    pub(crate) id: MessageId,
    pub(crate) envelope: Envelope,
    pub(crate) text: Text,
    pub(crate) open: Vec<Standing>,
}

/// Recovers `segments`, all that must change here if recovery does. A segment whose header does
/// not serve, or is another log's, is set aside.
pub(crate) fn recover(segments: &Segments) -> Found {
    let mut whole = Vec::new();
    let mut missing = Vec::new();
    for (number, bytes) in segments {
        match SegmentHeader::decode(bytes) {
            Ok(header) if header.segment == *number && header.log_uuid == uuid(SALT) => {
                whole.push((header, bytes));
            }
            _ => missing.push(*number),
        }
    }
    let mut catalog = Catalog::new(LOG, whole.first().map_or(1, |first| first.0.segment));
    let mut recovery = Recovery::new(&missing);
    let (mut boot, mut last) = (0, None);
    for (at, (header, bytes)) in whole.iter().enumerate() {
        let (contents, index) = scan(header, bytes, whole.get(at + 1).map(|next| &next.0));
        recovery.begin(&mut catalog, &contents);
        for entry in contents.entries().expect("a scan gives an index") {
            recovery.apply(&mut catalog, entry);
        }
        boot = boot.max(contents.boot);
        last = Some((contents.end, index));
    }
    let survivors: Vec<Survivor> =
        catalog.iter().map(|live| survivor(segments, live.id, &live.spot, live.open)).collect();
    let live = catalog.len();
    let damage = recovery.finish(&catalog);
    let boot = boot + 1;
    let (end, index) = last.unzip();
    let index = index.unwrap_or_default();
    let position = end.map(|end| end.position(index.room(), boot, 77, SEGMENT_MIN as u64));
    let index = if position.is_some_and(|at| at.begun) { index } else { Index::default() };
    Found { survivors, live, damage, boot, position, index }
}

fn survivor(segments: &Segments, id: MessageId, spot: &Spot, open: &Open) -> Survivor {
    let start = spot.offset() as usize;
    let payload = &segments[&spot.segment()][start..start + spot.len() as usize];
    let (envelope, text) = spool::envelope_of(payload).expect("it was whole when it was scanned");
    Survivor { id, envelope, text, open: open.iter().collect() }
}

fn uuid(salt: u64) -> [u8; 16] {
    u128::from(salt).to_le_bytes()
}

/// The text of a survivor, or `None` if some of it is not what was written.
pub(crate) fn text_of(segments: &Segments, text: &Text) -> Option<Vec<u8>> {
    let part = |place: &Place| {
        let range = place.offset as usize..place.offset as usize + place.len as usize;
        let bytes = segments.get(&place.segment)?.get(range)?;
        (spool::crc(bytes) == place.crc).then_some(bytes)
    };
    let parts: Option<Vec<&[u8]>> = text.iter().map(part).collect();
    Some(parts?.concat())
}

fn settlement(id: MessageId, recipients: &[u16]) -> Settlement<'_> {
    let (outcome, answer) = (Outcome::Failed, Answer::default());
    Settlement { id, recipients, outcome, answer }
}

/// One that writes a log.
pub(crate) struct Scribe {
    writer: Writer<Vec<u8>>,
    boot: u32,
    count: u64,
    salt: u64,
    /// Who sends all its messages, so that those of another are told from them.
    sender: String,
    pub(crate) log: Log,
}

impl Scribe {
    /// Begins a log. Two of different `salt` have not one block in common, nor a message.
    pub(crate) fn new(salt: u64) -> Self {
        let header = SegmentHeader {
            log_uuid: uuid(salt),
            log: LOG,
            boot: 1,
            segment: 1,
            salt,
            first_block: 1,
            torn_block: 0,
            segment_len: SEGMENT_MIN as u64,
        };
        let log = Log { segments: Segments::new(), put: BTreeMap::new() };
        Self::at(Position::start_of(header), Index::default(), 1, salt, log)
    }

    /// Goes on with `log` where recovery says.
    pub(crate) fn go_on(log: Log, found: Found) -> Option<Self> {
        Some(Self::at(found.position?, found.index, found.boot, 1_000, log))
    }

    fn at(position: Position, index: Index, boot: u32, salt: u64, log: Log) -> Self {
        let memory = [vec![0xEE; BLOCK_MAX], vec![0xEE; BLOCK_MAX]];
        let writer = Writer::new(position, index, boot, SEGMENT_MIN as u64, memory);
        let sender = format!("a@{salt}.example");
        Self { writer, boot, count: 0, salt, sender, log }
    }

    fn next_id(&mut self) -> MessageId {
        self.count += 1;
        MessageId { log: LOG, boot: self.boot, count: self.count }
    }

    /// Puts a message in whose text comes in `parts`.
    pub(crate) fn put(&mut self, parts: &[&[u8]]) -> MessageId {
        self.put_with(parts, None)
    }

    /// Puts a message in that tells of recipients of another, which are through with it.
    pub(crate) fn bounce(&mut self, id: MessageId, recipients: &[u16]) -> MessageId {
        self.put_with(&[b"sorry"], Some(settlement(id, recipients)))
    }

    fn put_with(&mut self, parts: &[&[u8]], settled: Option<Settlement<'_>>) -> MessageId {
        let id = self.next_id();
        let text: Text = parts.iter().map(|part| self.writer.text(id, part, Tick::ZERO)).collect();
        let raw = self.count.is_multiple_of(2);
        let form = if raw { Form::Raw { ended: false, binary: true } } else { Form::Stuffed };
        let draft = Draft {
            sender: self.sender.as_bytes(),
            recipients: &RECIPIENTS,
            prefix: b"Received: by us\r\n",
            accepted: Wall(1_000),
            eight_bit: true,
            utf8: false,
            requiretls: self.count.is_multiple_of(3),
            dotted: true,
            form,
            extra: if raw { LATER } else { b"" },
        };
        let (_, envelope) = match settled {
            Some(settled) => self.writer.bounce(id, &text, &draft, &settled, Tick::ZERO),
            None => self.writer.delivery(id, &text, &draft, Tick::ZERO),
        };
        self.log.put.insert(id, Message { envelope, text: parts.concat() });
        id
    }

    pub(crate) fn settle(&mut self, id: MessageId, recipients: &[u16]) {
        self.writer.done(&settlement(id, recipients), Tick::ZERO);
    }

    pub(crate) fn defer(&mut self, id: MessageId, recipient: u16, attempt: u16) {
        let (due, answer) = (Wall(u64::from(attempt)), Answer::default());
        let deferral = Deferral { id, recipients: &[recipient], attempt, due, answer };
        self.writer.defer(&deferral, Tick::ZERO);
    }

    pub(crate) fn abort(&mut self, id: MessageId) {
        self.writer.abort(id, Tick::ZERO);
    }

    /// Carries a message forward.
    pub(crate) fn copy(&mut self, id: MessageId) {
        let Message { envelope, text } = self.log.put[&id].clone();
        let place = self.writer.text(id, &text, Tick::ZERO);
        let open = [0, 1].map(|recipient| Standing { recipient, attempt: 1, due: Wall(1) });
        self.writer.copy(id, &Text::from_elem(place, 1), &open, &envelope, Tick::ZERO);
    }

    /// Writes what was put in; or, if it `fails`, half of it, and goes on in the next segment.
    pub(crate) fn commit(&mut self, fails: bool) {
        self.salt = self.salt.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
        let sealed = self.writer.seal(self.salt, Tick::ZERO, Wall(1)).expect("none is in flight");
        let file = self.log.segments.entry(sealed.segment).or_default();
        let (start, len) = (sealed.offset as usize, sealed.len);
        let end = start + len + UNUSED * BLOCK_ALIGN;
        // What was there before: it may be anything.
        file.resize(file.len().max(end), 0xAB);
        if let Some(header) = sealed.begins {
            header.encode(&mut file[..BLOCK_ALIGN]);
        }
        let len = if fails { len / 2 } else { len };
        file[start..start + len].copy_from_slice(&sealed.memory[..len]);
        if fails {
            self.writer.failed(sealed.memory, !self.salt, Tick::ZERO);
        } else {
            self.writer.written(sealed.memory);
        }
    }
}

/// A log with every kind of record, in segments that ended because a write failed.
pub(crate) fn written(salt: u64) -> Log {
    let mut scribe = Scribe::new(salt);
    let mut ids = Vec::new();
    for round in 0..24_usize {
        let long: Vec<u8> =
            (0..round * 700).map(|at| (at * 7 + round + salt as usize) as u8).collect();
        ids.push(scribe.put(&[&long]));
        ids.push(scribe.put(&[b"in ", b"three ", b"parts"]));
        ids.push(scribe.put(&[b""]));
        let old = ids[round];
        match round % 6 {
            0 => scribe.settle(old, &[0, 1]),
            1 => ids.push(scribe.bounce(old, &[1])),
            2 => scribe.defer(old, 1, round as u16),
            3 => scribe.abort(old),
            4 => scribe.copy(old),
            _ => (),
        }
        scribe.commit(round % 7 == 6);
    }
    scribe.log
}
