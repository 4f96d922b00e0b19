//! TLS as a layer of buffers: bytes of the network in, plain text out, and back. No socket.
//!
//! The driver's contract: hand every received byte to [`Tls::take`] and everything to be said
//! to [`Tls::give`]; send what they appended to `out` at once. Both halves of the handshake
//! happen inside `take`: what is given before it is complete waits, and leaves with it. What
//! arrived before the first byte of TLS must not be read as if it had come under its
//! protection: the driver starts this layer only with an empty input.
//! [RFC 3207 §6](https://www.rfc-editor.org/rfc/rfc3207#section-6)

mod trust;

pub use trust::{NoCertificates, Trust};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

/// The first byte of a TLS connection: a handshake record.
///
/// [RFC 8446 §5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1)
pub const FIRST_BYTE: u8 = 22;

/// What ends a connection here. The alert that tells the peer is in `out` already.
#[derive(Debug)]
pub struct Fault(String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TLS: {}", self.0)
    }
}

impl std::error::Error for Fault {}

/// What a client brings to every handshake. Made once; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    trust: Trust,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Client {
    /// A client that trusts `trust` and asks for `name` (a host name, or an address).
    ///
    /// Sessions are resumed where the server offers that, as mail clients do.
    ///
    /// # Errors
    /// `name` is neither.
    pub fn new(trust: &Trust, name: &str) -> Result<Self, Fault> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| Fault(format!("`{name}` is no host name: give one with --tls-name")))?;
        Ok(Self { trust: trust.clone(), config: trust.config()?, name })
    }

    /// One that takes as much care, with `server`, which goes by `name`.
    ///
    /// # Errors
    /// As [`Self::new`], or that the server's certificate cannot be read.
    pub(crate) fn like(&self, server: &Server, name: &str) -> Result<Self, Fault> {
        match &self.trust {
            Trust::Anybody => Self::new(&Trust::Anybody, name),
            Trust::Roots(_) => Self::new(&server.trust()?, name),
        }
    }

    /// The client's end of a new connection; its first bytes are in `out`.
    ///
    /// # Errors
    /// What the library says of the settings.
    pub fn connect(&self, out: &mut Vec<u8>) -> Result<Tls, Fault> {
        let connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        let mut tls = Tls::new(connection.map_err(fault)?.into());
        tls.flush(out)?;
        Ok(tls)
    }
}

/// A certificate, and the key to it. Made once; cheap to clone.
#[derive(Clone, Debug)]
pub struct Server {
    config: Arc<ServerConfig>,
    certificate_pem: String,
}

impl Server {
    /// With a certificate for `names` that is made here and signed by nobody else.
    ///
    /// # Errors
    /// One of `names` cannot be in a certificate.
    pub fn self_signed(names: &[&str]) -> Result<Self, Fault> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names)
            .map_err(|error| Fault(format!("no certificate can be made: {error}")))?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(trust::provider())
            .with_safe_default_protocol_versions()
            .map_err(fault)?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .map_err(fault)?;
        Ok(Self { config: Arc::new(config), certificate_pem: made.cert.pem() })
    }

    /// The certificate, for those who want to trust it.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    fn trust(&self) -> Result<Trust, Fault> {
        let certificate = CertificateDer::from_pem_slice(self.certificate_pem.as_bytes());
        Ok(Trust::Roots(vec![certificate.map_err(fault)?]))
    }

    /// The server's end of a new connection.
    ///
    /// # Errors
    /// What the library says of the settings.
    pub fn accept(&self) -> Result<Tls, Fault> {
        let connection = ServerConnection::new(Arc::clone(&self.config)).map_err(fault)?;
        Ok(Tls::new(connection.into()))
    }
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault(error.to_string())
}

/// One end of one connection.
#[derive(Debug)]
pub struct Tls {
    connection: Connection,
    closed: bool,
}

impl Tls {
    fn new(mut connection: Connection) -> Self {
        // The caller's buffers are bounded already, and a text is given whole.
        connection.set_buffer_limit(None);
        Self { connection, closed: false }
    }

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// The peer said that it will send nothing more.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes all of `input`, as it came from the network. Appends the plain text in it to
    /// `plain`, and what the peer must be sent to `out`.
    ///
    /// # Errors
    /// What came is not what the protocol allows, or the certificate is not trusted.
    pub fn take(
        &mut self,
        mut input: &[u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        while !input.is_empty() && !self.closed {
            self.connection.read_tls(&mut input).map_err(fault)?;
            let state = match self.connection.process_new_packets() {
                Ok(state) => state,
                Err(error) => {
                    self.flush(out)?;
                    return Err(fault(error));
                }
            };
            self.closed = state.peer_has_closed();
            let filled = plain.len();
            plain.resize(filled + state.plaintext_bytes_to_read(), 0);
            self.connection.reader().read_exact(&mut plain[filled..]).map_err(fault)?;
        }
        self.flush(out)
    }

    /// Appends to `out` what `plain` is on the network, or keeps it until the handshake is
    /// complete.
    ///
    /// # Errors
    /// None in practice: memory is the only limit.
    pub fn give(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        self.connection.writer().write_all(plain).map_err(fault)?;
        self.flush(out)
    }

    /// Says that nothing more will be said.
    ///
    /// # Errors
    /// As [`Self::give`].
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.connection.send_close_notify();
        self.flush(out)
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut Appending(out)).map_err(fault)?;
        }
        Ok(())
    }
}

/// `Vec` as a writer that takes many pieces at once.
struct Appending<'o>(&'o mut Vec<u8>);

impl io::Write for Appending<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.reserve(pieces.iter().map(|piece| piece.len()).sum());
        for piece in pieces {
            self.0.extend_from_slice(piece);
        }
        Ok(pieces.iter().map(|piece| piece.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
