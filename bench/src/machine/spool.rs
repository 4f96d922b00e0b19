//! A batch of messages put into one commit block: all the spool does but the write itself.

use super::BATCH;
use crate::inputs;
use event::{MessageId, Tick, Wall};
use spool::{BLOCK_MAX, Draft, Index, Position, SegmentHeader, Text, Writer};
use std::hint::black_box;

const SEGMENT_LEN: u64 = 1 << 30;

pub(super) fn append() -> Box<dyn FnMut()> {
    let text = inputs::text(inputs::SIZES[0]);
    let (mut writer, mut count) = (writer(), 0);
    Box::new(move || {
        for _ in 0..BATCH {
            count += 1;
            put(&mut writer, count, black_box(&text));
        }
        let sealed = writer.seal(1, Tick::ZERO, Wall(0)).expect("no block is in flight");
        black_box(sealed.len);
        black_box(writer.finished());
        writer.written(sealed.memory);
    })
}

fn writer() -> Writer<Vec<u8>> {
    let segment = SegmentHeader {
        log_uuid: [1; 16],
        log: 0,
        boot: 1,
        segment: 1,
        salt: 1,
        first_block: 1,
        torn_block: 0,
        segment_len: SEGMENT_LEN,
    };
    let memory = [vec![0; BLOCK_MAX], vec![0; BLOCK_MAX]];
    Writer::new(Position::start_of(segment), Index::default(), 1, SEGMENT_LEN, memory)
}

fn put(writer: &mut Writer<Vec<u8>>, count: u64, text: &[u8]) {
    let id = MessageId { log: 0, boot: 1, count };
    let place = writer.text(id, text, Tick::ZERO);
    let draft = Draft {
        sender: b"news@shop.test",
        recipients: &[b"ann@mail.test"],
        prefix: b"Received: from client.test by relay.test\r\n",
        accepted: Wall(0),
        eight_bit: false,
        utf8: false,
        requiretls: false,
        dotted: false,
        form: spool::Form::Stuffed,
        extra: b"",
    };
    writer.delivery(id, &Text::from_elem(place, 1), &draft, Tick::ZERO);
}
