//! A connection on its way to the shard that will serve it.

use crate::sim::SimEnd;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// A connection that was taken and that no shard has made its own yet: unlike a
/// [`Stream`](crate::Stream) it may go to another thread. Ends when dropped.
#[derive(Debug)]
pub struct Arrival(pub(crate) Carried);

#[derive(Debug)]
pub(crate) enum Carried {
    Descriptor {
        socket: OwnedFd,
        peer: SocketAddr,
        /// As its taker's driver wants it; another driver must change it.
        nonblocking: bool,
    },
    Simulated(SimEnd),
}
