//! What the simulator asks of a socket besides reading and writing.

use crate::net::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::net::{getpeername, sockopt};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

impl Stream {
    #[expect(unsafe_code, reason = "tokio-uring lends its descriptors as numbers only")]
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            // SAFETY: the descriptor is the stream's own, which outlives the loan and closes it
            // only when it is dropped.
            Self::Ring(stream) => unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) },
            Self::Epoll(stream) => stream.as_fd(),
        }
    }

    /// Where the peer is.
    pub(super) fn peer(&self) -> io::Result<IpAddr> {
        let address = getpeername(self.descriptor())?.ok_or(io::ErrorKind::NotConnected)?;
        Ok(SocketAddr::try_from(address)?.ip().to_canonical())
    }

    /// Makes the close to come a reset.
    pub(super) fn will_reset(&self) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(self.descriptor(), Some(Duration::ZERO))?)
    }

    /// A second hold on the socket, to watch it from another thread.
    pub(super) fn watched(&self) -> io::Result<OwnedFd> {
        self.descriptor().try_clone_to_owned()
    }
}

/// Whether the peer has ended its half, so far as the kernel has heard: also if that is not
/// read yet.
pub(super) fn is_ended(socket: &OwnedFd) -> bool {
    let mut looked_at = [PollFd::new(socket, PollFlags::RDHUP)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    poll(&mut looked_at, Some(&at_once)).is_ok() && looked_at[0].revents().intersects(ended)
}
