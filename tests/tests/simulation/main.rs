//! Whole shards in a world made of one number: mail comes in over a network that cuts and
//! stalls, onto a disk that tears and fails, and goes out to providers that refuse, defer,
//! close and fall silent, while the host loses power; and every promise is kept.
//!
//! `cargo test -p tests --test simulation` runs a thousand seeds, most of the enumerated worlds, and
//! some of those in which one operation of the disk fails; `cargo sim -- --cases` runs all of the
//! former, and `cargo sim -- --operations` all of the latter.
//! `cargo sim -- --seed N` runs one seed, `--case N` one of the enumerated worlds, `--operation N`
//! one of the failing operations; `--gates` the worlds whose providers ask for less; `--turns`
//! those whose tenants share a site; `--day N` a day of a million messages, or as many as
//! `--messages` says; `--why` situations in which mail does not move; `--hidden` providers that nobody knows; `--tell` shows each step.

mod aftermath;
mod body;
mod cast;
mod chance;
mod check;
mod day;
mod dialogue;
mod disk;
mod enumerated;
mod gates;
mod injector;
mod lanes;
mod ledger;
mod life;
mod lines;
mod notices;
mod operations;
mod provider;
mod relay;
mod scenario;
mod summary;
mod turns;
mod why;

use day::{Day, Hidden};
use enumerated::Case;
use kernel::allocator::Allocator;
use life::Life;
use scenario::Scenario;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use summary::Summary;

/// The program's own. Every world asks for megabytes and gives them back, and the usual allocator
/// has the kernel clear them each time, which takes longer than the world.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Seeds a plain run tries.
const SEEDS: u64 = 1_000;
/// Seeds that are run twice more, to see that nothing but the seed decides.
const AGAIN: u64 = 60;
/// After so many worlds a line says how far it is.
const TELL_EVERY: usize = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let tell = arguments.iter().any(|argument| argument == "--tell");
    if let Some(seed) = number("--seed") {
        let scenario = Scenario::of(seed);
        println!("{scenario:#?}");
        return told(&Life::begin(scenario), tell);
    }
    let case = number("--case").map(|case| enumerated::cases().swap_remove(case as usize));
    let operation =
        number("--operation").map(|case| operations::cases().swap_remove(case as usize));
    if let Some(case) = case.or(operation) {
        println!("{case}");
        return told(&case.begin(), tell);
    }
    if let Some(seed) = number("--day") {
        let whole = Day::whole(seed);
        return lived(&Day { messages: number("--messages").unwrap_or(whole.messages), ..whole });
    }
    if arguments.iter().any(|argument| argument == "--hidden") {
        return hidden();
    }
    if arguments.iter().any(|argument| argument == "--gates") {
        return many(&gates::Kind::ALL.map(Job::Gates));
    }
    if arguments.iter().any(|argument| argument == "--why") {
        return many(&why::Kind::ALL.map(Job::Why));
    }
    if arguments.iter().any(|argument| argument == "--turns") {
        return many(&turns::Kind::ALL.map(Job::Turns));
    }
    if arguments.iter().any(|argument| argument == "--operations") {
        return many(&operations::cases().into_iter().map(Job::case).collect::<Vec<_>>());
    }
    if arguments.iter().any(|argument| argument == "--cases") {
        return many(&enumerated::cases().into_iter().map(Job::case).collect::<Vec<_>>());
    }
    many(&jobs(number("--from").unwrap_or(0), number("--seeds").unwrap_or(SEEDS)))
}

/// What a plain run tries, or one of other seeds.
fn jobs(from: u64, count: u64) -> Vec<Job> {
    let seeds = (from..from + count).map(Job::Seed);
    let again = (from..from + count.min(AGAIN)).map(Job::Again);
    let mut jobs: Vec<Job> = seeds.chain(again).collect();
    if from == 0 {
        jobs.extend(enumerated::some_cases().map(Job::case));
        jobs.extend(operations::some_cases().map(Job::case));
        jobs.extend(gates::Kind::ALL.map(Job::Gates));
        jobs.extend(turns::Kind::ALL.map(Job::Turns));
        jobs.push(Job::Day(Day::short(1)));
        jobs.extend(why::Kind::ALL.map(Job::Why));
        jobs.extend(Hidden::ALL.map(Job::Hidden));
    }
    jobs
}

/// Lives a day and shows how it was.
fn lived(day: &Day) -> ExitCode {
    let faults = match caught(|| day.live()) {
        Ok(report) => {
            println!("{report}");
            report.faults()
        }
        Err(problem) => vec![problem],
    };
    for fault in &faults {
        println!("{fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shows how providers are treated that nobody knows.
fn hidden() -> ExitCode {
    let lived = Hidden::ALL.map(|kind| caught(|| kind.live()));
    let mut faults = Vec::new();
    for outcome in lived {
        match outcome {
            Ok(outcome) => {
                println!("{outcome}");
                faults.extend(outcome.faults());
            }
            Err(problem) => faults.push(problem),
        }
    }
    for fault in &faults {
        println!("{fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one world and tells how it ended; step by step if `tell`.
fn told(life: &Life, tell: bool) -> ExitCode {
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
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn many(jobs: &[Job]) -> ExitCode {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { return };
                    if number > 0 && number.is_multiple_of(TELL_EVERY) {
                        eprintln!("{number} of {} worlds", jobs.len());
                    }
                    match caught(|| job.run()) {
                        Ok(summary) => all.lock().expect("no panic holds it").add(&summary),
                        Err(problem) => {
                            println!("{job}:\n{problem}\n");
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner();
    let all = all.into_inner().expect("no panic holds it");
    println!("{all:?}");
    let seeds = jobs.iter().filter(|job| matches!(job, Job::Seed(_))).count() as u64;
    if failed == 0 && seeds >= SEEDS && all.lent == 0 {
        println!("no shard had a connection of another one's site, so nothing was seen of that");
        failed = 1;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {} passed; {failed} failed; 0 ignored", jobs.len() - failed);
    if failed == 0 {
        return ExitCode::SUCCESS;
    }
    let commit = commit();
    println!(
        "at commit {commit}: replay with `cargo sim -- --seed N`, `--case N`, `--operation N`"
    );
    ExitCode::FAILURE
}

/// What is checked out.
fn commit() -> String {
    let head = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    head.map_or_else(
        |_| "unknown".into(),
        |head| String::from_utf8_lossy(&head.stdout).trim().into(),
    )
}

/// One world to run.
enum Job {
    Seed(u64),
    /// The same seed twice: one seed, one history.
    Again(u64),
    Case(Box<Case>),
    /// Providers that ask for less.
    Gates(gates::Kind),
    /// Tenants that share a site.
    Turns(turns::Kind),
    /// A day of mail.
    Day(Day),
    /// Mail that does not move.
    Why(why::Kind),
    /// A provider that nobody knows.
    Hidden(Hidden),
}

impl Job {
    fn case(case: Case) -> Self {
        Self::Case(Box::new(case))
    }

    fn run(&self) -> Result<Summary, String> {
        match self {
            Self::Seed(seed) => Life::begin(Scenario::of(*seed)).run(),
            Self::Again(seed) => {
                let [first, second] =
                    [0, 1].map(|_| Life::begin(Scenario::of(*seed)).run().map(|seen| seen.trace));
                if first == second {
                    Ok(Summary::default())
                } else {
                    Err("its second run was another than its first".to_owned())
                }
            }
            Self::Case(case) => case.begin().run(),
            Self::Gates(kind) => gates::run(*kind).map(|()| Summary::default()),
            Self::Turns(kind) => turns::run(*kind).map(|()| Summary::default()),
            Self::Why(kind) => why::run(*kind).map(|()| Summary::default()),
            Self::Hidden(kind) => {
                let faults = kind.live()?.faults();
                if faults.is_empty() { Ok(Summary::default()) } else { Err(faults.join("\n")) }
            }
            Self::Day(day) => {
                let faults = day.live()?.faults();
                if faults.is_empty() { Ok(Summary::default()) } else { Err(faults.join("\n")) }
            }
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Again(seed) => write!(f, "seed {seed}, run twice"),
            Self::Case(case) => case.fmt(f),
            Self::Gates(kind) => write!(f, "providers that ask for less ({kind:?})"),
            Self::Turns(kind) => write!(f, "tenants that share a site ({kind:?})"),
            Self::Day(day) => write!(f, "a day of mail ({day:?})"),
            Self::Hidden(kind) => write!(f, "a provider that nobody knows ({kind:?})"),
            Self::Why(kind) => write!(f, "mail that does not move ({kind:?})"),
        }
    }
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
