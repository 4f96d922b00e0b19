//! Whole shards in a world made of one number: mail comes in over a network that cuts and
//! stalls, onto a disk that tears and fails, and goes out to providers that refuse, defer,
//! close and fall silent, while the host loses power; and every promise is kept.
//!
//! `cargo test -p tests --test simulation` runs a thousand seeds and the enumerated worlds.
//! `cargo sim -- --seed N` runs one seed and tells what happens in it.

mod body;
mod cast;
mod chance;
mod check;
mod dialogue;
mod disk;
mod injector;
mod ledger;
mod life;
mod lines;
mod provider;
mod relay;
mod scenario;

use life::{Life, Summary};
use scenario::Scenario;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds a plain run tries.
const SEEDS: u64 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    if let Some(seed) = number("--seed") {
        return one(seed, arguments.iter().any(|argument| argument == "--tell"));
    }
    many(number("--from").unwrap_or(0), number("--seeds").unwrap_or(SEEDS))
}

/// Runs one seed and tells all of it.
fn one(seed: u64, tell: bool) -> ExitCode {
    let scenario = Scenario::of(seed);
    println!("{scenario:#?}");
    let life = Life::begin(scenario);
    if tell {
        life.world.tell();
    }
    let result = caught(|| life.run());
    life.tell();
    match result {
        Ok(summary) => {
            println!("{summary:#?}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("seed {seed}:\n{problem}");
            ExitCode::FAILURE
        }
    }
}

fn many(from: u64, count: u64) -> ExitCode {
    let next = AtomicU64::new(from);
    let failures = Mutex::new(Vec::new());
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        return;
                    }
                    match attempt(&Scenario::of(seed)) {
                        Ok(summary) => all.lock().expect("no panic holds it").push(summary),
                        Err(problem) => {
                            println!("seed {seed}:\n{problem}\n");
                            failures.lock().expect("no panic holds it").push(seed);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic holds it");
    let all = all.into_inner().expect("no panic holds it");
    let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
    println!("{:?}", sum(&all));
    println!("failed: {failures:?}");
    println!("test result: {verdict}. {} passed; {} failed; 0 ignored", all.len(), failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn attempt(scenario: &Scenario) -> Result<Summary, String> {
    caught(|| Life::begin(scenario.clone()).run())
}

/// A panic is a broken rule too.
fn caught<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        Err(words
            .or_else(|| panic.downcast_ref::<&str>().map(|&words| words.into()))
            .unwrap_or_default())
    })
}

fn sum(all: &[Summary]) -> Summary {
    all.iter().fold(Summary::default(), |sum, one| Summary {
        trace: sum.trace ^ one.trace,
        acknowledged: sum.acknowledged + one.acknowledged,
        taken: sum.taken + one.taken,
        refused: sum.refused + one.refused,
        deferred: sum.deferred + one.deferred,
        bounces: sum.bounces + one.bounces,
        repeated: sum.repeated + one.repeated,
        crashes: sum.crashes + one.crashes,
    })
}
