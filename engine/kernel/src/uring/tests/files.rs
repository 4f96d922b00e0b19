//! Files of every kind, on the disk and in memory.

use super::on_both;
use crate::uring::Uring;
use crate::{ALIGNMENT, Buffer, File, Kernel, Open};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("ringpost-kernel-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn on_disk() -> Self {
        Self::new(std::env::current_exe().unwrap().parent().unwrap())
    }

    fn in_memory() -> Self {
        Self::new(Path::new("/dev/shm"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A page of `byte`.
fn page(byte: u8) -> Buffer {
    Buffer::copy_of(&[byte; ALIGNMENT])
}

async fn contents(kernel: &Uring, path: &Path) -> Vec<u8> {
    let file = kernel.open(path, Open::Read).await.unwrap();
    let mut all = Vec::new();
    loop {
        let (result, buffer) = file.read_at(Buffer::with_capacity(10_000), all.len() as u64).await;
        if result.unwrap() == 0 {
            return all;
        }
        all.extend_from_slice(&buffer);
    }
}

#[test]
fn a_journal_is_written_in_pages_past_the_cache_where_the_disk_allows_it() {
    on_both(|kernel| async move {
        let scratch = Scratch::on_disk();
        let path = scratch.file("journal");
        let journal = kernel.open(&path, Open::Journal).await.unwrap();
        assert_eq!(journal.is_direct(), takes_direct(&path));
        for (index, byte) in (0..).zip([b'a', b'b', b'c']) {
            let (result, buffer) = journal.write_at(page(byte), index * ALIGNMENT as u64).await;
            result.unwrap();
            assert_eq!(buffer.len(), ALIGNMENT);
        }
        journal.write_at(page(b'B'), ALIGNMENT as u64).await.0.unwrap();
        journal.sync().await.unwrap();
        assert_eq!(journal.is_direct(), takes_direct(&path));
        assert_eq!(journal.length().unwrap(), 3 * ALIGNMENT as u64);
        let expected = [b'a', b'B', b'c'].map(|byte| [byte; ALIGNMENT]).concat();
        assert!(contents(&kernel, &path).await == expected);
        let (result, buffer) = journal.read_at(Buffer::with_capacity(ALIGNMENT), 8_192).await;
        assert_eq!((result.unwrap(), &buffer[..2]), (ALIGNMENT, &b"cc"[..]));
        assert_eq!(mode(&path), 0o600);
    });
}

fn takes_direct(path: &Path) -> bool {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path).is_ok()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Direct I/O refuses what is not aligned: such a write goes through the page cache, synced
/// all the same.
#[test]
fn a_write_that_is_not_aligned_is_written_all_the_same() {
    on_both(|kernel| async move {
        let scratch = Scratch::on_disk();
        let path = scratch.file("journal");
        let journal = kernel.open(&path, Open::Journal).await.unwrap();
        journal.write_at(page(b'a'), 0).await.0.unwrap();
        journal.write_at(Buffer::copy_of(b"odd"), 5).await.0.unwrap();
        assert!(!journal.is_direct());
        assert!(is_synced(&journal));
        journal.write_at(page(b'z'), ALIGNMENT as u64).await.0.unwrap();
        let written = contents(&kernel, &path).await;
        assert_eq!((&written[..10], written.len()), (&b"aaaaaoddaa"[..], 2 * ALIGNMENT));
    });
}

/// Data is synced by each write, and times are not: `O_SYNC` is `O_DSYNC` and a bit more.
fn is_synced(file: &crate::uring::UringFile) -> bool {
    let flags = rustix::fs::fcntl_getfl(file.descriptor()).unwrap();
    flags.bits().cast_signed() & libc::O_SYNC == libc::O_DSYNC
}

/// Short reads at the end, and reads at odd places, of a file that is direct.
#[test]
fn a_journal_can_be_read_at_any_place() {
    on_both(|kernel| async move {
        let scratch = Scratch::on_disk();
        let journal = kernel.open(&scratch.file("journal"), Open::Journal).await.unwrap();
        journal.write_at(page(b'a'), 0).await.0.unwrap();
        let (result, _) = journal.read_at(Buffer::with_capacity(4 * ALIGNMENT), 0).await;
        assert_eq!(result.unwrap(), ALIGNMENT);
        let end = ALIGNMENT as u64;
        assert_eq!(journal.read_at(Buffer::with_capacity(ALIGNMENT), end).await.0.unwrap(), 0);
        let (result, buffer) = journal.read_at(Buffer::with_capacity(100), 4_000).await;
        assert_eq!((result.unwrap(), &*buffer), (96, &[b'a'; 96][..]));
    });
}

#[test]
fn a_journal_lives_in_memory_too() {
    on_both(|kernel| async move {
        let scratch = Scratch::in_memory();
        let path = scratch.file("journal");
        let journal = kernel.open(&path, Open::Journal).await.unwrap();
        journal.write_at(page(b'm'), 0).await.0.unwrap();
        journal.write_at(Buffer::copy_of(b"odd"), 1).await.0.unwrap();
        journal.sync().await.unwrap();
        assert!(is_synced(&journal));
        assert_eq!(&contents(&kernel, &path).await[..6], b"moddmm");
    });
}

#[test]
fn lines_are_appended_behind_what_is_there() {
    on_both(|kernel| async move {
        let scratch = Scratch::on_disk();
        let path = scratch.file("log");
        std::fs::write(&path, b"old\n").unwrap();
        let log = kernel.open(&path, Open::Append).await.unwrap();
        let other = kernel.open(&path, Open::Append).await.unwrap();
        for (file, line) in [(&log, b"one\n"), (&other, b"two\n"), (&log, b"six\n")] {
            file.write_at(Buffer::copy_of(line), 0).await.0.unwrap();
        }
        assert_eq!(contents(&kernel, &path).await, b"old\none\ntwo\nsix\n");
    });
}

#[test]
fn a_created_file_is_neither_cut_nor_missed() {
    on_both(|kernel| async move {
        let scratch = Scratch::on_disk();
        let path = scratch.file("state");
        let absent = kernel.open(&path, Open::Read).await.unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
        let file = kernel.open(&path, Open::Create).await.unwrap();
        file.write_at(Buffer::copy_of(b"state of things"), 0).await.0.unwrap();
        file.sync().await.unwrap();
        let again = kernel.open(&path, Open::Create).await.unwrap();
        again.write_at(Buffer::copy_of(b"STATE"), 0).await.0.unwrap();
        again.write_at(Buffer::with_capacity(1), 100).await.0.unwrap();
        assert_eq!(contents(&kernel, &path).await, b"STATE of things");
        assert_eq!(again.length().unwrap(), 15);
    });
}

#[test]
fn a_file_opened_to_read_is_not_written() {
    on_both(|kernel| async move {
        let scratch = Scratch::on_disk();
        let path = scratch.file("old");
        std::fs::write(&path, b"old").unwrap();
        let file = kernel.open(&path, Open::Read).await.unwrap();
        let (result, buffer) = file.write_at(Buffer::copy_of(b"new"), 0).await;
        assert!(result.is_err());
        assert_eq!(&*buffer, b"new", "the buffer comes back");
    });
}

#[test]
fn directories_are_made_listed_and_tidied() {
    on_both(|kernel| async move {
        let scratch = Scratch::on_disk();
        let deep = scratch.file("a").join("b");
        assert_eq!(kernel.list(&deep).await.unwrap_err().kind(), ErrorKind::NotFound);
        kernel.make_directory(&deep).await.unwrap();
        kernel.make_directory(&deep).await.unwrap();
        assert_eq!(mode(&deep), 0o700);
        for name in ["2", "10", "1"] {
            kernel.open(&deep.join(name), Open::Create).await.unwrap();
        }
        kernel.rename(&deep.join("2"), &deep.join("0")).await.unwrap();
        kernel.remove(&deep.join("10")).await.unwrap();
        kernel.sync_directory(&deep).await.unwrap();
        assert_eq!(kernel.list(&deep).await.unwrap(), [Path::new("0"), Path::new("1")]);
        let absent = kernel.remove(&deep.join("10")).await.unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
        let absent = kernel.rename(&deep.join("10"), &deep.join("11")).await.unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn free_space_is_less_than_the_whole() {
    on_both(|kernel| async move {
        let (free, size) = kernel.space(Path::new("/")).unwrap();
        assert!(free > 0 && free < size && size > 1 << 20);
        assert!(kernel.space(Path::new("/no/such/place")).is_err());
    });
}
