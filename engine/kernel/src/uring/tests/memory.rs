//! What a connection and an operation cost, counted by the allocator of the tests.

use super::{BOTH, config, listener, pair, pause, piece, run_on, until};
use crate::uring::{Uring, UringStream};
use crate::{Buffer, Gather, Kernel, Listener, Piece, Stream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::TcpStream;
use std::rc::Rc;

/// Counts what its thread holds, and how often it asked.
struct Counted;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTED: Counted = Counted;

fn count(bytes: isize) {
    BYTES.set(BYTES.get() + bytes);
    CALLS.set(CALLS.get() + u32::from(bytes > 0));
}

// SAFETY: the system's allocator does the work; we only count.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(start, layout) }
    }
}

/// As a session between two commands: it waits for readiness, and only then has a buffer.
async fn serve(stream: UringStream, answers: Rc<Cell<usize>>) {
    while stream.readable().await.is_ok() {
        let (result, buffer) = stream.read(Buffer::with_capacity(4_096)).await;
        if result.unwrap_or(0) == 0 {
            break;
        }
        let reply = Gather::from_iter([Piece::Owned(buffer.to_vec())]);
        if stream.write(reply).await.is_err() {
            break;
        }
        answers.set(answers.get() + 1);
    }
    answers.set(answers.get() - 1);
}

/// 3 KiB each would be 30 MB for ten thousand; the session on top of us has the rest of 40.
#[test]
fn an_idle_connection_is_cheap() {
    const PEERS: usize = 2_048;
    const BYTES_MAX: usize = 3_072;
    for driver in BOTH {
        run_on(config(driver), async |kernel| {
            let (before, answers) = (BYTES.get(), Rc::default());
            let peers = crowd(&kernel, PEERS, &answers).await;
            let each = usize::try_from(BYTES.get() - before).unwrap() / PEERS;
            println!("{driver:?}: an idle connection holds {each} bytes");
            assert!(each < BYTES_MAX, "{each} bytes");
            drop(peers);
            until(&kernel, || answers.get() == 0).await;
            pause(&kernel, 1).await;
            let left = usize::try_from(BYTES.get() - before).unwrap_or(0) / PEERS;
            assert!(left < BYTES_MAX / 8, "{left} bytes a connection stay behind");
        });
    }
}

/// Idle connections that have said something before, and were answered.
async fn crowd(kernel: &Uring, count: usize, answers: &Rc<Cell<usize>>) -> Vec<TcpStream> {
    use std::io::Write;
    let (listener, mut peers) = (listener(kernel), Vec::with_capacity(count));
    for _ in 0..count {
        peers.push(TcpStream::connect(listener.address()).unwrap());
        kernel.spawn(serve(listener.accept().await.unwrap(), Rc::clone(answers)));
    }
    for peer in &mut peers {
        peer.write_all(b"hello").unwrap();
    }
    until(kernel, || answers.get() == count).await;
    peers
}

#[test]
fn operations_allocate_little() {
    const ROUNDS: u32 = 100;
    for driver in BOTH {
        run_on(config(driver), async |kernel| {
            let (ours, theirs) = pair(&kernel).await;
            let mut buffer = Buffer::with_capacity(64);
            for warm_up in [true, false] {
                let before = CALLS.get();
                for _ in 0..ROUNDS {
                    ours.write(piece(b"one")).await.unwrap();
                    theirs.readable().await.unwrap();
                    buffer.set_len(0);
                    buffer = theirs.read(buffer).await.1;
                    let two = [Piece::Static(b"one"), Piece::Static(b"two")];
                    theirs.write(Gather::from_iter(two)).await.unwrap();
                    buffer.set_len(0);
                    buffer = ours.read(buffer).await.1;
                }
                let calls = CALLS.get() - before;
                assert!(warm_up || calls <= 2 * ROUNDS, "{calls} allocations for {ROUNDS} rounds");
            }
        });
    }
}
