//! Sockets: on tokio-uring, or on plain tokio where the host forbids `io_uring`.
//!
//! The only file that names either. Rules of tokio-uring that everything here keeps: a pending
//! accept, connect or read is never dropped. To end one, shut the socket down and let it
//! complete.

use socket2::{Domain, SockRef, Socket, Type};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio_uring::buf::BoundedBuf as _;

/// Connections the kernel completes before we accept them.
const BACKLOG: i32 = 4_096;
const RING_ENTRIES: u32 = 2_048;

thread_local! {
    static ON_RING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `main` on this thread until it ends.
///
/// # Errors
/// If neither kind of runtime can be had.
pub(crate) fn run<T>(main: impl Future<Output = T>) -> io::Result<T> {
    let mut ring = tokio_uring::uring_builder();
    ring.setup_coop_taskrun().setup_single_issuer().setup_cqsize(4 * RING_ENTRIES);
    let mut builder = tokio_uring::builder();
    builder.entries(RING_ENTRIES).uring_builder(&ring);
    let wanted = std::env::var_os("RINGLOAD_EPOLL").is_none();
    if let Some(Ok(runtime)) = wanted.then(|| tokio_uring::Runtime::new(&builder)) {
        ON_RING.set(true);
        return Ok(runtime.block_on(main));
    }
    ON_RING.set(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, main))
}

/// What this thread's sockets are driven by, once [`run`] was called on it.
pub(crate) fn driver() -> &'static str {
    if ON_RING.get() { "io_uring" } else { "epoll" }
}

/// Starts a task on this thread.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    drop(tokio::task::spawn_local(task));
}

/// Waits.
pub(crate) async fn sleep(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Room to read into, of which the first `filled` bytes were read and not yet used.
#[derive(Debug)]
pub(crate) struct Input {
    room: Vec<u8>,
    filled: usize,
}

impl Input {
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self { room: vec![0; bytes], filled: 0 }
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.room[..self.filled]
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.filled == self.room.len()
    }

    /// Drops the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.room.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

/// A connected socket.
pub(crate) enum Stream {
    Ring(tokio_uring::net::TcpStream),
    Epoll(tokio::net::TcpStream),
}

impl Stream {
    pub(crate) async fn connect(to: SocketAddr) -> io::Result<Self> {
        if ON_RING.get() {
            let stream = tokio_uring::net::TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(Self::Ring(stream))
        } else {
            let stream = tokio::net::TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(Self::Epoll(stream))
        }
    }

    /// Reads behind what `input` holds. Zero bytes mean the end. Never drop this before it is
    /// done. `input` must not be full.
    pub(crate) async fn read(&self, mut input: Input) -> (io::Result<usize>, Input) {
        let result = match self {
            Self::Ring(stream) => {
                let end = input.room.len();
                let (result, slice) = stream.read(input.room.slice(input.filled..end)).await;
                input.room = slice.into_inner();
                result
            }
            Self::Epoll(stream) => loop {
                if let Err(error) = stream.readable().await {
                    break Err(error);
                }
                match stream.try_read(&mut input.room[input.filled..]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                    result => break result,
                }
            },
        };
        input.filled += result.as_ref().copied().unwrap_or(0);
        (result, input)
    }

    /// Writes all of `out`, and gives it back empty.
    pub(crate) async fn write(&self, out: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        let (result, mut out) = match self {
            Self::Ring(stream) => stream.write_all(out).await,
            Self::Epoll(stream) => (write_all(stream, &out).await, out),
        };
        out.clear();
        (result, out)
    }

    /// Ends it: what is pending completes. The peer may have gone already, so errors are not
    /// worth a word.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        let gone = match self {
            Self::Ring(stream) => stream.shutdown(how),
            Self::Epoll(stream) => SockRef::from(stream).shutdown(how),
        };
        drop(gone);
    }
}

async fn write_all(stream: &tokio::net::TcpStream, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Binds and listens; `threads` sockets share the address, if that is more than one.
///
/// # Errors
/// What bind and listen say.
pub(crate) fn bind(address: SocketAddr, threads: usize) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(threads > 1)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A listening socket.
pub(crate) enum Listener {
    Ring(tokio_uring::net::TcpListener),
    Epoll(tokio::net::TcpListener),
}

impl Listener {
    pub(crate) fn new(socket: std::net::TcpListener) -> io::Result<Self> {
        if ON_RING.get() {
            Ok(Self::Ring(tokio_uring::net::TcpListener::from_std(socket)))
        } else {
            socket.set_nonblocking(true)?;
            Ok(Self::Epoll(tokio::net::TcpListener::from_std(socket)?))
        }
    }

    /// The next connection. Never drop this before it is done; [`close`] ends it.
    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Ring(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Ring(stream))
            }
            Self::Epoll(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Epoll(stream))
            }
        }
    }
}

/// Ends a pending accept on this socket, and all later ones, with an error.
pub(crate) fn close(socket: &std::net::TcpListener) {
    drop(SockRef::from(socket).shutdown(Shutdown::Both));
}

/// The connections open on this thread, so that they can be ended from outside their tasks.
#[derive(Clone, Default)]
pub(crate) struct Open(Rc<RefCell<BTreeMap<u32, Watched>>>);

struct Watched {
    stream: Rc<Stream>,
    /// When it is shut down, in nanoseconds of the wall clock.
    deadline: Option<u64>,
}

impl Open {
    pub(crate) fn add(&self, number: u32, stream: &Rc<Stream>) {
        let watched = Watched { stream: Rc::clone(stream), deadline: None };
        self.0.borrow_mut().insert(number, watched);
    }

    pub(crate) fn remove(&self, number: u32) {
        self.0.borrow_mut().remove(&number);
    }

    /// From `deadline` on, [`Self::expire`] ends this connection.
    pub(crate) fn expect(&self, number: u32, deadline: Option<u64>) {
        if let Some(watched) = self.0.borrow_mut().get_mut(&number) {
            watched.deadline = deadline;
        }
    }

    pub(crate) fn expire(&self, now: u64) {
        let open = self.0.borrow();
        for watched in open.values().filter(|one| one.deadline.is_some_and(|at| at <= now)) {
            watched.stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn shutdown_all(&self) {
        self.0.borrow().values().for_each(|one| one.stream.shutdown(Shutdown::Both));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}
