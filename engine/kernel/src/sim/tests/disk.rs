//! What is on a disk, and what of it is there after a crash.

use super::{bytes_of, error_of, open, put};
use crate::sim::{Crash, Host, Sim, World};
use crate::{Buffer, File, Kernel, Open};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const BLOCK: usize = 4_096;

/// Each sector's byte, as letters: a file of eight sectors reads like `aaaabbbb`.
fn sectors(bytes: &[u8]) -> String {
    bytes
        .chunks(512)
        .map(|sector| {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is whole");
            if sector[0] == 0 { '.' } else { char::from(sector[0]) }
        })
        .collect()
}

async fn make(sim: &Sim, path: &str, how: Open) -> crate::sim::SimFile {
    let file = open(sim, path, how).await;
    sim.sync_directory(Path::new(path).parent().unwrap()).await.unwrap();
    file
}

/// What `path` holds after a power loss, in many worlds that did `before`.
fn survivors(path: &str, before: &impl AsyncFn(&World, &Sim)) -> BTreeSet<Option<String>> {
    let after = |seed| {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        world.block_on(before(&world, &sim));
        world.crash(host, Crash::Power);
        world.restart(host);
        let sim = world.shard(host);
        world.block_on(bytes_of(&sim, path)).map(|bytes| sectors(&bytes))
    };
    (0..300).map(after).collect()
}

#[test]
fn unsynced_sectors_survive_by_chance_and_synced_ones_for_certain() {
    let seen = survivors("/f", &async |_, sim| {
        let file = make(sim, "/f", Open::Create).await;
        put(&file, 0, b'a', BLOCK).await.unwrap();
        file.sync().await.unwrap();
        put(&file, 1_024, b'b', 1_536).await.unwrap();
    });
    assert_eq!(seen.len(), 8, "every subset of three sectors: {seen:?}");
    assert!(seen.iter().flatten().all(|kept| kept.starts_with("aa") && kept.ends_with("aaa")));
}

#[test]
fn an_unsynced_file_may_be_short_or_hold_holes() {
    let seen = survivors("/f", &async |_, sim| {
        let file = make(sim, "/f", Open::Create).await;
        put(&file, 0, b'a', 1_024).await.unwrap();
    });
    let expected = ["", ".", "..", "a", "a.", ".a", "aa"].map(|kept| Some(kept.to_owned()));
    assert!(seen.iter().all(|kept| expected.contains(kept)), "{seen:?}");
    assert!(
        seen.contains(&expected[0]) && seen.contains(&expected[5]) && seen.contains(&expected[6])
    );
}

#[test]
fn a_journal_write_is_durable_when_it_returns() {
    let seen = survivors("/j", &async |_, sim| {
        let file = make(sim, "/j", Open::Journal).await;
        put(&file, 0, b'a', BLOCK).await.unwrap();
    });
    assert_eq!(seen, BTreeSet::from([Some("a".repeat(8))]));
}

#[test]
fn a_new_name_and_a_rename_need_a_directory_sync() {
    let renamed = async |sim: &Sim, synced: bool| {
        sim.make_directory(Path::new("/d")).await.unwrap();
        sim.sync_directory(Path::new("/")).await.unwrap();
        let file = make(sim, "/d/a", Open::Create).await;
        put(&file, 0, b'a', 512).await.unwrap();
        file.sync().await.unwrap();
        sim.rename(Path::new("/d/a"), Path::new("/d/b")).await.unwrap();
        if synced {
            sim.sync_directory(Path::new("/d")).await.unwrap();
        }
    };
    let kept = Some("a".to_owned());
    let unsynced = survivors("/d/b", &async |_, sim| renamed(sim, false).await);
    assert_eq!(unsynced, BTreeSet::from([None, kept.clone()]));
    assert_eq!(survivors("/d/b", &async |_, sim| renamed(sim, true).await), BTreeSet::from([kept]));
    let made = survivors("/f", &async |_, sim| drop(open(sim, "/f", Open::Create).await));
    assert_eq!(made, BTreeSet::from([None, Some(String::new())]));
}

#[test]
fn a_file_in_a_directory_that_was_not_synced_goes_with_it() {
    let seen = survivors("/d/f", &async |_, sim| {
        sim.make_directory(Path::new("/d")).await.unwrap();
        drop(make(sim, "/d/f", Open::Create).await);
    });
    assert_eq!(seen, BTreeSet::from([None, Some(String::new())]));
}

#[test]
fn a_removed_name_may_come_back() {
    let seen = survivors("/f", &async |_, sim| {
        drop(make(sim, "/f", Open::Create).await);
        sim.remove(Path::new("/f")).await.unwrap();
    });
    assert_eq!(seen, BTreeSet::from([None, Some(String::new())]));
}

fn world() -> (World, Host, Sim) {
    let world = World::new(9);
    let host = world.host();
    let sim = world.shard(host);
    (world, host, sim)
}

#[test]
fn a_kill_keeps_what_was_written() {
    let (world, host, sim) = world();
    world.block_on(async {
        let file = open(&sim, "/f", Open::Create).await;
        put(&file, 0, b'a', 512).await.unwrap();
    });
    world.crash(host, Crash::Kill);
    world.restart(host);
    let sim = world.shard(host);
    assert_eq!(world.block_on(bytes_of(&sim, "/f")).unwrap(), [b'a'; 512]);
    assert!(world.durable_names(host).is_empty(), "and it may still be lost");
}

#[test]
fn a_full_disk_takes_what_it_has_room_for_and_lets_bytes_be_overwritten() {
    let (world, host, sim) = world();
    world.resize_disk(host, 4 * BLOCK as u64);
    world.block_on(async {
        let file = open(&sim, "/f", Open::Journal).await;
        put(&file, 0, b'a', 3 * BLOCK).await.unwrap();
        assert_eq!(sim.space(Path::new("/")).unwrap(), (BLOCK as u64, 4 * BLOCK as u64));
        let other = open(&sim, "/g", Open::Create).await;
        assert_eq!(error_of(put(&other, 0, b'b', 2 * BLOCK).await), Some(libc::ENOSPC));
        assert_eq!(other.length().unwrap(), BLOCK as u64);
        put(&file, 0, b'c', 3 * BLOCK).await.unwrap();
        sim.remove(Path::new("/g")).await.unwrap();
        put(&file, 3 * BLOCK as u64, b'd', BLOCK).await.unwrap();
    });
}

#[test]
fn names_are_as_on_linux() {
    let (world, _, sim) = world();
    world.block_on(async {
        let deep = Path::new("/spool/log-00");
        assert_eq!(error_of(sim.list(deep).await), Some(libc::ENOENT));
        assert_eq!(error_of(sim.open(&deep.join("x"), Open::Create).await), Some(libc::ENOENT));
        sim.make_directory(deep).await.unwrap();
        sim.make_directory(deep).await.unwrap();
        for name in ["2", "1", "3"] {
            drop(sim.open(&deep.join(name), Open::Create).await.unwrap());
        }
        sim.remove(&deep.join("3")).await.unwrap();
        assert_eq!(error_of(sim.remove(&deep.join("3")).await), Some(libc::ENOENT));
        assert_eq!(sim.list(deep).await.unwrap(), ["1", "2"].map(PathBuf::from));
        assert_eq!(error_of(sim.open(deep, Open::Read).await), Some(libc::EISDIR));
        assert_eq!(error_of(sim.open(&deep.join("9"), Open::Read).await), Some(libc::ENOENT));
    });
}

#[test]
fn lines_are_appended_behind_whatever_is_there() {
    let (world, _, sim) = world();
    let bell = crate::Signal::default();
    for line in [b"a\n", b"b\n", b"c\n"] {
        let (kernel, rings) = (sim.clone(), bell.clone());
        sim.spawn(async move {
            let file = open(&kernel, "/l", Open::Append).await;
            file.write_at(Buffer::copy_of(line), 0).await.0.unwrap();
            rings.ring();
        });
    }
    world.block_on(bell.after(2));
    let mut lines = world.block_on(bytes_of(&sim, "/l")).unwrap();
    lines.sort_unstable();
    assert_eq!(lines, b"\n\n\nabc", "each line is whole, though all were written at once");
}

#[test]
fn a_journal_is_written_in_whole_blocks() {
    let (world, _, sim) = world();
    world.block_on(async {
        let file = open(&sim, "/j", Open::Journal).await;
        assert_eq!(error_of(put(&file, 0, b'a', 512).await), Some(libc::EINVAL));
        assert_eq!(error_of(put(&file, 512, b'a', BLOCK).await), Some(libc::EINVAL));
        let read_only = open(&sim, "/j", Open::Read).await;
        assert_eq!(error_of(put(&read_only, 0, b'a', BLOCK).await), Some(libc::EBADF));
    });
}

#[test]
fn a_removed_file_is_there_for_who_has_it_open() {
    let (world, _, sim) = world();
    world.block_on(async {
        let file = open(&sim, "/f", Open::Create).await;
        sim.remove(Path::new("/f")).await.unwrap();
        put(&file, 0, b'a', 10).await.unwrap();
        assert_eq!(file.length().unwrap(), 10);
    });
}

#[test]
fn a_copy_of_a_host_has_only_what_is_durable() {
    let (world, host, sim) = world();
    world.block_on(async {
        let file = make(&sim, "/f", Open::Create).await;
        put(&file, 0, b'a', 512).await.unwrap();
        file.sync().await.unwrap();
        put(&file, 0, b'b', 1_024).await.unwrap();
        drop(open(&sim, "/g", Open::Create).await);
    });
    assert_eq!(world.durable_names(host), [PathBuf::from("/f")]);
    assert_eq!(world.durable(host, Path::new("/f")).unwrap(), [b'a'; 512]);
    assert_eq!(world.live(host, Path::new("/f")).unwrap(), [b'b'; 1_024]);
    assert_eq!(world.durable(host, Path::new("/g")), None);
    let copy = world.shard(world.host_like(host));
    assert_eq!(world.block_on(bytes_of(&copy, "/f")).unwrap(), [b'a'; 512]);
    assert_eq!(world.block_on(bytes_of(&copy, "/g")), None);
    assert_eq!(world.block_on(bytes_of(&sim, "/f")).unwrap(), [b'b'; 1_024]);
}

#[test]
fn a_flipped_bit_is_flipped_everywhere() {
    let (world, host, sim) = world();
    world.block_on(async {
        let file = make(&sim, "/f", Open::Create).await;
        put(&file, 0, b'a', 512).await.unwrap();
        file.sync().await.unwrap();
    });
    world.flip(host, Path::new("/f"), 7, 1);
    assert_eq!(world.block_on(bytes_of(&sim, "/f")).unwrap()[7], b'a' ^ 2);
    assert_eq!(world.durable(host, Path::new("/f")).unwrap()[7], b'a' ^ 2);
}

#[test]
fn what_is_taken_of_a_log_is_gone_and_it_goes_on() {
    let world = World::new(1);
    let host = world.host();
    let sim = world.shard(host);
    let log = world.block_on(make(&sim, "/log", Open::Append));
    let write = |line: &'static [u8]| {
        world.block_on(async { log.write_at(Buffer::copy_of(line), 0).await.0.unwrap() });
    };
    write(b"one\n");
    assert_eq!(world.take(host, Path::new("/log")).unwrap(), b"one\n");
    write(b"two\n");
    assert_eq!(world.take(host, Path::new("/log")).unwrap(), b"two\n");
    assert_eq!(world.take(host, Path::new("/log")).unwrap(), b"");
    assert_eq!(world.take(host, Path::new("/other")), None);
}
