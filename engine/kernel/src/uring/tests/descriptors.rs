//! No connection leaves a descriptor behind, however it ends.

use super::dials::full_listener;
use super::{
    BOTH, LONG_TEXT, PATIENCE, config, dial, listener, pair, pause, piece, read_all, run_on, until,
};
use crate::uring::{Uring, UringListener, UringStream};
use crate::{Buffer, Kernel, Listener, Open, Stream};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// How a connection may end.
#[derive(Clone, Copy, Debug)]
enum End {
    PeerCloses,
    WeClose,
    WeHangUp,
    PeerResets,
    WaitIsDropped,
    ReadIsDropped,
    WriteIsDropped,
    TaskPanics,
    DialIsRefused,
    DialTimesOut,
    AcceptIsDropped,
}

impl End {
    const ALL: [Self; 11] = [
        Self::PeerCloses,
        Self::WeClose,
        Self::WeHangUp,
        Self::PeerResets,
        Self::WaitIsDropped,
        Self::ReadIsDropped,
        Self::WriteIsDropped,
        Self::TaskPanics,
        Self::DialIsRefused,
        Self::DialTimesOut,
        Self::AcceptIsDropped,
    ];
}

const ROUNDS: usize = 110;

#[test]
fn no_descriptor_is_left_behind() {
    for driver in BOTH {
        let counted = thread::spawn(move || {
            own_descriptors();
            run_on(config(driver), async |_| ());
            let before = descriptors();
            let panics = run_on(config(driver), all_ends).panics;
            assert_eq!(panics, ROUNDS as u64);
            (before, descriptors())
        });
        let (before, after) = counted.join().unwrap();
        assert_eq!(before, after, "{driver:?}");
    }
}

/// The count holds while the shard runs, too: nothing is kept until its end.
async fn all_ends(kernel: Uring) {
    let (silent, _waiting) = full_listener();
    let world = Rc::new(World {
        listener: listener(&kernel),
        refused: super::NOBODY,
        silent: silent.local_addr().unwrap(),
    });
    one_of_each(&kernel, &world).await;
    let before = descriptors();
    for _ in 1..ROUNDS {
        one_of_each(&kernel, &world).await;
    }
    until(&kernel, || descriptors() == before).await;
}

async fn one_of_each(kernel: &Uring, world: &Rc<World>) {
    for end in End::ALL {
        world.go_through(kernel, end).await;
    }
}

struct World {
    listener: UringListener,
    refused: SocketAddr,
    silent: SocketAddr,
}

const SOON: Duration = Duration::from_millis(1);

impl World {
    async fn go_through(&self, kernel: &Uring, end: End) {
        match end {
            End::DialIsRefused => {
                assert!(kernel.connect(self.refused, None, PATIENCE).await.is_err());
            }
            End::DialTimesOut => assert!(kernel.connect(self.silent, None, SOON).await.is_err()),
            End::AcceptIsDropped => {
                assert!(monoio::time::timeout(SOON, self.listener.accept()).await.is_err());
            }
            _ => {
                let ours = dial(kernel, self.listener.address()).await;
                let theirs = self.listener.accept().await.unwrap();
                connected(kernel, end, ours, theirs).await;
            }
        }
    }
}

async fn connected(kernel: &Uring, end: End, ours: UringStream, theirs: UringStream) {
    match end {
        End::PeerCloses => {
            theirs.write(piece(b"bye")).await.unwrap();
            drop(ours);
            let _ = theirs.read(Buffer::with_capacity(64)).await;
        }
        End::WeClose => {
            drop(theirs);
            assert!(read_all(&ours).await.is_empty());
        }
        End::WeHangUp => {
            let reader = theirs.clone();
            kernel.spawn(async move {
                let _ = reader.read(Buffer::with_capacity(64)).await;
            });
            pause(kernel, 1).await;
            theirs.hang_up(b"421 bye");
            assert_eq!(read_all(&ours).await, b"421 bye");
        }
        End::PeerResets => {
            theirs.write(piece(b"never read")).await.unwrap();
            pause(kernel, 1).await;
            drop(ours);
            let _ = theirs.write(piece(b"more")).await;
            let _ = theirs.read(Buffer::with_capacity(64)).await;
        }
        End::WaitIsDropped => {
            assert!(monoio::time::timeout(SOON, theirs.readable()).await.is_err());
        }
        End::ReadIsDropped => {
            let read = theirs.read(Buffer::with_capacity(64));
            assert!(monoio::time::timeout(SOON, read).await.is_err());
        }
        End::WriteIsDropped => {
            let write = theirs.write(piece(&LONG_TEXT));
            assert!(monoio::time::timeout(SOON, write).await.is_err());
        }
        _ => {
            kernel.spawn(async move {
                let _held = (ours, theirs);
                std::panic::panic_any("on purpose");
            });
            pause(kernel, 1).await;
        }
    }
}

#[test]
fn files_are_closed_when_dropped() {
    for driver in BOTH {
        let counted = thread::spawn(move || {
            own_descriptors();
            run_on(config(driver), async |kernel| {
                let path = std::env::temp_dir();
                let before = descriptors();
                for _ in 0..100 {
                    drop(kernel.open(&path, Open::Read).await.unwrap());
                    kernel.sync_directory(&path).await.unwrap();
                }
                until(&kernel, || descriptors() == before).await;
            });
        });
        counted.join().unwrap();
    }
}

/// A task that never ends keeps the ring, but not what was dropped at the very end.
#[test]
fn what_is_dropped_at_the_end_is_closed_though_tasks_still_wait() {
    for driver in BOTH {
        let open = thread::spawn(move || {
            own_descriptors();
            run_on(config(driver), async |kernel| {
                let (waiting, ours) = pair(&kernel).await;
                kernel.spawn(async move { drop((ours.readable().await, waiting)) });
                pause(&kernel, 1).await;
                drop(kernel.open(Path::new("/proc/version"), Open::Read).await.unwrap());
            });
            let names = std::fs::read_dir("/proc/thread-self/fd").unwrap();
            let files = names.filter_map(|name| std::fs::read_link(name.unwrap().path()).ok());
            files.filter(|file| file == Path::new("/proc/version")).count()
        });
        assert_eq!(open.join().unwrap(), 0, "{driver:?}");
    }
}

/// Other tests open and close descriptors at the same time: this thread gets a table of its
/// own, and lets go of theirs.
fn own_descriptors() {
    // SAFETY: no value of this thread owns a descriptor yet, and no other thread is touched.
    let done = unsafe {
        libc::unshare(libc::CLONE_FILES)
            + libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) as i32
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/thread-self/fd").unwrap().count()
}
