//! Sockets: the network as the kernel trait shows it.

use super::core::Core;
use super::disk::os;
use super::fault::Operation;
use super::machine::Sim;
use super::network::EndKey;
use crate::arrival::Carried;
use crate::{Arrival, Buffer, Gather, Listener, Stream};
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;

/// Errors after which the same socket may be used again.
const PASSING: [i32; 5] = [libc::EINTR, libc::EAGAIN, libc::ENOBUFS, libc::ENOMEM, libc::EMFILE];

/// A connected socket.
#[derive(Clone, Debug)]
pub struct SimStream(Rc<Socket>);

#[derive(Debug)]
struct Socket {
    sim: Sim,
    end: EndKey,
    peer: SocketAddr,
    local: SocketAddr,
    reading: Cell<bool>,
    writing: Cell<bool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let core = &mut *self.sim.core();
        if core.is_alive(self.sim.owner) {
            core.close(self.end);
        }
    }
}

impl SimStream {
    pub(super) fn new(sim: Sim, end: EndKey) -> Self {
        let (peer, local) = {
            let network = &mut sim.core().network;
            (network.peer_of(end), network.address_of(end))
        };
        Self(Rc::new(Socket {
            sim,
            end,
            peer,
            local,
            reading: Cell::new(false),
            writing: Cell::new(false),
        }))
    }

    /// Breaks the connection, as a peer of ours may: the other end reads an error.
    pub fn reset(&self) {
        let core = &mut *self.0.sim.core();
        if core.is_alive(self.0.sim.owner) {
            core.reset(self.0.end);
        }
    }

    async fn begin(&self, operation: Operation) -> io::Result<()> {
        self.0.sim.begin(operation).await.map_err(|error| {
            if !PASSING.contains(&error) {
                self.0.sim.core().reset(self.0.end);
            }
            os(error)
        })
    }

    async fn receive(&self, buffer: &mut Buffer) -> io::Result<usize> {
        let socket = &*self.0;
        self.begin(Operation::Read).await?;
        let received = poll_fn(|context| {
            ready(socket.sim.core().receive(socket.end, buffer, context.waker()))
        })
        .await;
        received.map_err(os)
    }

    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let socket = &*self.0;
        let mut rest = bytes;
        while !rest.is_empty() {
            let sent = poll_fn(|context| {
                ready(socket.sim.core().send(socket.end, rest, context.waker()).transpose())
            })
            .await
            .map_err(os)?;
            rest = &rest[sent..];
        }
        Ok(())
    }
}

impl Stream for SimStream {
    fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    fn local(&self) -> SocketAddr {
        self.0.local
    }

    async fn readable(&self) -> io::Result<()> {
        let socket = &*self.0;
        poll_fn(|context| {
            let is_readable = socket.sim.core().is_readable(socket.end, context.waker());
            if is_readable { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(())
    }

    fn has_unread(&self) -> bool {
        self.0.sim.core().has_unread(self.0.end)
    }

    async fn read(&self, mut buffer: Buffer) -> (io::Result<usize>, Buffer) {
        let this = self.clone();
        if buffer.spare() == 0 {
            this.0
                .sim
                .core()
                .violation("a read into a full buffer looks like the end of the stream");
        }
        let pending = Pending::start(&this.0.sim, "a read of a socket", Some(&this.0.reading));
        let result = this.receive(&mut buffer).await;
        pending.done();
        (result, buffer)
    }

    async fn write(&self, pieces: Gather) -> io::Result<()> {
        let this = self.clone();
        let pending = Pending::start(&this.0.sim, "a write to a socket", Some(&this.0.writing));
        let mut result = this.begin(Operation::Write).await;
        for piece in &pieces {
            if result.is_ok() {
                result = this.send(piece).await;
            }
        }
        pending.done();
        result
    }

    fn hang_up(&self, last_words: &[u8]) {
        let core = &mut *self.0.sim.core();
        if core.is_alive(self.0.sim.owner) {
            core.hang_up(self.0.end, last_words);
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct SimListener {
    sim: Sim,
    key: u64,
    address: SocketAddr,
}

impl SimListener {
    pub(super) fn new(sim: Sim, key: u64) -> Self {
        let address = sim.core().listening(key).expect("it was just made").address;
        Self { sim, key, address }
    }

    async fn next(&self) -> io::Result<EndKey> {
        self.sim.begin(Operation::Accept).await.map_err(os)?;
        let end = poll_fn(|context| self.sim.core().accept(self.key, context.waker())).await;
        end.ok_or_else(|| os(libc::EINVAL))
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    async fn accept(&self) -> io::Result<SimStream> {
        let pending = Pending::start(&self.sim, "an accept", None);
        let result = self.next().await;
        pending.done();
        Ok(SimStream::new(self.sim.clone(), result?))
    }

    async fn take(&self) -> io::Result<Arrival> {
        let pending = Pending::start(&self.sim, "an accept", None);
        let result = self.next().await;
        pending.done();
        Ok(Arrival(Carried::Simulated(result?)))
    }

    /// A world has descriptors without end.
    fn turn_away(&self, _last_words: &[u8]) -> u32 {
        0
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn close(&self) {
        let core = &mut *self.sim.core();
        if core.is_alive(self.sim.owner) {
            core.unlisten(self.key);
        }
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.close();
    }
}

/// Watches that an operation is not dropped before it is done, nor asked for twice at once.
struct Pending<'s> {
    sim: &'s Sim,
    what: &'static str,
    busy: Option<&'s Cell<bool>>,
    is_done: Cell<bool>,
}

impl<'s> Pending<'s> {
    fn start(sim: &'s Sim, what: &'static str, busy: Option<&'s Cell<bool>>) -> Self {
        if busy.is_some_and(|busy| busy.replace(true)) {
            sim.core().violation(&format!("{what} was asked for while another was pending"));
        }
        Self { sim, what, busy, is_done: Cell::new(false) }
    }

    fn done(self) {
        self.is_done.set(true);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(busy) = self.busy {
            busy.set(false);
        }
        let core: &mut Core = &mut self.sim.core();
        if !self.is_done.get() && core.is_alive(self.sim.owner) && !std::thread::panicking() {
            core.violation(&format!("{} was dropped before it was done", self.what));
        }
    }
}

fn ready<T>(value: Option<T>) -> Poll<T> {
    value.map_or(Poll::Pending, Poll::Ready)
}
