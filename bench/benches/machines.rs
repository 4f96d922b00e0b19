//! How long each pure machine takes for one piece of work.

use bench::machine::Machine;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn machines(criterion: &mut Criterion) {
    for machine in Machine::ALL {
        let name = machine.to_string();
        let (group, rest) = name.split_once('/').expect("a name has its group before a slash");
        let mut group = criterion.benchmark_group(group);
        if let Some(bytes) = machine.bytes() {
            group.throughput(Throughput::Bytes(bytes as u64));
        }
        let mut work = machine.ready();
        group.bench_function(rest, |bencher| bencher.iter(&mut work));
    }
}

criterion_group!(all, machines);
criterion_main!(all);
