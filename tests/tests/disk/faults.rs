//! A disk that fails: what it held is given up, and mail is accepted again at once.

use crate::check::compare;
use crate::format::Filesystem;
use crate::load::{self, Answer};
use crate::look::look;
use crate::rig::{PATIENCE, Rig};
use std::fs::{self, File};
use std::io;
use std::time::Duration;
use tests::disk::{Failure, Operation, Target};
use tests::speaker::Speaker;
use tests::wait;

/// States of the disk that are looked at behind the failures, as in a power cut.
const STATES: usize = 100;
/// How many operations of each kind fail, one after the other, wherever they are.
const ANYWHERE: u32 = 6;
/// The salt of a segment in each of its commit blocks: see the spool's FORMAT.md.
const SALT: std::ops::Range<usize> = 8..16;

#[test]
fn mail_is_accepted_again_after_each_failure_of_the_log() -> io::Result<()> {
    if !Filesystem::Ext4.can_be_used() {
        return Ok(());
    }
    let mut rig = Rig::new(Filesystem::Ext4)?;
    let first = rig.disk.position();
    rig.start()?;
    let mut numbers = 0..;
    let mut slowest = Duration::ZERO;
    for failures in cases() {
        let start = rig.disk.position();
        slowest = slowest.max(fail(&rig, &failures, &mut numbers)?);
        assert!(!rig.disk.will_fail(), "{failures:?}: not all of it happened");
        if failures.len() > 1 {
            // With no segment to put it on record in, whoever waits is refused before it is
            // certain that no restart finds what was refused. It is by now.
            rig.ledger.refuse_later(start);
        }
    }
    eprintln!("accepting again within {slowest:?}");
    rig.wait_for_next_host()?;
    rig.stop()?;
    assert_eq!(written_after_failure(&rig.disk.since(0)), 0, "a failed segment was written again");
    let refused = rig.ledger.entries();
    let refused = refused.values().filter(|entry| entry.refused.is_some());
    let delivered = refused.clone().filter(|entry| entry.taken.or(entry.failed).is_some()).count();
    assert_eq!(delivered, 0, "refused, and delivered all the same");
    assert!(refused.count() > 0, "somebody was told");
    let outcome = rig.replay(first, 2)?.run(0..STATES, None)?;
    assert!(outcome.broken.is_empty(), "{:#?}\n{:#?}", outcome.broken, failed(&rig));
    Ok(())
}

/// What failed, and after how many operations.
fn failed(rig: &Rig) -> Vec<(usize, Failure)> {
    let operations = rig.disk.since(0).into_iter().enumerate();
    let failed = operations.filter_map(|(at, operation)| match operation {
        Operation::Failed(failure, _) => Some((at, failure)),
        _ => None,
    });
    failed.collect()
}

/// What fails at one time: blocks and their flushes, each kept by the disk all the same or
/// not, by themselves and with the header of the segment that was to take their place.
fn cases() -> Vec<Vec<Failure>> {
    let mut cases = Vec::new();
    for kept in [false, true] {
        for target in [Target::Block, Target::BlockFlush] {
            cases.extend((1..=3).map(|nth| vec![Failure { target, nth, kept }]));
            let first = Failure { target, nth: 2, kept };
            cases.push(vec![first, Failure { target: Target::Header, nth: 1, kept }]);
        }
    }
    cases
}

/// Sends mail until all of `failures` have happened, and then until it is accepted again; says
/// how long that took.
fn fail(
    rig: &Rig,
    failures: &[Failure],
    numbers: &mut impl Iterator<Item = u32>,
) -> io::Result<Duration> {
    for failure in failures {
        rig.disk.fail(*failure);
    }
    wait::until("failures", PATIENCE, || {
        let _ = send(rig, numbers.next()?);
        (!rig.disk.will_fail()).then_some(())
    })?;
    let start = wait::now();
    let mut last = None;
    let again = wait::until("mail that is accepted again", PATIENCE, || {
        last = Some(send(rig, numbers.next()?));
        matches!(last, Some(Ok(Answer::Accepted))).then_some(())
    });
    again.map_err(|late| io::Error::other(format!("{late}: {failures:?}: {last:?}")))?;
    Ok(start.elapsed())
}

fn send(rig: &Rig, number: u32) -> io::Result<Answer> {
    let mut speaker = Speaker::connect(rig.address()?)?;
    speaker.say("EHLO client.test", "250")?;
    load::send(&mut speaker, &rig.ledger, number)
}

/// Blocks written to a segment behind a failed write or flush of one of its blocks.
fn written_after_failure(operations: &[Operation]) -> usize {
    let (mut last, mut failed, mut again) = (Vec::new(), Vec::new(), 0);
    for operation in operations {
        match operation {
            Operation::Write(_, bytes) if bytes.starts_with(b"RPBK") => {
                last = bytes[SALT].to_vec();
                again += usize::from(failed.contains(&last));
            }
            // The flush behind it is that of a footer, which nobody relies on.
            Operation::Write(_, bytes) if is_footer(bytes) => last.clear(),
            Operation::Failed(failure, bytes) => match failure.target {
                Target::Block => failed.push(bytes[SALT].to_vec()),
                Target::BlockFlush if !last.is_empty() => failed.push(last.clone()),
                _ => (),
            },
            _ => (),
        }
    }
    again
}

/// Whether a write ends with the last page of a full segment: see the spool's FORMAT.md.
fn is_footer(bytes: &[u8]) -> bool {
    bytes.rchunks(4_096).next().is_some_and(|page| page.starts_with(b"RPSEAL"))
}

#[test]
fn a_block_behind_a_failed_one_is_noticed() {
    let block = |salt| -> std::sync::Arc<[u8]> {
        let mut block = b"RPBK....".to_vec();
        block.extend([salt; 8]);
        block.into()
    };
    let failed = |target| Failure { target, nth: 0, kept: false };
    let flush = Operation::Failed(failed(Target::BlockFlush), [].into());
    let write = Operation::Failed(failed(Target::Block), block(1));
    let (first, second) = (Operation::Write(0, block(1)), Operation::Write(0, block(2)));
    let count = |operations: &[&Operation]| {
        written_after_failure(&operations.iter().map(|&one| one.clone()).collect::<Vec<_>>())
    };
    assert_eq!(count(&[&first, &flush, &second]), 0);
    assert_eq!(count(&[&first, &flush, &first]), 1);
    assert_eq!(count(&[&write, &second, &first]), 1);
}

#[test]
fn a_failure_anywhere_loses_nothing() -> io::Result<()> {
    if !Filesystem::Ext4.can_be_used() {
        return Ok(());
    }
    let mut rig = Rig::new(Filesystem::Ext4)?;
    let (mut numbers, mut given_up) = (0.., 0);
    for nth in 1..=ANYWHERE {
        for (target, kept) in [(Target::Write, nth % 2 == 0), (Target::Flush, true)] {
            rig.start()?;
            rig.disk.fail(Failure { target, nth, kept });
            // The filesystem may have had enough; then nothing can be accepted on it.
            let writable = wait::until("mail that is accepted again", PATIENCE, || {
                let answer = send(&rig, numbers.next()?);
                let accepted = answer.is_ok_and(|answer| answer == Answer::Accepted);
                let writable = !rig.disk.will_fail() && can_be_written(&rig);
                (!rig.disk.will_fail() && (accepted || !writable)).then_some(writable)
            })?;
            given_up += usize::from(!writable);
            rig.program()?.kill()?;
            rig.engine = None;
            rig.unmount()?;
            rig.mount()?;
            let held = look(&rig.spool())?;
            if !writable {
                // It could not be put on record either that they were refused.
                rig.ledger.forget_refusals();
            }
            let entries = rig.ledger.entries();
            let compared = compare(&held, &entries, rig.disk.position());
            assert!(compared.is_ok(), "{nth}. {target:?}, {writable}: {compared:?}");
        }
    }
    eprintln!("{given_up} of {} times the filesystem gave up", 2 * ANYWHERE);
    Ok(())
}

/// Whether the filesystem takes a file, and keeps it.
fn can_be_written(rig: &Rig) -> bool {
    let path = rig.spool().join("probe");
    let kept = File::create(&path).and_then(|file| file.sync_all());
    kept.and_then(|()| fs::remove_file(path)).is_ok()
}
