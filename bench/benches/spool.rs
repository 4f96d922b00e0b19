//! Sixty-four messages put into one commit block: all the spool does but the write itself.

use bench::inputs;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use event::{MessageId, Tick, Wall};
use spool::{BLOCK_MAX, Draft, Index, Position, SegmentHeader, Text, Writer};
use std::hint::black_box;

/// Messages in a batch, as 64 busy sessions make it.
const BATCH: u64 = 64;
const SEGMENT_LEN: u64 = 1 << 30;

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spool");
    let text = inputs::text(4_096);
    group.throughput(Throughput::Bytes(BATCH * text.len() as u64));
    group.bench_function(BenchmarkId::new("append", text.len()), |bencher| {
        bencher.iter_batched(
            writer,
            |mut writer| {
                for count in 1..=BATCH {
                    put(&mut writer, count, black_box(&text));
                }
                writer.seal(1, Tick::ZERO, Wall(0)).map(|sealed| sealed.len)
            },
            BatchSize::LargeInput,
        );
    });
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
        dotted: false,
    };
    writer.delivery(id, &Text::from_elem(place, 1), &draft, Tick::ZERO);
}

criterion_group!(spooling, append);
criterion_main!(spooling);
