//! One pass over what a client says: commands, message text, header.

use bench::inputs;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use smtp::command::Command;
use smtp::text::{Bounds, Text};
use std::hint::black_box;

const BOUNDS: Bounds = Bounds { message_bytes_max: 50 << 20, line_bytes_max: 1_000 };

fn commands(criterion: &mut Criterion) {
    let lines = inputs::commands();
    let mut group = criterion.benchmark_group("parser");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("commands", |bencher| {
        bencher
            .iter(|| lines.iter().filter(|line| Command::parse(black_box(line)).is_ok()).count());
    });
}

fn text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parser");
    for bytes in inputs::SIZES {
        let text = inputs::text(bytes);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("text", bytes), &text, |bencher, text| {
            bencher.iter(|| Text::default().scan(black_box(text), BOUNDS));
        });
        group.bench_with_input(BenchmarkId::new("header", bytes), &text, |bencher, text| {
            bencher.iter(|| mail::header::scan(black_box(text)));
        });
    }
}

criterion_group!(parser, commands, text);
criterion_main!(parser);
