//! The PROXY header: what a balancer says of its client before the client says anything.
//!
//! [`read`] is asked with what has come so far, and again with more until it knows. It never
//! guesses: what does not begin as a header must is refused at the first byte that differs.
//!
//! Who may send one is the caller's business, and so is the time that may pass. The format is
//! [HAProxy's](https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt), versions 1 and 2.

mod v1;
mod v2;

use std::net::SocketAddr;

/// The longest header of version 1, its CRLF included (section 2.1).
pub const V1_BYTES_MAX: usize = 107;
/// The longest header of version 2 we take. A length field could announce 64 KiB.
pub const V2_BYTES_MAX: usize = 4_096;
/// The longest header of any version.
pub const BYTES_MAX: usize = V2_BYTES_MAX;

const _: () = assert!(V1_BYTES_MAX <= BYTES_MAX, "one buffer holds either");

/// Which versions a listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// The line of text.
    V1,
    /// The binary one.
    V2,
    /// Either.
    Any,
}

/// What a balancer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'b> {
    /// Who speaks.
    pub origin: Origin,
    /// What the balancer calls this connection.
    pub unique_id: Option<&'b [u8]>,
    /// The client's TLS, if the balancer has ended one.
    pub tls: Option<Tls<'b>>,
}

/// Who speaks behind the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client, from this address.
    Client(SocketAddr),
    /// The balancer itself, such as to see whether we are well (`LOCAL`).
    Balancer,
    /// Somebody the balancer has no address for (`UNKNOWN`, `AF_UNSPEC`, a unix socket). To
    /// take the balancer's instead would lend a stranger the balancer's rights.
    Unknown,
}

/// A TLS session that the balancer has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tls<'b> {
    /// Such as `TLSv1.3`.
    pub version: Option<&'b [u8]>,
    /// Such as `ECDHE-RSA-AES128-GCM-SHA256`.
    pub cipher: Option<&'b [u8]>,
}

/// Why something is no header we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It begins in another way, or is of a version that is not taken here.
    Missing,
    /// It is longer than its version allows, or announces to be.
    TooLong,
    /// It breaks the rules of its version.
    Malformed,
    /// Its checksum is another one.
    Checksum,
    /// It is of a connection that carries no stream.
    NoStream,
}

/// The header that `bytes` begin with and its length; `None` if more bytes are needed.
///
/// # Errors
/// When no further byte can make it a header.
pub fn read(bytes: &[u8], versions: Versions) -> Result<Option<(Header<'_>, usize)>, Flaw> {
    match (bytes.first(), versions) {
        (None, _) => Ok(None),
        (Some(b'P'), Versions::V1 | Versions::Any) => v1::read(bytes),
        (Some(b'\r'), Versions::V2 | Versions::Any) => v2::read(bytes),
        _ => Err(Flaw::Missing),
    }
}

impl Header<'_> {
    /// One that says no more than who speaks.
    const fn of(origin: Origin) -> Self {
        Self { origin, unique_id: None, tls: None }
    }
}

impl Origin {
    /// A client at `address`, whatever the spelling.
    fn client(address: SocketAddr) -> Self {
        Self::Client(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

/// Whether `bytes` are `mark`, or its beginning, as far as they go.
fn agrees(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.iter().zip(mark).all(|(byte, mark)| byte == mark)
}

#[cfg(test)]
mod tests;
