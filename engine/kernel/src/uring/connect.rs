//! Dialling.
//!
//! monoio cannot dial from a given address, so we start the handshake ourselves, without
//! waiting, and let the ring tell when the socket is writable.

use super::{Driver, UringStream, stream};
use crate::NoSuchSource;
use monoio::net::TcpStream;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

pub(super) async fn connect(
    to: SocketAddr,
    from: Option<IpAddr>,
    patience: Duration,
    driver: Driver,
) -> io::Result<UringStream> {
    let socket = socket(to, from)?;
    let waiting = match net::connect(&socket, &to) {
        Ok(()) => false,
        Err(Errno::INPROGRESS) => true,
        Err(error) => return Err(error.into()),
    };
    if driver == Driver::Uring {
        // A ring answers EAGAIN on a non-blocking socket where it would wait on another.
        rustix::io::ioctl_fionbio(&socket, false)?;
    }
    let stream = TcpStream::from_std(socket.into())?;
    if waiting {
        let writable = stream.writable(false);
        monoio::time::timeout(patience, writable).await.map_err(|_| io::ErrorKind::TimedOut)??;
        sockopt::socket_error(stream::descriptor(&stream))??;
    }
    Ok(UringStream::new(stream, to))
}

fn socket(to: SocketAddr, from: Option<IpAddr>) -> io::Result<OwnedFd> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if let Some(from) = from {
        choose_port_late(&socket)?;
        net::bind(&socket, &SocketAddr::new(from, 0)).map_err(|error| match error {
            Errno::ADDRNOTAVAIL => NoSuchSource(from).into(),
            error => io::Error::from(error),
        })?;
    }
    Ok(socket)
}

/// The port is chosen at connect, when the peer is known: else one address of ours has no
/// more than 28,000 connections for all peers together.
#[allow(unsafe_code, reason = "rustix does not know this option")]
fn choose_port_late(socket: &OwnedFd) -> io::Result<()> {
    let yes: libc::c_int = 1;
    let (level, option) = (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT);
    // SAFETY: the option is an int, `yes` is one and outlives the call.
    let done = unsafe {
        let value = (&raw const yes).cast();
        libc::setsockopt(socket.as_raw_fd(), level, option, value, size_of_val(&yes) as u32)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
