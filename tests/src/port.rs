//! Ports nobody listens on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// Where we look: below the ports that Linux gives to outgoing connections (from 32768), or
/// one of those could sit on the port of a server that is being restarted.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Ports tried so far.
static TRIED: AtomicU16 = AtomicU16::new(0);

/// A loopback address that was free a moment ago, and is given to nobody else in this process.
///
/// # Errors
/// If none is free.
pub fn free() -> io::Result<SocketAddr> {
    // Test processes that run at once begin far from each other.
    let start = (process::id() % 64) as u16 * (COUNT / 64);
    for _ in 0..COUNT {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(tried) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if is_free(address) {
            return Ok(address);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Whether nobody listens on `address`.
#[must_use]
pub fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

/// Whether someone accepts connections on `address`.
#[must_use]
pub fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}
