use super::{Beside, Log, segment_name, settled};
use event::{MessageId, Tick, Wall};
use spool::walk::{Depth, Walk};
use spool::{BLOCK_MAX, Draft, Index, Position, SEGMENT_MIN, SegmentHeader, Text, Writer};
use std::fs;

/// A segment of four blocks of 8 KiB, each with one message.
fn segment() -> (SegmentHeader, Vec<u8>) {
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
    let memory = [vec![0; BLOCK_MAX], vec![0; BLOCK_MAX]];
    let mut writer =
        Writer::new(Position::start_of(header), Index::default(), 1, SEGMENT_MIN as u64, memory);
    let mut bytes = vec![0; SEGMENT_MIN];
    header.encode(&mut bytes[..4_096]);
    for count in 1..=4 {
        let id = MessageId { log: 3, boot: 1, count };
        let text = Text::from_elem(writer.text(id, &[b'x'; 5_000], Tick::ZERO), 1);
        let draft = Draft {
            sender: b"a@example.com",
            recipients: &[b"b@example.net"],
            prefix: b"",
            accepted: Wall(1_000),
            eight_bit: false,
            utf8: false,
            requiretls: false,
            dotted: false,
            form: spool::Form::Stuffed,
            extra: b"",
        };
        writer.delivery(id, &text, &draft, Tick::ZERO);
        let sealed = writer.seal(1, Tick::ZERO, Wall(1)).unwrap();
        let start = sealed.offset as usize;
        bytes[start..start + sealed.len].copy_from_slice(&sealed.memory[..sealed.len]);
        writer.written(sealed.memory);
    }
    (header, bytes)
}

/// Where block `number` starts.
const fn block(number: usize) -> usize {
    4_096 + (number - 1) * 8_192
}

/// The segment with only the first `blocks` blocks.
fn cut(bytes: &[u8], blocks: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[block(blocks + 1)..].fill(0);
    bytes
}

#[test]
fn a_block_half_seen_is_no_damage_and_one_that_was_durable_is() {
    let (header, whole) = segment();
    let half = |number: usize| {
        let mut bytes = whole.clone();
        bytes[block(number) + 4_096..block(number + 1)].fill(0);
        bytes
    };
    // Blocks in the first reading, the second reading, and what is left of it.
    let cases = [
        (4, whole.clone(), whole.clone()),
        (1, whole.clone(), whole.clone()),
        (2, half(3), cut(&whole, 2)),
        (2, half(4), cut(&whole, 3)),
        // Block 1 was durable when block 2 was written, and is not what it was.
        (3, half(1), half(1)),
    ];
    for (at, (blocks, second, left)) in cases.into_iter().enumerate() {
        assert!(settled(&header, &cut(&whole, blocks), second) == left, "case {at}");
    }
}

/// A log in a folder of its own, removed at the end.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn beside_an_engine_a_segment_that_was_used_anew_is_noticed() {
    let (header, whole) = segment();
    let name = format!("ringpost-read-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join(segment_name(1));
    fs::write(&path, &whole).unwrap();
    let log = Log::list(3, folder.0.clone()).unwrap();
    for beside in [Beside::Nobody, Beside::Engine(1)] {
        let contents = log.contents(beside, |_| Ok(())).unwrap();
        assert_eq!((contents.live.len(), contents.damage.len()), (4, 0), "{beside:?}");
        assert_eq!(contents.written, block(5) as u64, "{beside:?}");
    }
    // The same file under its name, with a header of another life.
    let mut anew = whole;
    SegmentHeader { salt: 100, ..header }.encode(&mut anew[..4_096]);
    fs::write(&path, &anew).unwrap();
    let error = log.contents(Beside::Engine(1), |_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), super::MOVED, "{error}");
    assert!(
        log.segments[0]
            .header
            .is_ok_and(|kept| Walk::new(&kept, &anew, None, Depth::Texts).count() == 4)
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(log.contents(Beside::Engine(1), |_| Ok(())).unwrap_err().kind(), super::MOVED);
}
