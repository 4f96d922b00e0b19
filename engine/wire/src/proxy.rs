//! The header by which we tell a proxy from where, and to where, it is to connect for us.
//!
//! It is that of the PROXY protocol, version 2, as a balancer sends it to a server; `HAProxy` with
//! `source ... usesrc clientip` and `server x 0.0.0.0` obeys it. Nothing is answered to it.
//! [Specification §2.2](https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt)

use std::net::{IpAddr, SocketAddr};

/// What it begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and a connection on somebody's behalf.
const VERSION_AND_COMMAND: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// The header for a connection from `source`, at a port that the proxy chooses, to `target`. Both
/// are of one family.
///
/// # Panics
/// If they are not.
#[must_use]
pub fn proxy_header(source: IpAddr, target: SocketAddr) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.push(VERSION_AND_COMMAND);
    match (source, target.ip()) {
        (IpAddr::V4(source), IpAddr::V4(to)) => {
            addresses(&mut header, TCP_OVER_IPV4, &source.octets(), &to.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(to)) => {
            addresses(&mut header, TCP_OVER_IPV6, &source.octets(), &to.octets());
        }
        _ => unreachable!("a source is asked for hosts of its own family only"),
    }
    header.extend(0_u16.to_be_bytes());
    header.extend(target.port().to_be_bytes());
    header
}

/// The length of what follows, and the addresses; the ports are to follow.
fn addresses(header: &mut Vec<u8>, family: u8, source: &[u8], target: &[u8]) {
    const PORTS: usize = 4;
    let len = (source.len() + target.len() + PORTS) as u16;
    header.push(family);
    header.extend(len.to_be_bytes());
    header.extend(source);
    header.extend(target);
}

#[cfg(test)]
mod tests;
