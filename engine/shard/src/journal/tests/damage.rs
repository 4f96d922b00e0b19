//! Damage is told by name, and its bytes are kept: once, and never at the cost of mail.

use super::restart::{flip, full_log};
use super::*;
use crate::journal::Finding;
use kernel::sim::{Fault, Operation, When};
use spool::Flaw;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

const ENOSPC: i32 = 28;

/// What a log has to tell within a second of now.
pub(super) fn findings(bench: &Bench, journal: &Journal<Sim>) -> Vec<Finding> {
    bench.world.run_for(Duration::from_secs(1));
    journal.findings()
}

/// The only thing a log has to tell.
pub(super) fn finding(bench: &Bench, journal: &Journal<Sim>) -> Finding {
    let mut findings = findings(bench, journal);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

/// Three messages, the text of the second with a flipped bit.
fn flipped_log(bench: &Bench) -> (Vec<MessageId>, u64) {
    let (journal, _) = bench.open();
    let ids: Vec<_> = (0..3).map(|_| journal.next_id()).collect();
    let spots: Vec<Spot> =
        ids.iter().map(|id| bench.wait(accept(&journal, *id, &[b'x'; 3_000])).spot).collect();
    // The pool is filled meanwhile.
    bench.world.run_for(Duration::from_secs(1));
    let hit = spots[1].text_before().expect("the text is beside its envelope") as usize + 1_000;
    flip(bench, spots[1].segment(), hit);
    (ids, spots[1].segment())
}

fn segment_bytes(bench: &Bench, segment: u64, range: &Range<u64>) -> Vec<u8> {
    let path = Path::new(LOG).join(super::super::segment_name(segment));
    let bytes = bench.world.live(bench.host, &path).expect("a segment");
    bytes[range.start as usize..range.end as usize].to_vec()
}

fn quarantine(bench: &Bench) -> Vec<PathBuf> {
    let folder = Path::new(LOG).join("quarantine");
    bench.wait(bench.shard().list(&folder)).unwrap_or_default()
}

#[test]
fn damage_is_told_and_its_bytes_are_kept() {
    let bench = Bench::new(70);
    let (ids, segment) = flipped_log(&bench);
    let (journal, _) = bench.open();
    let Finding { damage, copy } = finding(&bench, &journal);
    assert_eq!((damage.segment, damage.flaw), (segment, Flaw::Damaged));
    assert_eq!(damage.messages, ids[1..2]);
    let copy = Path::new(LOG).join(copy.expect("it is kept"));
    let kept = bench.world.durable(bench.host, &copy).expect("its name is durable");
    assert!(kept == segment_bytes(&bench, segment, &damage.range), "the copy is another");
    assert!(kept.contains(&(b'x' ^ 1 << 3)), "the bad byte is in it");
    assert_eq!(quarantine(&bench).len(), 1);
    assert!(journal.findings().is_empty(), "it is told once");
}

/// The copy is made different, to see whether another is written over it.
#[test]
fn a_restart_finds_the_copy_and_writes_no_second() {
    let bench = Bench::new(71);
    flipped_log(&bench);
    let (journal, _) = bench.open();
    let first = finding(&bench, &journal);
    let name = first.copy.expect("it is kept");
    let copy = Path::new(LOG).join(&name);
    bench.world.flip(bench.host, &copy, 0, 7);
    let before = bench.world.live(bench.host, &copy);
    bench.crash();
    let (journal, _) = bench.open();
    let second = finding(&bench, &journal);
    assert_eq!((second.damage, second.copy.expect("it is there")), (first.damage, name));
    assert_eq!(bench.world.live(bench.host, &copy), before, "it was written again");
    assert_eq!(quarantine(&bench).len(), 1);
}

#[test]
fn a_crash_at_any_moment_leaves_a_whole_copy_or_none() {
    let mut fell = 0;
    for (at, operation) in Operation::ALL.into_iter().filter(|one| one.is_of_disk()).enumerate() {
        for nth in 1..=4 {
            for crash in [Crash::Power, Crash::Kill] {
                for fault in [Fault::CrashDuring(crash), Fault::CrashAfter(crash)] {
                    let bench = Bench::new(100 + at as u64);
                    fell += u64::from(crash_while_keeping(&bench, operation, nth, fault));
                    whole_copy_or_none(&bench, &format!("{operation:?} {nth} {fault:?}"));
                }
            }
        }
    }
    assert!(fell >= 32, "{fell} crashes");
}

/// Whether the host went down while it kept what is damaged.
fn crash_while_keeping(bench: &Bench, operation: Operation, nth: u64, fault: Fault) -> bool {
    flipped_log(bench);
    let sim = bench.shard();
    let open = Journal::open(sim.clone(), Path::new(LOG), 0, bench.options);
    let (_journal, backlog) = bench.wait(open).expect("the log opens");
    bench.world.plan(bench.host, operation, When::Nth(nth), fault);
    sim.spawn(async move { drop(loaded(backlog).await) });
    bench.world.run_for(Duration::from_secs(1));
    bench.world.unplan(bench.host);
    let fell = !bench.world.is_up(bench.host);
    bench.world.crash(bench.host, Crash::Power);
    bench.world.restart(bench.host);
    fell
}

/// What is there is never a part of what was bad, and what is not there comes now.
fn whole_copy_or_none(bench: &Bench, what: &str) {
    for _ in 0..2 {
        let folder = Path::new(LOG).join("quarantine");
        let whole = |name: &PathBuf| name.extension().is_some_and(|end| end == "bin");
        for name in quarantine(bench).into_iter().filter(whole) {
            let kept = bench.world.live(bench.host, &folder.join(name)).expect("a file");
            assert!(kept == segment_bytes(bench, 1, &(12_288..16_384)), "{what}: not whole");
        }
        let (journal, _) = bench.open();
        let Finding { damage, copy } = finding(bench, &journal);
        assert_eq!((damage.segment, damage.range), (1, 12_288..16_384), "{what}");
        let copy = Path::new(LOG).join(copy.expect("it is kept"));
        assert!(bench.world.durable(bench.host, &copy).is_some(), "{what}: not durable");
        bench.crash();
    }
}

#[test]
fn a_full_disk_keeps_its_space_for_mail() {
    let bench = Bench::with(73, Options { free_bytes_min: 1 << 20, ..options() });
    flipped_log(&bench);
    // Room for the segment and the pool, and for what is left to others.
    bench.world.resize_disk(bench.host, 3 * SEGMENT_MIN as u64 + (1 << 20));
    let (journal, _) = bench.open();
    let copy = finding(&bench, &journal).copy;
    assert_eq!(copy.expect_err("there is no room").kind(), io::ErrorKind::StorageFull);
    assert_eq!(quarantine(&bench), [] as [PathBuf; 0]);
    bench.wait(accept(&journal, journal.next_id(), b"taken all the same"));
}

#[test]
fn a_copy_that_fails_is_told_and_taken_away() {
    let bench = Bench::new(74);
    let (_, segment) = flipped_log(&bench);
    let open = Journal::open(bench.shard(), Path::new(LOG), 0, bench.options);
    let (journal, backlog) = bench.wait(open).expect("the log opens");
    // No mail comes in and the pool is full: the next write is that of the copy.
    bench.world.plan(bench.host, Operation::FileWrite, When::Nth(1), Fault::Short(Some(ENOSPC)));
    bench.wait(loaded(backlog)).expect("it can be read");
    let Finding { damage, copy } = finding(&bench, &journal);
    assert_eq!(damage.segment, segment);
    assert_eq!(copy.expect_err("no copy").raw_os_error(), Some(ENOSPC));
    assert_eq!(quarantine(&bench), [] as [PathBuf; 0], "nothing half done is left");
    bench.wait(accept(&journal, journal.next_id(), b"taken all the same"));
}

#[test]
fn a_segment_that_was_set_aside_is_told_by_its_name() {
    let bench = Bench::new(75);
    let (_, first) = full_log(&bench);
    flip(&bench, first.segment(), 100);
    flip(&bench, first.segment(), 100 + spool::BLOCK_ALIGN / 2);
    let (journal, _) = bench.open();
    let Finding { damage, copy } = finding(&bench, &journal);
    assert_eq!((damage.segment, damage.flaw), (first.segment(), Flaw::Missing));
    assert_eq!(copy.expect("it is there"), format!("{:017}.bad", first.segment()));
}

/// Nothing lives in the segment any more, but its bad bytes are still to be kept.
#[test]
fn a_segment_is_not_given_back_before_its_bad_bytes_are_kept() {
    let bench = Bench::new(76);
    let (old, first) = full_log(&bench);
    let text = first.text_before().expect("beside its envelope") as usize;
    flip(&bench, first.segment(), SEGMENT_MIN - 4_000);
    flip(&bench, first.segment(), text + 5_000);
    let frozen = Fault::Slow(Duration::from_secs(20));
    let (journal, _) = bench.open();
    bench.world.plan(bench.host, Operation::FileRead, When::Nth(1), frozen);
    for id in old {
        settle(&journal, id, &[0, 1]);
    }
    bench.wait(journal.drain());
    assert_eq!(findings(&bench, &journal).len(), 0, "the copy takes its time");
    let path = Path::new(LOG).join(super::super::segment_name(first.segment()));
    assert!(bench.world.live(bench.host, &path).is_some(), "given back too early");
    bench.world.run_for(Duration::from_secs(20));
    let copy = finding(&bench, &journal).copy.expect("it is kept");
    assert!(bench.world.live(bench.host, &Path::new(LOG).join(copy)).is_some());
    assert!(bench.world.live(bench.host, &path).is_none(), "then it is given back");
}

/// A log of full segments and no damage, the first message of it, and where that lies.
pub(super) fn sound_log(bench: &Bench) -> (Journal<Sim>, MessageId, Spot) {
    let (old, first) = full_log(bench);
    bench.crash();
    let (journal, _) = bench.open();
    assert_eq!(findings(bench, &journal).len(), 0, "nothing is wrong yet");
    (journal, old[0], first)
}

/// Turns over a bit of a file while the log is open.
pub(super) fn flip_now(bench: &Bench, spot: &Spot, at: usize) {
    let path = Path::new(LOG).join(super::super::segment_name(spot.segment()));
    bench.world.flip(bench.host, &path, at, 3);
}

#[test]
fn a_text_that_a_reader_finds_damaged_is_told_once() {
    let bench = Bench::new(77);
    let (journal, id, spot) = sound_log(&bench);
    let text = spot.text_before().expect("beside its envelope");
    flip_now(&bench, &spot, text as usize + 50_000);
    journal.suspect(id);
    let Finding { damage, copy } = finding(&bench, &journal);
    let range = u64::from(text)..u64::from(text) + 100_000;
    assert_eq!((damage.segment, &damage.range), (spot.segment(), &range));
    assert_eq!((damage.flaw, &damage.messages[..]), (Flaw::Damaged, &[id][..]));
    let copy = Path::new(LOG).join(copy.expect("it is kept"));
    let kept = bench.world.durable(bench.host, &copy).expect("its name is durable");
    assert!(kept == segment_bytes(&bench, spot.segment(), &range), "the copy is another");
    for _ in 0..3 {
        journal.suspect(id);
        assert_eq!(findings(&bench, &journal).len(), 0, "it is told once");
    }
    assert_eq!(journal.state().damaged, 1);
}

#[test]
fn an_envelope_that_a_reader_finds_damaged_is_told_with_its_text() {
    let bench = Bench::new(78);
    let (journal, id, spot) = sound_log(&bench);
    flip_now(&bench, &spot, spot.offset() as usize + 20);
    journal.suspect(id);
    let Finding { damage, copy } = finding(&bench, &journal);
    let range = u64::from(spot.text_before().expect("beside its envelope"))
        ..u64::from(spot.offset() + spot.len());
    assert_eq!((damage.range, damage.messages), (range, vec![id]));
    copy.expect("it is kept");
}

#[test]
fn a_suspect_that_is_sound_or_gone_is_let_be() {
    let bench = Bench::new(79);
    let (journal, id, _) = sound_log(&bench);
    journal.suspect(id);
    assert_eq!(findings(&bench, &journal).len(), 0, "it is sound");
    let bench = Bench::new(80);
    let (journal, id, spot) = sound_log(&bench);
    flip_now(&bench, &spot, spot.offset() as usize + 20);
    settle(&journal, id, &[0, 1]);
    journal.suspect(id);
    assert_eq!(findings(&bench, &journal).len(), 0, "nobody needs it");
    assert_eq!(journal.state().damaged, 0);
}

/// What cannot be carried forward is lost with its segment, and that is said; once, if it was
/// found damaged before.
#[test]
fn a_message_that_cannot_be_carried_forward_is_told() {
    for (seed, is_known) in [(81, false), (82, true)] {
        let bench = Bench::new(seed);
        let (journal, id, spot) = sound_log(&bench);
        flip_now(&bench, &spot, spot.offset() as usize + 20);
        let mut told = Vec::new();
        if is_known {
            journal.suspect(id);
            told = findings(&bench, &journal);
            assert_eq!(told.len(), 1);
        }
        settle_all_but(&journal, id);
        bench.wait(journal.drain());
        told.extend(findings(&bench, &journal));
        let [Finding { damage, copy }] = &told[..] else { panic!("once, not {told:?}") };
        assert_eq!((damage.segment, &damage.messages[..]), (spot.segment(), &[id][..]));
        let copy = Path::new(LOG).join(copy.as_ref().expect("it is kept before its segment goes"));
        assert!(bench.world.durable(bench.host, &copy).is_some());
        assert_eq!((journal.state().damaged, journal.state().live), (1, 0));
    }
}

fn settle_all_but(journal: &Journal<Sim>, id: MessageId) {
    let live: Vec<_> = journal.0.catalog.borrow().iter().map(|live| live.id).collect();
    let others = live.into_iter().filter(|other| *other != id);
    others.for_each(|other| settle(journal, other, &[0, 1]));
}
