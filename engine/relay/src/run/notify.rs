//! Telling the service manager how far we are, if it has asked for it.
//!
//! [`sd_notify(3)`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// All doors are open.
pub(super) const READY: &str = "READY=1";
/// They will be closed.
pub(super) const STOPPING: &str = "STOPPING=1";

/// The settings are being read again, now; [`READY`] follows.
pub(super) fn reloading() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    format!("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)
}

/// Says it. A manager that cannot be told learns it by waiting, so no error is of use.
pub(super) fn notify(state: &str) {
    if let Some(place) = env::var_os("NOTIFY_SOCKET") {
        let _ = send(&place, state);
    }
}

/// `@` stands for an address that is no path.
fn send(place: &OsStr, state: &str) -> io::Result<()> {
    let address = match place.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(place)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{READY, send};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    #[test]
    fn a_manager_with_a_name_is_told() {
        let name = format!("ringpost-notify-{}", std::process::id());
        let manager = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&manager).unwrap();
        send(format!("@{name}").as_ref(), READY).unwrap();
        let mut heard = [0; 16];
        let count = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..count], READY.as_bytes());
        assert!(send("/nowhere/at/all".as_ref(), READY).is_err());
    }
}
