//! Who speaks to us: a client, and the balancer in front of it, if there is one.

use event::Encryption;
use smtp::proxy::{Header, Origin, Tls};
use smtp::server::{Attribute, Attributes};
use smtp::xtext;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The other end of a connection, as rules and logs see it.
pub(crate) struct Peer {
    /// The client's address: what every rule and log uses. Behind a balancer that does not
    /// know it, or speaks for itself, this is nobody's address, so that no rule fits: the
    /// balancer's own gives nobody any right.
    pub(crate) address: SocketAddr,
    /// Boxed, since most have none and every idle connection would pay for it.
    front: Option<Box<Front>>,
}

/// What stands in front of a client, and what it says.
#[derive(Default)]
struct Front {
    speaks_for_itself: bool,
    unique_id: Option<Box<str>>,
    /// The TLS that it has ended.
    cover: Option<Cover>,
    /// The client's name in DNS.
    name: Option<Box<[u8]>>,
    /// Where the client connected to, as far as that was said.
    meant: (Option<IpAddr>, Option<u16>),
}

/// TLS that somebody else has ended, in words that may stand anywhere.
struct Cover {
    version: Box<str>,
    cipher: Box<str>,
}

/// The longest name of a version or a cipher that is kept.
const COVER_MAX: usize = 64;

/// Nobody's address: [`crate::Networks`] are not to hold it.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Peer {
    /// A client with nothing in front.
    pub(crate) const fn direct(address: SocketAddr) -> Self {
        Self { address, front: None }
    }

    /// Whom the balancer at `own`, its end of this connection, says this is. One that names
    /// just that end means itself: so HAProxy 2.6 introduces its health checks.
    pub(crate) fn behind(own: SocketAddr, header: &Header<'_>) -> Self {
        let own = SocketAddr::new(own.ip().to_canonical(), own.port());
        let origin = match header.origin {
            Origin::Client(address) if address == own => Origin::Balancer,
            origin => origin,
        };
        let address = match origin {
            Origin::Client(address) => address,
            Origin::Balancer | Origin::Unknown => NOBODY,
        };
        let front = Front {
            speaks_for_itself: origin == Origin::Balancer,
            unique_id: header.unique_id.map(words),
            cover: header.tls.map(Cover::of),
            ..Front::default()
        };
        Self { address, front: Some(Box::new(front)) }
    }

    /// It speaks for another now. Of one whose address it does not know we know none; what else
    /// was known of the one before is forgotten, the connection aside.
    pub(crate) fn speak_for(&mut self, attributes: Attributes<'_>) {
        let front = self.front.get_or_insert_default();
        (front.name, front.meant) = (None, (None, None));
        for attribute in attributes.iter() {
            match attribute {
                Attribute::Addr(Some(address)) => self.address.set_ip(address.to_canonical()),
                Attribute::Addr(None) => self.address = NOBODY,
                Attribute::Port(port) => self.address.set_port(port.unwrap_or_default()),
                Attribute::Name(name) => {
                    front.name = name.and_then(xtext::decode).map(Vec::into_boxed_slice);
                }
                Attribute::DestAddr(address) => {
                    front.meant.0 = address.map(|address| address.to_canonical());
                }
                Attribute::DestPort(port) => front.meant.1 = port,
                // How it greeted is the session's business, and who it is that of the logins.
                Attribute::Proto(_) | Attribute::Helo(_) | Attribute::Login(_) => (),
            }
        }
    }

    /// Where it connected to, if that was not `gate`, as it seems.
    pub(crate) fn meant(&self, gate: SocketAddr) -> SocketAddr {
        let (address, port) = self.front.as_ref().map(|front| front.meant).unwrap_or_default();
        SocketAddr::new(address.unwrap_or(gate.ip()), port.unwrap_or(gate.port()))
    }

    /// Its name in DNS, if somebody in front has looked it up: of any characters.
    pub(crate) fn name(&self) -> Option<&[u8]> {
        self.front.as_ref()?.name.as_deref()
    }

    /// The TLS that the balancer has ended, if it has, and is believed.
    pub(crate) fn cover(&self) -> Option<Encryption<'_>> {
        let cover = self.front.as_ref()?.cover.as_ref()?;
        Some(Encryption { version: &cover.version, cipher: &cover.cipher, client: None })
    }

    /// What the balancer calls this connection: printable ASCII.
    pub(crate) fn unique_id(&self) -> Option<&str> {
        self.front.as_ref()?.unique_id.as_deref()
    }

    /// Whether it is only the balancer, which looks whether we are well.
    pub(crate) fn is_balancer(&self) -> bool {
        self.front.as_ref().is_some_and(|front| front.speaks_for_itself)
    }
}

impl Cover {
    fn of(tls: Tls<'_>) -> Self {
        let short = |name: &[u8]| words(&name[..name.len().min(COVER_MAX)]);
        Self {
            version: tls.version.map_or_else(|| "TLS".into(), short),
            cipher: tls.cipher.map_or_else(|| "unknown".into(), short),
        }
    }
}

/// Bytes that we did not choose as text that may stand in a log or a header: what is not
/// printable ASCII, and what could end a word or a comment, is written in hexadecimal.
fn words(bytes: &[u8]) -> Box<str> {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        let plain = byte.is_ascii_graphic() && !b"\"%(),;<>@\\".contains(&byte);
        if plain {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02x}").expect("a String takes every write");
        }
    }
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::{NOBODY, Peer};
    use smtp::proxy::{Header, Origin, Tls};

    #[test]
    fn a_client_has_its_own_address_and_a_balancer_lends_none() {
        let client = "192.0.2.1:56324".parse().unwrap();
        let own = "10.0.0.9:41000".parse().unwrap();
        let cases = [
            (Origin::Client(client), client, false),
            (Origin::Client(own), NOBODY, true),
            (Origin::Balancer, NOBODY, true),
            (Origin::Unknown, NOBODY, false),
        ];
        for (origin, address, is_balancer) in cases {
            let peer = Peer::behind(own, &Header { origin, unique_id: None, tls: None });
            assert_eq!((peer.address, peer.is_balancer()), (address, is_balancer));
        }
    }

    #[test]
    fn what_a_balancer_says_is_safe_to_show() {
        let header =
            Header { origin: Origin::Unknown, unique_id: Some(b"F00D-1\r\n\x9b(x)%"), tls: None };
        let peer = Peer::behind("10.0.0.9:41000".parse().unwrap(), &header);
        assert_eq!(peer.unique_id(), Some("F00D-1%0d%0a%9b%28x%29%25"));
        let cover = |version, cipher| {
            let tls = Some(Tls { version, cipher });
            let header = Header { origin: Origin::Unknown, unique_id: None, tls };
            let peer = Peer::behind("10.0.0.9:41000".parse().unwrap(), &header);
            peer.cover().map(|cover| format!("{} {}", cover.version, cover.cipher))
        };
        assert_eq!(cover(None, None).as_deref(), Some("TLS unknown"));
        assert_eq!(cover(Some(b"TLSv1.3"), Some(b"a)\r")).as_deref(), Some("TLSv1.3 a%29%0d"));
        assert_eq!(cover(Some(&[b'x'; 4_000]), Some(b"")).map(|text| text.len()), Some(65));
    }
}
