//! What waits is read now and then, slowly, and damage to it is told before anybody needs it.

use super::damage::{finding, findings, flip_now, sound_log};
use super::*;
use crate::journal::Finding;
use kernel::sim::{Fault, Operation, When};

/// Shorter than the time from a start to its first round.
const BEFORE: Duration = Duration::from_mins(9);
/// In which a round begins, and at the usual rate ends.
const ROUND: Duration = Duration::from_mins(2);
const DAY: Duration = Duration::from_hours(24);

/// Reads of files so far.
fn reads(bench: &Bench) -> u64 {
    bench.world.count(bench.host, Operation::FileRead)
}

/// A log of full segments, in a world where a read gives all there is.
fn quiet_log(bench: &Bench) -> (Journal<Sim>, MessageId, Spot) {
    bench.world.physics(|physics| physics.short_ppm = 0);
    let log = sound_log(bench);
    bench.world.run_for(BEFORE);
    log
}

/// Live messages in full segments: those of 100,000 bytes.
fn sealed(journal: &Journal<Sim>) -> u64 {
    let catalog = journal.0.catalog.borrow();
    let end = journal.0.durable_segment.get();
    catalog.iter().filter(|live| live.home < end).count() as u64
}

#[test]
fn damage_that_nobody_reads_is_told() {
    let bench = Bench::new(90);
    let (journal, id, spot) = sound_log(&bench);
    flip_now(&bench, &spot, spot.text_before().expect("beside its envelope") as usize + 9);
    bench.world.run_for(BEFORE);
    assert_eq!(findings(&bench, &journal).len(), 0, "a start has better things to do");
    bench.world.run_for(ROUND);
    let Finding { damage, copy } = finding(&bench, &journal);
    assert_eq!((damage.segment, &damage.messages[..]), (spot.segment(), &[id][..]));
    copy.expect("it is kept");
    assert_eq!(journal.state().damaged, 1);
    bench.world.run_for(2 * DAY);
    assert_eq!(findings(&bench, &journal).len(), 0, "it is told once");
}

#[test]
fn a_round_reads_each_message_once_and_the_next_begins_a_day_later() {
    let bench = Bench::new(91);
    let (journal, ..) = quiet_log(&bench);
    let (before, sealed) = (reads(&bench), sealed(&journal));
    assert!(sealed > 50, "{sealed}");
    bench.world.run_for(ROUND);
    assert_eq!(reads(&bench) - before, sealed);
    bench.world.run_for(Duration::from_hours(23));
    assert_eq!(reads(&bench) - before, sealed, "a day is long");
    bench.world.run_for(Duration::from_hours(1) + ROUND);
    assert_eq!(reads(&bench) - before, 2 * sealed);
}

#[test]
fn a_round_keeps_to_its_rate() {
    let rate = 200_000;
    let bench = Bench::with(92, Options { scrub_bytes_per_second: rate, ..options() });
    quiet_log(&bench);
    bench.world.run_for(ROUND / 2);
    let before = reads(&bench);
    bench.world.run_for(Duration::from_secs(20));
    let read = reads(&bench) - before;
    assert!((39..=41).contains(&read), "{read} of 100,000 bytes in 20 s");
}

#[test]
fn a_log_that_is_not_to_be_scrubbed_is_not() {
    let bench = Bench::with(93, Options { scrub_bytes_per_second: 0, ..options() });
    quiet_log(&bench);
    let before = reads(&bench);
    bench.world.run_for(2 * DAY);
    assert_eq!(reads(&bench), before);
}

#[test]
fn nothing_is_read_while_a_commit_is_late() {
    let bench = Bench::with(94, Options { scrub_bytes_per_second: 1_000_000, ..options() });
    let (journal, ..) = quiet_log(&bench);
    // Four of the six or so seconds of a round are to come.
    bench.world.run_for(Duration::from_mins(1));
    let frozen = Fault::Slow(Duration::from_secs(4));
    bench.world.plan(bench.host, Operation::FileWrite, When::Nth(1), frozen);
    settle(&journal, journal.next_id(), &[0]);
    bench.world.run_for(Duration::from_millis(200));
    let before = reads(&bench);
    bench.world.run_for(Duration::from_secs(3));
    assert_eq!(reads(&bench), before, "the disk is slow enough without us");
    bench.world.run_for(Duration::from_secs(2));
    assert!(reads(&bench) > before, "then it goes on");
}

/// In the middle of a round, and between two.
#[test]
fn a_scrub_does_not_keep_a_log_from_closing() {
    for (seed, rest) in [(95, Duration::from_secs(65)), (96, Duration::from_hours(3))] {
        let bench = Bench::with(seed, Options { scrub_bytes_per_second: 1_000, ..options() });
        let (journal, ..) = quiet_log(&bench);
        bench.world.run_for(rest);
        bench.wait(journal.close());
        assert!(bench.world.run_until_idle(Duration::from_millis(10)), "it sleeps on");
        assert_eq!(std::rc::Rc::strong_count(&journal.0), 1, "none holds the log");
    }
}
