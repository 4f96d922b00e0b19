//! TCP in memory: what is on its way, what has arrived, and how a connection ends.
//!
//! A connection is two ends. Bytes sent from one are on their way for a while and then lie
//! in the other's inbox. A window bounds both together, so a sender waits for a reader. An
//! end of the stream and a reset travel like bytes, behind those sent before.

use super::core::{Core, Owner, wait, wake};
use super::disk::os;
use event::Tick;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Poll, Waker};

/// The first port that is given to who asks for none.
const PORT_FIRST: u16 = 32_768;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The one that dialled.
    Dialler,
    /// The one that listened.
    Listener,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Listener,
            Self::Listener => Self::Dialler,
        }
    }
}

/// One end of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndKey {
    pub(super) connection: u64,
    pub(super) side: Side,
}

impl EndKey {
    pub(super) const fn other(self) -> Self {
        Self { connection: self.connection, side: self.side.other() }
    }
}

/// What the owner of an end did with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    Open,
    /// Both directions were shut, and the handle is still there.
    Shut,
    /// Gone: what still arrives is answered by a reset.
    Closed,
    /// Its host lost power: what still arrives is not answered, until the host is back.
    Dark,
}

/// What comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Flowing,
    Ended,
    Broken(i32),
}

pub(super) struct End {
    pub(super) owner: Option<Owner>,
    pub(super) address: SocketAddr,
    pub(super) handle: Handle,
    pub(super) incoming: Incoming,
    /// It was hung up, and its reads have not heard of that yet.
    pub(super) unheard: bool,
    pub(super) inbox: VecDeque<u8>,
    /// Bytes on their way to this end.
    pub(super) coming: usize,
    /// When the last of what is on its way arrives.
    pub(super) settled: Tick,
    /// Bytes sent from this end.
    pub(super) sent: u64,
    /// The connection breaks when so many bytes were sent from this end.
    pub(super) cut: Option<u64>,
    pub(super) readers: Vec<Waker>,
    pub(super) writers: Vec<Waker>,
}

impl End {
    fn new(owner: Option<Owner>, address: SocketAddr, cut: Option<u64>) -> Self {
        Self {
            owner,
            address,
            handle: Handle::Open,
            incoming: Incoming::Flowing,
            unheard: false,
            inbox: VecDeque::new(),
            coming: 0,
            settled: Tick::ZERO,
            sent: 0,
            cut,
            readers: Vec::new(),
            writers: Vec::new(),
        }
    }

    pub(super) fn wake(&mut self) {
        wake(&mut self.readers);
        wake(&mut self.writers);
    }

    pub(super) const fn is_gone(&self) -> bool {
        matches!(self.handle, Handle::Closed | Handle::Dark)
    }
}

pub(super) struct Connection(pub(super) [End; 2]);

/// A listening socket.
pub(super) struct Listening {
    pub(super) owner: Owner,
    pub(super) address: SocketAddr,
    pub(super) backlog: VecDeque<EndKey>,
    acceptors: Vec<Waker>,
}

/// A connection that is to break.
struct Cut {
    to: SocketAddr,
    nth: u64,
    side: Side,
    bytes: u64,
}

#[derive(Default)]
pub(super) struct Network {
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) listeners: BTreeMap<u64, Listening>,
    made: u64,
    ports: u16,
    cuts: Vec<Cut>,
    /// How many connections were made to an address.
    dialled: BTreeMap<SocketAddr, u64>,
    /// The most bytes that one side of any connection to an address has sent.
    pub(super) sent: BTreeMap<(SocketAddr, Side), u64>,
    /// Addresses of hosts that lost power.
    pub(super) dark: Vec<(usize, SocketAddr)>,
}

impl Network {
    pub(super) fn end(&mut self, key: EndKey) -> Option<&mut End> {
        self.connections
            .get_mut(&key.connection)
            .map(|connection| &mut connection.0[key.side as usize])
    }

    fn port(&mut self) -> u16 {
        self.ports = (self.ports + 1) % PORT_FIRST;
        PORT_FIRST + self.ports
    }

    pub(super) fn cut(&mut self, to: SocketAddr, nth: u64, side: Side, bytes: u64) {
        let nth = nth + self.dialled(to);
        self.cuts.push(Cut { to, nth, side, bytes });
    }

    pub(super) fn dialled(&self, to: SocketAddr) -> u64 {
        self.dialled.get(&to).copied().unwrap_or(0)
    }

    /// Who dialled whom, of the connections of which a host holds an end.
    pub(super) fn connections(&self, host: usize) -> Vec<(SocketAddr, SocketAddr)> {
        let holds = |end: &End| !end.is_gone() && end.owner.is_some_and(|owner| owner.host == host);
        let held = self.connections.values().filter(|Connection(ends)| ends.iter().any(holds));
        held.map(|Connection([dialler, listener])| (dialler.address, listener.address)).collect()
    }

    pub(super) fn sent(&self, to: SocketAddr, side: Side) -> u64 {
        self.sent.get(&(to, side)).copied().unwrap_or(0)
    }

    pub(super) fn note_sent(&mut self, from: EndKey, bytes: u64) {
        let to = self.address_of(EndKey { side: Side::Listener, ..from });
        let most = self.sent.entry((to, from.side)).or_default();
        *most = bytes.max(*most);
    }

    fn take_cut(&mut self, to: SocketAddr, nth: u64, side: Side) -> Option<u64> {
        let found =
            self.cuts.iter().position(|cut| cut.to == to && cut.nth == nth && cut.side == side)?;
        Some(self.cuts.swap_remove(found).bytes)
    }

    pub(super) fn address_of(&mut self, key: EndKey) -> SocketAddr {
        self.end(key).map_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into(), |end| end.address)
    }

    pub(super) fn peer_of(&mut self, key: EndKey) -> SocketAddr {
        self.address_of(key.other())
    }
}

/// The address of a host.
pub(super) fn address(host: usize) -> IpAddr {
    Ipv4Addr::new(10, 0, (host / 250) as u8, (host % 250 + 1) as u8).into()
}

/// What a first packet met.
pub(super) enum Syn {
    Made(EndKey),
    Refused,
    /// No answer: the backlog is full, or the host has no power.
    Ignored,
}

// Listening and dialling.
impl Core {
    pub(super) fn listen(&mut self, owner: Owner, address: SocketAddr) -> io::Result<u64> {
        let network = &mut self.network;
        let mut at = address;
        if at.port() == 0 {
            at.set_port(network.port());
        }
        let shared = |other: &Listening| other.address == at && other.owner.host != owner.host;
        if network.listeners.values().any(shared) {
            return Err(os(libc::EADDRINUSE));
        }
        network.made += 1;
        let listening =
            Listening { owner, address: at, backlog: VecDeque::new(), acceptors: Vec::new() };
        network.listeners.insert(network.made, listening);
        Ok(network.made)
    }

    pub(super) fn listening(&mut self, key: u64) -> Option<&mut Listening> {
        self.network.listeners.get_mut(&key)
    }

    /// The next connection, `None` if the listener is closed.
    pub(super) fn accept(&mut self, key: u64, waker: &Waker) -> Poll<Option<EndKey>> {
        let Some(listening) = self.network.listeners.get_mut(&key) else {
            return Poll::Ready(None);
        };
        let owner = listening.owner;
        let Some(end) = listening.backlog.pop_front() else {
            wait(&mut listening.acceptors, waker);
            return Poll::Pending;
        };
        if let Some(end) = self.network.end(end) {
            end.owner = Some(owner);
        }
        self.trace.note(self.now, 200, end.connection);
        Poll::Ready(Some(end))
    }

    pub(super) fn unlisten(&mut self, key: u64) {
        let Some(mut listening) = self.network.listeners.remove(&key) else { return };
        wake(&mut listening.acceptors);
        for end in listening.backlog {
            self.reset(end);
        }
    }

    pub(super) fn syn(&mut self, owner: Owner, to: SocketAddr, from: IpAddr) -> Syn {
        if self.network.dark.iter().any(|(_, address)| *address == to) {
            return Syn::Ignored;
        }
        let keys: Vec<u64> = self
            .network
            .listeners
            .iter()
            .filter(|(_, at)| at.address == to)
            .map(|(key, _)| *key)
            .collect();
        if keys.is_empty() {
            return Syn::Refused;
        }
        let key = keys[self.dice.index(keys.len())];
        if self.network.listeners[&key].backlog.len() >= self.physics.backlog {
            return Syn::Ignored;
        }
        let network = &mut self.network;
        network.made += 1;
        let connection = network.made;
        let nth = network.dialled(to) + 1;
        network.dialled.insert(to, nth);
        let from = SocketAddr::new(from, network.port());
        let dialler = End::new(Some(owner), from, network.take_cut(to, nth, Side::Dialler));
        let listener = End::new(None, to, network.take_cut(to, nth, Side::Listener));
        network.connections.insert(connection, Connection([dialler, listener]));
        if let Some(listening) = network.listeners.get_mut(&key) {
            listening.backlog.push_back(EndKey { connection, side: Side::Listener });
            wake(&mut listening.acceptors);
        }
        Syn::Made(EndKey { connection, side: Side::Dialler })
    }
}
