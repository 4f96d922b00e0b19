//! Sockets that whoever started this process holds open for it, over any number of restarts.
//!
//! The way of systemd: descriptors from 3 on, `LISTEN_FDS` of them, named by
//! `LISTEN_FDNAMES`, meant for the process `LISTEN_PID` alone
//! ([`sd_listen_fds(3)`](https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html)).
#![allow(unsafe_code, reason = "a descriptor that was there before us is known by its number only")]

use rustix::io::FdFlags;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where they begin: behind standard input, output and error.
const FIRST: i32 = 3;
/// More than any service has.
const COUNT_MAX: i32 = 1_024;

/// One socket held for us.
#[derive(Debug)]
pub struct Inherited {
    /// The socket.
    pub socket: OwnedFd,
    /// What the one who holds it calls it.
    pub name: String,
    /// Where it listens; `None` if it is no listening TCP socket.
    pub address: Option<SocketAddr>,
}

/// The sockets held for us, the first time this is asked; later none.
///
/// # Errors
/// If the variables say what cannot be.
pub fn inherited() -> io::Result<Vec<Inherited>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let variable = |name| env::var(name).ok();
    let (pid, count) = (variable("LISTEN_PID"), variable("LISTEN_FDS"));
    let own = std::process::id();
    let count = count_for(own, pid.as_deref(), count.as_deref())?;
    if count == 0 || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    (FIRST..FIRST + count).map(|number| take(number, names.next().unwrap_or("unknown"))).collect()
}

/// How many are for the process `own`.
fn count_for(own: u32, pid: Option<&str>, count: Option<&str>) -> io::Result<i32> {
    let (Some(pid), Some(count)) = (pid, count) else { return Ok(0) };
    if pid.parse() != Ok(own) {
        return Ok(0);
    }
    let sensible = count.parse().ok().filter(|count| (0..=COUNT_MAX).contains(count));
    sensible.ok_or_else(|| io::Error::other(format!("LISTEN_FDS cannot be {count:?}")))
}

fn take(number: i32, name: &str) -> io::Result<Inherited> {
    // SAFETY: the call only looks whether there is such a descriptor.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::other(format!("LISTEN_FDS counts descriptor {number}, not open")));
    }
    // SAFETY: it is open, was there before us, was given to us to keep, and is taken once.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    let listens = rustix::net::sockopt::socket_acceptconn(&socket).unwrap_or(false);
    let address = rustix::net::getsockname(&socket).ok();
    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
    Ok(Inherited { socket, name: name.to_owned(), address: address.filter(|_| listens) })
}

#[cfg(test)]
mod tests {
    use super::count_for;

    #[test]
    fn only_what_is_meant_for_us_is_taken() {
        let count = |pid, count| count_for(7, pid, count).ok();
        assert_eq!(count(Some("7"), Some("2")), Some(2));
        assert_eq!(count(Some("8"), Some("2")), Some(0), "meant for our parent");
        assert_eq!(count(None, Some("2")), Some(0));
        assert_eq!(count(Some("7"), None), Some(0));
        for wrong in ["", "-1", "two", "99999"] {
            assert_eq!(count(Some("7"), Some(wrong)), None, "{wrong}");
        }
    }
}
