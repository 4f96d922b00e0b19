//! By way of a proxy, which connects to a host for us, from an address of its own.
//!
//! What it cannot do is not the host's fault: a proxy that is gone takes its source out of use, and a
//! host that it cannot reach rests for that source alone.

use crate::egress::{Detour, Manner};
use crate::shard::Shard;
use kernel::{Buffer, Gather, Kernel, Piece, Stream};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use wire::{Credentials, Socks, SocksFault, Step};

/// Why a proxy has not connected us.
pub(super) enum Blocked {
    /// It cannot be reached.
    Unreachable(io::Error),
    /// It did not answer in time, or left in the middle of a word.
    Silent,
    Gone,
    /// The same, when it was connecting to the host.
    HostSilent,
    Fault(SocksFault),
}

impl Blocked {
    /// Whether the proxy did what it could, and the host is at fault.
    pub(super) const fn is_the_hosts(&self) -> bool {
        match self {
            Self::HostSilent => true,
            Self::Fault(fault) => fault.is_the_hosts(),
            Self::Unreachable(_) | Self::Silent | Self::Gone => false,
        }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("it cannot be reached: no answer in time")
            }
            Self::Unreachable(error) => write!(f, "it cannot be reached: {error}"),
            Self::Silent => f.write_str("it did not answer in time"),
            Self::HostSilent => f.write_str("it could not connect to the host in time"),
            Self::Gone => f.write_str("it closed the connection"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl<K: Kernel> Shard<K> {
    /// A connection to a host by way of a proxy, as if from `source`.
    ///
    /// # Errors
    /// There is none, as far as the proxy tells. `HAProxy` tells nothing.
    pub(super) async fn connect_by(
        &self,
        detour: &Detour,
        (source, host): (IpAddr, SocketAddr),
        patience: Duration,
    ) -> Result<K::Stream, Blocked> {
        let deadline = self.kernel.now() + patience;
        let stream = self.kernel.connect(detour.address, None, patience).await;
        let stream = stream.map_err(Blocked::Unreachable)?;
        // Whatever is pending ends when that is over.
        let _watch = self.watches.watch(stream.clone(), deadline, b"");
        let in_time = |why| if self.kernel.now() < deadline { Blocked::Gone } else { why };
        match &detour.manner {
            Manner::Haproxy => {
                let said = say(&stream, wire::proxy_header(source, host)).await;
                said.map_err(|_| in_time(Blocked::Silent))?;
            }
            Manner::Socks5(credentials) => {
                converse(&stream, host, credentials.clone(), in_time).await?;
            }
        }
        Ok(stream)
    }
}

/// Has a SOCKS proxy connect to the host. What comes behind its last word is not read.
async fn converse<S: Stream>(
    stream: &S,
    host: SocketAddr,
    credentials: Option<Credentials>,
    in_time: impl Fn(Blocked) -> Blocked,
) -> Result<(), Blocked> {
    let (mut socks, mut words) = Socks::begin(host, credentials);
    loop {
        let silent = || if socks.has_asked() { Blocked::HostSilent } else { Blocked::Silent };
        say(stream, words).await.map_err(|_| in_time(silent()))?;
        let mut buffer = Buffer::with_capacity(socks.wants());
        while buffer.spare() > 0 {
            let (result, back) = stream.read(buffer).await;
            buffer = back;
            if !matches!(result, Ok(1..)) {
                return Err(in_time(silent()));
            }
        }
        match socks.hear(&buffer).map_err(Blocked::Fault)? {
            Step::Say(next) => words = next,
            Step::Open => return Ok(()),
        }
    }
}

async fn say<S: Stream>(stream: &S, words: Vec<u8>) -> io::Result<()> {
    if words.is_empty() {
        return Ok(());
    }
    stream.write(Gather::from_iter([Piece::Owned(words)])).await
}
