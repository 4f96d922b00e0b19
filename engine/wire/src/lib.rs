//! One connection's bytes under TLS: sealed bytes in, plain bytes out, and back. No socket,
//! no thread, no clock but the one that certificates and tickets are dated by.
//!
//! [`Acceptor`] is a listener's side of every handshake, [`Connector`] our side where we dial,
//! both shared by all shards; [`Tls`] is one connection. rustls does the work, through the interface in which the caller owns the
//! buffers: nothing of ours or of the library's stays allocated for a connection at rest but
//! its keys.
//!
//! Where a proxy connects for us, [`proxy_header`] and [`Socks`] are what it is told.
//!
//! What is refused whoever asks: TLS below 1.2
//! ([RFC 8996](https://www.rfc-editor.org/rfc/rfc8996)), early data, and a client that wants
//! to speak another protocol than ours ([RFC 7301](https://www.rfc-editor.org/rfc/rfc7301)).

mod acceptor;
mod certificate;
mod connector;
mod facts;
mod fault;
mod proxy;
mod roots;
mod socks;
mod subject;
mod tls;

pub use acceptor::{Acceptor, Certificates, Clients};
pub use certificate::{Certificate, Unusable};
pub use connector::{Connector, Proof};
pub use facts::TlsFacts;
pub use fault::{Cause, Fault};
pub use proxy::proxy_header;
pub use roots::Roots;
pub use socks::{Credentials, Socks, SocksFault, Step};
pub use tls::{Opened, RECORD_SEALED_MAX, SEALED_MAX, Tls};

#[cfg(test)]
mod pair;
