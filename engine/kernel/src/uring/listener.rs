//! Accepting.
//!
//! We wait for readiness and accept ourselves: a wait that is dropped loses no connection (a
//! ring's accept that is dropped does), and the new socket has its flags from the start.

use super::{Driver, UringStream};
use crate::arrival::{Arrival, Carried};
use crate::{Listener, Signal};
use monoio::net::{TcpListener, TcpStream};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags, acceptfrom_with, send, shutdown, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::task::Poll;
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
    driver: Driver,
    /// Somebody else keeps it open, and listening.
    lent: bool,
    closed: Cell<bool>,
    /// Rung at close.
    bell: Signal,
    /// A descriptor to give up when there is no other.
    spare: RefCell<Option<File>>,
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
        Self::of(socket.into(), false, driver)
    }

    /// On a socket that listens already. What is set here is set for all who hold it.
    pub(super) fn on(socket: BorrowedFd<'_>, driver: Driver) -> io::Result<Self> {
        let listener = std::net::TcpListener::from(socket.try_clone_to_owned()?);
        listener.set_nonblocking(true)?;
        sockopt::set_tcp_nodelay(&listener, true)?;
        Self::of(listener, true, driver)
    }

    fn of(listener: std::net::TcpListener, lent: bool, driver: Driver) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            address,
            driver,
            lent,
            closed: Cell::new(false),
            bell: Signal::default(),
            spare: RefCell::new(spare()),
            turn: Cell::new(0),
        })
    }

    const fn flags(&self) -> SocketFlags {
        if is_nonblocking(self.driver) {
            SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK)
        } else {
            SocketFlags::CLOEXEC
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        borrow(&self.listener)
    }

    /// The ring tells of readiness in a later turn, always. Epoll's answer may be known
    /// already: then we sleep for a moment, or others would wait until the flood ends.
    async fn wait(&self) -> io::Result<()> {
        if self.turn.get() == 0 && self.driver == Driver::Epoll {
            monoio::time::sleep(Duration::ZERO).await;
        }
        if self.closed.get() {
            return Ok(());
        }
        let mut readable = pin!(self.listener.readable(false));
        let mut closed = pin!(self.bell.after(self.bell.rings()));
        poll_fn(|context| match closed.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => readable.as_mut().poll(context),
        })
        .await
    }

    /// A connection that is waiting, if we may still take one in this turn.
    fn waiting(&self) -> io::Result<Option<(OwnedFd, SocketAddr)>> {
        if self.closed.get() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(turn) = self.turn.get().checked_sub(1) else { return Ok(None) };
        self.turn.set(turn);
        match acceptfrom_with(self.descriptor(), self.flags()) {
            Ok((socket, peer)) => Ok(Some((socket, known(peer)?))),
            // The peer was gone before we came: see who is next.
            Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => self.waiting(),
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
        adopt(self.take().await?, self.driver)
    }

    async fn take(&self) -> io::Result<Arrival> {
        loop {
            if let Some((socket, peer)) = self.waiting()? {
                let nonblocking = is_nonblocking(self.driver);
                return Ok(Arrival(Carried::Descriptor { socket, peer, nonblocking }));
            }
            self.wait().await?;
            self.turn.set(TURN_MAX);
        }
    }

    fn turn_away(&self, last_words: &[u8]) -> u32 {
        let mut count = 0;
        *self.spare.borrow_mut() = None;
        while count < TURN_MAX
            && let Ok((socket, _)) = acceptfrom_with(self.descriptor(), self.flags())
        {
            count += 1;
            // They are a courtesy: a peer that does not read gets none.
            let _ = send(&socket, last_words, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            let _ = shutdown(&socket, rustix::net::Shutdown::Both);
        }
        *self.spare.borrow_mut() = spare();
        count
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn close(&self) {
        self.closed.set(true);
        self.bell.ring();
        if !self.lent {
            // It can only fail if the socket is no longer listening, which is what we want.
            let _ = shutdown(self.descriptor(), rustix::net::Shutdown::Both);
        }
    }
}

/// A ring answers EAGAIN on a non-blocking socket where it would wait on another.
const fn is_nonblocking(driver: Driver) -> bool {
    matches!(driver, Driver::Epoll)
}

/// Makes a connection this shard's own.
pub(super) fn adopt(Arrival(carried): Arrival, driver: Driver) -> io::Result<UringStream> {
    let Carried::Descriptor { socket, peer, nonblocking } = carried else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    if nonblocking != is_nonblocking(driver) {
        rustix::io::ioctl_fionbio(&socket, is_nonblocking(driver))?;
    }
    Ok(UringStream::new(TcpStream::from_std(socket.into())?, peer))
}

/// None if there is no descriptor left already.
fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

#[allow(unsafe_code, reason = "monoio shows its descriptors as numbers only")]
fn borrow(listener: &TcpListener) -> BorrowedFd<'_> {
    // SAFETY: the listener owns the descriptor and is borrowed as long as we show it.
    unsafe { BorrowedFd::borrow_raw(listener.as_raw_fd()) }
}
