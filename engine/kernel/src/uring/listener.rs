//! Accepting.
//!
//! We wait for readiness and accept ourselves: a wait that is dropped loses no connection (a
//! ring's accept that is dropped does), and the new socket has its flags from the start.

use super::{Driver, UringStream};
use crate::Listener;
use monoio::net::{TcpListener, TcpStream};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, shutdown};
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Connections that may wait to be accepted; the host's `net.core.somaxconn` may be lower.
const BACKLOG: i32 = 4_096;

/// Connections taken in one turn before other tasks have theirs.
pub(super) const TURN_MAX: u32 = 16;

/// A listening socket of one shard.
#[derive(Debug)]
pub struct UringListener {
    listener: TcpListener,
    address: SocketAddr,
    flags: SocketFlags,
    closed: Cell<bool>,
    /// Connections we may take before others have their turns.
    turn: Cell<u32>,
}

impl UringListener {
    pub(super) fn new(address: SocketAddr, driver: Driver) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        // An accepted socket inherits this.
        socket.set_tcp_nodelay(true)?;
        if address.is_ipv6() {
            // Else an IPv4 peer comes as ::ffff:a.b.c.d and passes by the rules for IPv4.
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = std::net::TcpListener::from(socket);
        let address = listener.local_addr()?;
        let flags = match driver {
            Driver::Uring => SocketFlags::CLOEXEC,
            Driver::Epoll => SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        };
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, address, flags, closed: Cell::new(false), turn: Cell::new(0) })
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        borrow(&self.listener)
    }

    /// The ring tells of readiness in a later turn, always. Epoll's answer may be known
    /// already: then we sleep for a moment, or others would wait until the flood ends.
    async fn wait(&self) -> io::Result<()> {
        if self.turn.get() == 0 && self.flags.contains(SocketFlags::NONBLOCK) {
            monoio::time::sleep(Duration::ZERO).await;
        }
        self.listener.readable(false).await
    }

    /// A connection that is waiting, if we may still take one in this turn.
    fn take(&self) -> io::Result<Option<(OwnedFd, SocketAddr)>> {
        if self.closed.get() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(turn) = self.turn.get().checked_sub(1) else { return Ok(None) };
        self.turn.set(turn);
        match acceptfrom_with(self.descriptor(), self.flags) {
            Ok((socket, peer)) => Ok(Some((socket, known(peer)?))),
            // The peer was gone before we came: see who is next.
            Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => self.take(),
            Err(Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn known(peer: Option<rustix::net::SocketAddrAny>) -> io::Result<SocketAddr> {
    let peer = peer.ok_or(io::ErrorKind::NotConnected)?;
    Ok(SocketAddr::try_from(peer)?)
}

impl Listener for UringListener {
    type Stream = UringStream;

    /// Without descriptors left (`EMFILE`) this fails at once, every time: wait before the
    /// next call. Here dropping the future loses nothing; other kernels may.
    async fn accept(&self) -> io::Result<UringStream> {
        loop {
            if let Some((socket, peer)) = self.take()? {
                return Ok(UringStream::new(TcpStream::from_std(socket.into())?, peer));
            }
            self.wait().await?;
            self.turn.set(TURN_MAX);
        }
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn close(&self) {
        self.closed.set(true);
        // It can only fail if the socket is no longer listening, which is what we want.
        let _ = shutdown(self.descriptor(), rustix::net::Shutdown::Both);
    }
}

#[allow(unsafe_code, reason = "monoio shows its descriptors as numbers only")]
fn borrow(listener: &TcpListener) -> BorrowedFd<'_> {
    // SAFETY: the listener owns the descriptor and is borrowed as long as we show it.
    unsafe { BorrowedFd::borrow_raw(listener.as_raw_fd()) }
}
