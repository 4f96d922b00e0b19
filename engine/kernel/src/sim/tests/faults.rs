//! The fault plan.

use super::{bytes_of, error_of, open, panic_of, poll_once, put};
use crate::sim::{Crash, Fault, Operation, Sim, When, World};
use crate::{Buffer, File, Kernel, Open};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const BLOCK: usize = 4_096;

async fn journal(sim: &Sim) -> crate::sim::SimFile {
    let file = open(sim, "/j", Open::Journal).await;
    put(&file, 0, b'a', BLOCK).await.unwrap();
    sim.sync_directory(Path::new("/")).await.unwrap();
    file
}

#[test]
fn the_nth_operation_of_its_kind_fails_and_no_other() {
    let world = World::new(1);
    let host = world.host();
    let sim = world.shard(host);
    world.block_on(async {
        let file = open(&sim, "/f", Open::Create).await;
        put(&file, 0, b'a', 10).await.unwrap();
        world.plan(host, Operation::FileWrite, When::Nth(2), Fault::Error(libc::EIO));
        let results = [1, 2, 3].map(|byte| put(&file, 0, byte, 10));
        let mut errors = Vec::new();
        for result in results {
            errors.push(error_of(result.await));
        }
        assert_eq!(errors, [None, Some(libc::EIO), None]);
    });
    assert_eq!(world.count(host, Operation::FileWrite), 4);
}

#[test]
fn a_failed_write_leaves_any_part_of_it() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        let bytes = world.block_on(async {
            let file = journal(&sim).await;
            world.plan(host, Operation::FileWrite, When::Nth(1), Fault::Error(libc::EIO));
            assert_eq!(error_of(put(&file, 0, b'b', BLOCK).await), Some(libc::EIO));
            bytes_of(&sim, "/j").await.unwrap()
        });
        seen.insert(bytes.chunks(512).filter(|sector| sector[0] == b'b').count());
    }
    assert!(seen.contains(&0) && seen.contains(&8) && seen.len() > 5, "{seen:?}");
}

#[test]
fn a_crash_during_a_journal_write_tears_it_and_one_after_it_does_not() {
    let blocks = |fault: Fault| -> BTreeSet<usize> {
        let after = |seed| {
            let world = World::new(seed);
            let host = world.host();
            let sim = world.shard(host);
            let file = world.block_on(journal(&sim));
            world.plan(host, Operation::FileWrite, When::Nth(1), fault);
            sim.spawn(async move {
                let _ = put(&file, 0, b'b', BLOCK).await;
                panic!("the host is down");
            });
            assert!(world.run_until_idle(Duration::from_secs(1)));
            assert!(!world.is_up(host));
            world.restart(host);
            let sim = world.shard(host);
            let bytes = world.block_on(bytes_of(&sim, "/j")).unwrap();
            bytes.chunks(512).filter(|sector| sector[0] == b'b').count()
        };
        (0..200).map(after).collect()
    };
    assert!(blocks(Fault::CrashDuring(Crash::Power)).len() > 5);
    assert_eq!(blocks(Fault::CrashAfter(Crash::Power)), BTreeSet::from([8]));
}

/// Linux forgets that pages were dirty when writing them back failed: the next sync says all is well.
#[test]
fn after_a_failed_sync_the_next_one_lies() {
    let mut lost = 0;
    for seed in 0..100 {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        world.plan(host, Operation::FileSync, When::Nth(1), Fault::Error(libc::EIO));
        world.block_on(async {
            let file = open(&sim, "/f", Open::Create).await;
            sim.sync_directory(Path::new("/")).await.unwrap();
            put(&file, 0, b'a', 512).await.unwrap();
            assert_eq!(error_of(file.sync().await), Some(libc::EIO));
            file.sync().await.unwrap();
        });
        lost += u32::from(!world.durable(host, Path::new("/f")).unwrap().contains(&b'a'));
    }
    assert!((1..100).contains(&lost), "{lost}");
}

#[test]
fn a_journal_that_failed_must_not_be_used_again() {
    let world = World::new(6);
    let host = world.host();
    let sim = world.shard(host);
    let file = world.block_on(journal(&sim));
    world.plan(host, Operation::FileWrite, When::Nth(1), Fault::Error(libc::EIO));
    let said = panic_of(|| {
        world.block_on(async {
            let _ = put(&file, 0, b'b', BLOCK).await;
            let _ = put(&file, 0, b'b', BLOCK).await;
        });
    });
    assert!(said.contains("seed 6") && said.contains("after a write"), "{said}");
}

/// The contract of `write_at`: a short write is continued, and the whole is there.
#[test]
fn a_short_write_is_continued() {
    for seed in 0..50 {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        world.block_on(async {
            let file = journal(&sim).await;
            let before = world.count(host, Operation::FileWrite);
            world.plan(host, Operation::FileWrite, When::Nth(1), Fault::Short(None));
            put(&file, 0, b'b', 2 * BLOCK).await.unwrap();
            assert_eq!(world.count(host, Operation::FileWrite) - before, 2);
            put(&file, 0, b'c', BLOCK).await.unwrap();
            let log = open(&sim, "/log", Open::Append).await;
            for byte in [b'1', b'2'] {
                world.plan(host, Operation::FileWrite, When::Nth(1), Fault::Short(None));
                put(&log, 0, byte, 3).await.unwrap();
            }
            assert_eq!(bytes_of(&sim, "/log").await.unwrap(), b"111222");
        });
        let durable = world.durable(host, Path::new("/j")).unwrap();
        assert!(durable == [[b'c'; BLOCK], [b'b'; BLOCK]].concat());
    }
}

/// As a full disk does it: some of it is there, in front, and no more.
#[test]
fn the_rest_of_a_short_write_can_fail() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        world.block_on(async {
            let file = journal(&sim).await;
            let fault = Fault::Short(Some(libc::ENOSPC));
            world.plan(host, Operation::FileWrite, When::Nth(1), fault);
            assert_eq!(error_of(put(&file, 0, b'b', BLOCK).await), Some(libc::ENOSPC));
        });
        let durable = world.durable(host, Path::new("/j")).unwrap();
        let written = durable.iter().take_while(|byte| **byte == b'b').count();
        assert!(durable[written..].iter().all(|byte| *byte == b'a'), "only its front is there");
        seen.insert(written / 512);
    }
    assert_eq!(seen, (1..8).collect());
}

/// Whose power fails between the two parts of a write keeps the first.
#[test]
fn a_crash_in_the_rest_of_a_short_write_keeps_its_front() {
    for seed in 0..100 {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        let file = world.block_on(journal(&sim));
        world.plan(host, Operation::FileWrite, When::Nth(1), Fault::Short(None));
        let power = Fault::CrashDuring(Crash::Power);
        world.plan(host, Operation::FileWrite, When::Nth(2), power);
        sim.spawn(async move {
            let _ = put(&file, 0, b'b', BLOCK).await;
            panic!("the host is down");
        });
        assert!(world.run_until_idle(Duration::from_secs(1)));
        assert!(!world.is_up(host));
        assert_eq!(world.durable(host, Path::new("/j")).unwrap()[..512], [b'b'; 512]);
    }
}

/// What `UringFile` tries again by itself nobody sees; what it does not, everybody does.
#[test]
fn an_interrupted_read_or_write_is_asked_for_again() {
    let world = World::new(1);
    let host = world.host();
    let sim = world.shard(host);
    let fail = |operation, error| {
        world.plan(host, operation, When::Nth(1), Fault::Error(error));
    };
    world.block_on(async {
        let file = journal(&sim).await;
        for passing in [libc::EINTR, libc::EAGAIN] {
            let before = world.count(host, Operation::FileWrite);
            fail(Operation::FileWrite, passing);
            put(&file, 0, b'b', BLOCK).await.unwrap();
            assert_eq!(world.count(host, Operation::FileWrite) - before, 2);
            fail(Operation::FileRead, passing);
            assert!(bytes_of(&sim, "/j").await.unwrap() == [b'b'; BLOCK]);
        }
        fail(Operation::Rename, libc::EINTR);
        let renamed = sim.rename(Path::new("/j"), Path::new("/k")).await;
        assert_eq!(error_of(renamed), Some(libc::EINTR));
        fail(Operation::FileSync, libc::EINTR);
        assert_eq!(error_of(file.sync().await), Some(libc::EINTR));
        let file = open(&sim, "/j", Open::Journal).await;
        fail(Operation::FileWrite, libc::ECANCELED);
        assert_eq!(error_of(put(&file, 0, b'c', BLOCK).await), Some(libc::ECANCELED));
    });
}

#[test]
fn a_short_read_gives_a_part() {
    for seed in 0..50 {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        world.physics(|physics| physics.short_ppm = 0);
        world.block_on(async {
            let file = open(&sim, "/f", Open::Create).await;
            put(&file, 0, b'a', 100).await.unwrap();
            world.plan(host, Operation::FileRead, When::Nth(1), Fault::Short(None));
            let (short, _) = file.read_at(Buffer::with_capacity(100), 0).await;
            assert!((1..=100).contains(&short.unwrap()));
            let (whole, _) = file.read_at(Buffer::with_capacity(100), 0).await;
            assert_eq!(whole.unwrap(), 100);
        });
    }
}

#[test]
fn a_slow_disk_takes_its_time() {
    let world = World::new(1);
    let host = world.host();
    let sim = world.shard(host);
    let file = world.block_on(open(&sim, "/f", Open::Create));
    world.plan(
        host,
        Operation::FileSync,
        When::Chance(1_000_000),
        Fault::Slow(Duration::from_secs(5)),
    );
    let before = world.now();
    world.block_on(file.sync()).unwrap();
    assert!(world.now() >= before + Duration::from_secs(5));
    world.unplan(host);
    let before = world.now();
    world.block_on(file.sync()).unwrap();
    assert!(world.now() < before + Duration::from_secs(1));
}

#[test]
fn a_write_that_no_one_waits_for_happens_all_the_same() {
    let world = World::new(1);
    let sim = world.shard(world.host());
    world.block_on(async {
        let file = open(&sim, "/f", Open::Create).await;
        poll_once(file.write_at(Buffer::copy_of(b"kept"), 0)).await;
        sim.sleep_until(sim.now() + Duration::from_secs(1)).await;
        assert_eq!(bytes_of(&sim, "/f").await.unwrap(), b"kept");
    });
}

#[test]
fn the_dead_do_nothing() {
    let world = World::new(1);
    let host = world.host();
    let sim = world.shard(host);
    let file = world.block_on(open(&sim, "/f", Open::Create));
    world.crash(host, Crash::Kill);
    world.restart(host);
    let heir = world.shard(host);
    sim.spawn(async { panic!("a dead shard ran a task") });
    heir.spawn(async move {
        let _ = put(&file, 0, b'a', 10).await;
        panic!("a dead file was written");
    });
    assert!(world.run_until_idle(Duration::from_secs(1)));
    assert_eq!(world.panics(host), 0);
    assert_eq!(world.block_on(bytes_of(&heir, "/f")).unwrap(), b"");
}
