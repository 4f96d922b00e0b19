//! A connected socket.
#![allow(unsafe_code, reason = "memory lent to the ring, and monoio's operations want `&mut`")]

use super::lend::Spare;
use crate::{Buffer, Gather, Stream};
use monoio::buf::{IoBuf, IoVecBuf};
use monoio::io::{AsyncReadRent, AsyncWriteRent};
use monoio::net::TcpStream;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use smallvec::SmallVec;
use std::cell::{Cell, UnsafeCell};
use std::io;
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::rc::Rc;

/// A connected socket of one shard.
#[derive(Clone, Debug)]
pub struct UringStream(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: UnsafeCell<ManuallyDrop<TcpStream>>,
    peer: SocketAddr,
    /// Operations begun and not seen to end. One whose future was dropped stays counted.
    pending: Cell<u32>,
    /// A write was begun and not seen to end.
    writing: Cell<bool>,
}

impl UringStream {
    pub(super) fn new(socket: TcpStream, peer: SocketAddr) -> Self {
        let socket = UnsafeCell::new(ManuallyDrop::new(socket));
        Self(Rc::new(Inner { socket, peer, pending: Cell::new(0), writing: Cell::new(false) }))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        // SAFETY: only `socket_mut` makes an exclusive reference, and none lives on.
        unsafe { &*self.0.socket.get() }
    }

    /// For the call that begins an operation, and no longer.
    #[allow(clippy::mut_from_ref, reason = "monoio asks for `&mut` to read and to write")]
    fn socket_mut(&self) -> &mut TcpStream {
        // SAFETY: we are on one thread, and monoio's `read`, `write` and `writev` (0.2.4,
        // pinned) take a clone of the descriptor's handle and keep no reference to this: the
        // reference is dead before another can be made.
        unsafe { &mut *self.0.socket.get() }
    }

    /// Counts `operation` as pending until it has ended. Not if its future is dropped: then
    /// the ring still has the descriptor, and closes it after the operation.
    async fn count<T>(&self, operation: impl Future<Output = T>) -> T {
        let pending = &self.0.pending;
        pending.set(pending.get() + 1);
        let output = operation.await;
        pending.set(pending.get() - 1);
        output
    }

    async fn send_all(&self, mut unsent: Box<Unsent>) -> io::Result<()> {
        while !unsent.is_empty() {
            let (result, back) = self.send(unsent).await;
            unsent = back;
            match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => unsent.skip(count),
                Err(error) if retry(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn send(&self, mut unsent: Box<Unsent>) -> (io::Result<usize>, Box<Unsent>) {
        if unsent.is_single() {
            self.count(self.socket_mut().write(unsent)).await
        } else {
            unsent.point();
            self.count(self.socket_mut().writev(unsent)).await
        }
    }
}

impl Stream for UringStream {
    fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    fn local(&self) -> SocketAddr {
        let found = rustix::net::getsockname(descriptor(self.socket()));
        let found = found.ok().and_then(|address| SocketAddr::try_from(address).ok());
        found.expect("a TCP socket has an address as long as it is open")
    }

    async fn readable(&self) -> io::Result<()> {
        self.count(self.socket().readable(false)).await
    }

    fn has_unread(&self) -> bool {
        let (socket, flags) = (descriptor(self.socket()), RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(rustix::net::recv(socket, &mut [0; 1], flags), Ok((_, 1..)))
    }

    async fn read(&self, buffer: Buffer) -> (io::Result<usize>, Buffer) {
        assert!(buffer.spare() > 0, "a read without room looks like the end");
        let mut spare = Spare(buffer);
        loop {
            let (result, back) = self.count(self.socket_mut().read(spare)).await;
            match result {
                Err(error) if retry(&error) => spare = back,
                result => return (result, back.0),
            }
        }
    }

    async fn write(&self, pieces: Gather) -> io::Result<()> {
        let writing = &self.0.writing;
        assert!(
            !writing.replace(true),
            "one write at a time: an unfinished one cannot be continued"
        );
        let result = self.send_all(Unsent::new(pieces)).await;
        writing.set(false);
        result
    }

    fn hang_up(&self, last_words: &[u8]) {
        let socket = descriptor(self.socket());
        // Inside a write the peer would take our words for a part of it.
        if !last_words.is_empty() && !self.0.writing.get() {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            // They are a courtesy: a peer that does not read gets none.
            let _ = rustix::net::send(socket, last_words, flags);
        }
        // It fails when the peer has ended the connection already.
        let _ = rustix::net::shutdown(socket, Shutdown::Both);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: we are being dropped, so nothing uses the socket after this.
        let socket = unsafe { ManuallyDrop::take(self.socket.get_mut()) };
        if self.pending.get() == 0 {
            // SAFETY: no operation has it, so the number is ours alone. monoio would close it
            // by two operations and an allocation, and not at all at the end of a shard.
            drop(unsafe { OwnedFd::from_raw_fd(socket.into_raw_fd()) });
        }
    }
}

pub(super) fn descriptor(socket: &TcpStream) -> BorrowedFd<'_> {
    // SAFETY: the stream owns the descriptor and is borrowed as long as we show it.
    unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
}

/// The ring was interrupted, and nothing happened.
fn retry(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted)
}

/// What is left of a write. Boxed: the vectors have an address the ring may keep, and the
/// futures that carry it stay small.
struct Unsent {
    pieces: Gather,
    /// The first piece that is not wholly sent.
    first: usize,
    /// Bytes of it that are.
    sent: usize,
    vectors: SmallVec<[libc::iovec; 8]>,
}

/// The most vectors one operation takes (`UIO_MAXIOV`).
const VECTORS_MAX: usize = 1_024;

impl Unsent {
    fn new(pieces: Gather) -> Box<Self> {
        let mut unsent = Self { pieces, first: 0, sent: 0, vectors: SmallVec::new() };
        unsent.skip(0);
        Box::new(unsent)
    }

    fn is_empty(&self) -> bool {
        self.first == self.pieces.len()
    }

    fn is_single(&self) -> bool {
        self.first + 1 == self.pieces.len()
    }

    fn current(&self) -> &[u8] {
        &self.pieces[self.first][self.sent..]
    }

    /// Goes on `count` bytes, and over empty pieces.
    fn skip(&mut self, count: usize) {
        self.sent += count;
        while let Some(piece) = self.pieces.get(self.first)
            && self.sent >= piece.len()
        {
            self.sent -= piece.len();
            self.first += 1;
        }
    }

    /// Points the vectors at what is left.
    fn point(&mut self) {
        let Self { pieces, first, sent, vectors } = self;
        let lengths = std::iter::once(*sent).chain(std::iter::repeat(0));
        let left = pieces[*first..].iter().zip(lengths).take(VECTORS_MAX);
        vectors.clear();
        vectors.extend(left.map(|(piece, sent)| libc::iovec {
            iov_base: piece[sent..].as_ptr().cast_mut().cast(),
            iov_len: piece.len() - sent,
        }));
    }
}

// SAFETY: every piece's bytes are on the heap, shared, or constant; they neither move nor
// change while the operation that owns this box is pending.
unsafe impl IoBuf for Box<Unsent> {
    fn read_ptr(&self) -> *const u8 {
        self.current().as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.current().len()
    }
}

// SAFETY: as above, and the vectors themselves are in this box or in their own.
unsafe impl IoVecBuf for Box<Unsent> {
    fn read_iovec_ptr(&self) -> *const libc::iovec {
        self.vectors.as_ptr()
    }

    fn read_iovec_len(&self) -> usize {
        self.vectors.len()
    }
}
