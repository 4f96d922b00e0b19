//! What the machine grants us.

use crate::settings::Settings;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

/// Descriptors for everything but connections: segments, DNS, the operator's door.
const OTHERS: usize = 500;

/// Raises our descriptor limit as far as we may; a warning if that is not far enough.
pub(super) fn raise_descriptor_limit(settings: &Settings) -> Option<String> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // If it cannot be raised, the limit below is the one that counts.
    let _ = setrlimit(Resource::Nofile, raised);
    let granted = getrlimit(Resource::Nofile).current?;
    let connections: usize =
        settings.listeners.iter().map(|listener| listener.connections_max).sum();
    let wanted = (connections + settings.shards * shard::LANES_MAX + OTHERS) as u64;
    (granted < wanted).then(|| {
        format!(
            "{granted} files may be open at once, connections_max asks for {wanted}: raise \
             LimitNOFILE, or lower connections_max"
        )
    })
}

/// Where these listeners are met: one that listens everywhere, also at each of `own`.
pub(super) fn met_at(listeners: &[SocketAddr], own: &[IpAddr]) -> Vec<SocketAddr> {
    let also = |listener: &SocketAddr| {
        let (port, everywhere) = (listener.port(), listener.ip().is_unspecified());
        own.iter().filter(move |_| everywhere).map(move |ip| SocketAddr::new(*ip, port))
    };
    listeners.iter().copied().chain(listeners.iter().flat_map(also)).collect()
}

/// The addresses that this host reaches others from: one of each family, if it has any. Nothing is
/// sent to find out.
pub(super) fn own_addresses() -> Vec<IpAddr> {
    // Set aside for documentation, so that nobody's is special on the way there.
    let far: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    let towards = |(from, to): (IpAddr, IpAddr)| {
        const DISCARD: u16 = 9;
        let socket = UdpSocket::bind((from, 0)).ok()?;
        socket.connect((to, DISCARD)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    far.into_iter().filter_map(towards).filter(|ip| !ip.is_unspecified()).collect()
}

/// How long the system may take to let go of the ports of a process that was killed: its
/// ring is dismantled behind it.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

/// Whether nobody listens on `address`: shards share their ports (`SO_REUSEPORT`), and so
/// would a second Ringpost, unnoticed, with a spool of its own.
pub(super) fn probe(address: SocketAddr) -> io::Result<()> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match TcpListener::bind(address) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && waited < PORT_PATIENCE => {
                thread::sleep(PAUSE);
                waited += PAUSE;
            }
            Err(error) => {
                let what = format!("cannot listen on {address} for SMTP: {error}");
                return Err(io::Error::new(error.kind(), what));
            }
        }
    }
}

/// The processors for `shards` threads to stay on: none if no processor is left over for
/// everything else, since a pinned thread cannot step aside.
pub(super) fn processors(shards: usize) -> Vec<Option<usize>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = allowed(&status);
    if allowed.len() <= shards {
        return vec![None; shards];
    }
    allowed.into_iter().map(Some).take(shards).collect()
}

/// The processors of `Cpus_allowed_list: 0-3,8`.
fn allowed(status: &str) -> Vec<usize> {
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
    };
    allowed.unwrap_or_default().trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests;
