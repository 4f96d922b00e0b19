//! A delivery through the queue, alone and among a million that wait.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use event::Tick;
use policy::Limits;
use queue::Queue;
use std::hint::black_box;
use std::time::Duration;

/// Deliveries that wait while one passes.
const WAITING: [u64; 2] = [0, 1_000_000];

fn pass(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    for waiting in WAITING {
        let mut queue = Queue::new(Tick::ZERO);
        let site = queue.site("mx.site.test", &Limits::default());
        for number in 0..waiting {
            queue.defer(
                Tick::ZERO + Duration::from_hours(1) + Duration::from_micros(number),
                number,
            );
        }
        group.bench_function(BenchmarkId::new("ready and take", waiting), |bencher| {
            bencher.iter(|| {
                queue.ready(site, black_box(7));
                queue.take(site)
            });
        });
        let mut now = Tick::ZERO;
        group.bench_function(BenchmarkId::new("defer and due", waiting), |bencher| {
            bencher.iter(|| {
                queue.defer(now + Duration::from_millis(1), black_box(7));
                now = now + Duration::from_millis(2);
                queue.due(now)
            });
        });
    }
}

criterion_group!(passing, pass);
criterion_main!(passing);
