//! What a listener brings to every handshake.

use crate::{Certificate, Fault, Roots, Tls};
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache,
    UnbufferedServerConnection, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, OnceLock};

/// What a client may ask to speak, if it asks at all: whoever wants HTTP has been led here by
/// somebody else. Exim's names; IANA has none.
///
/// [RFC 7301 §3.2](https://www.rfc-editor.org/rfc/rfc7301#section-3.2)
const PROTOCOLS: [&[u8]; 2] = [b"smtp", b"esmtp"];

/// Sessions of TLS 1.2 clients without tickets that are remembered for a listener, about
/// 200 bytes each.
const SESSIONS_MAX: usize = 4_096;

/// The certificates of this server: one set for all listeners, changed at any time.
#[derive(Debug)]
pub struct Certificates(ArcSwap<Vec<Certificate>>);

impl Certificates {
    /// In order of preference: the first is for those who ask for no name, or an unknown one.
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(certificates)))
    }

    /// Shows others to whoever comes from now on. Connections there are stay as they are.
    pub fn replace(&self, certificates: Vec<Certificate>) {
        self.0.store(Arc::new(certificates));
    }

    fn choose(&self, host: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let all = self.0.load();
        let named = host.and_then(|host| all.iter().find(|certificate| certificate.is_for(host)));
        named.or_else(|| all.first()).map(Certificate::pair)
    }
}

/// Whether clients show certificates.
#[derive(Clone, Debug)]
pub enum Clients {
    /// They are not asked.
    Unasked,
    /// They are asked; one that is shown must be vouched for by these.
    Optional(Roots),
    /// Who shows none, or another, is refused.
    Required(Roots),
}

/// A listener's side of every handshake, what it asks of clients changed at any time. Shards share it, and so a session begun on one is
/// resumed on any. Listeners do not: a session would carry a client past the certificate that
/// another listener asks for.
#[derive(Debug)]
pub struct Acceptor {
    config: ArcSwap<ServerConfig>,
    certificates: Arc<Certificates>,
}

impl Acceptor {
    /// One that shows `certificates` to `clients`.
    ///
    /// # Errors
    /// What the library says of them.
    pub fn new(certificates: Arc<Certificates>, clients: &Clients) -> Result<Self, Fault> {
        Ok(Self { config: ArcSwap::from_pointee(config(clients)?), certificates })
    }

    /// Asks this of whoever comes from now on. No session is resumed that began before: whoever
    /// vouched for its client then may not count any more. Connections there are stay as they are.
    ///
    /// # Errors
    /// As [`Self::new`]; then nothing has changed.
    pub fn replace_clients(&self, clients: &Clients) -> Result<(), Fault> {
        self.config.store(Arc::new(config(clients)?));
        Ok(())
    }

    /// The same, but every handshake is a full one.
    #[must_use]
    pub fn forgetful(self) -> Self {
        let mut config = ServerConfig::clone(&self.config.load());
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        self.config.store(Arc::new(config));
        self
    }

    /// Our end of a connection that begins now.
    ///
    /// # Errors
    /// What the library says of the settings, which it has said at start.
    pub fn accept(&self) -> Result<Tls, Fault> {
        let asked = Arc::new(Asked::new(Arc::clone(&self.certificates)));
        let mut config = ServerConfig::clone(&self.config.load());
        config.cert_resolver = Arc::<Asked>::clone(&asked);
        let end = UnbufferedServerConnection::new(Arc::new(config))?;
        Ok(Tls::server(end, asked))
    }
}

fn config(clients: &Clients) -> Result<ServerConfig, Fault> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match clients {
        Clients::Unasked => builder.with_no_client_auth(),
        Clients::Optional(roots) => {
            builder.with_client_cert_verifier(verifier(roots, &provider, false)?)
        }
        Clients::Required(roots) => {
            builder.with_client_cert_verifier(verifier(roots, &provider, true)?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(Nobody));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    Ok(config)
}

fn verifier(
    roots: &Roots,
    provider: &Arc<CryptoProvider>,
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
    let roots = roots.store();
    let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| Fault::protocol(&error.to_string()))
}

/// Chooses the certificate of one connection, and remembers the name that was asked for: the
/// library does not tell it otherwise.
#[derive(Debug)]
pub(crate) struct Asked {
    certificates: Arc<Certificates>,
    name: OnceLock<Box<str>>,
}

impl Asked {
    const fn new(certificates: Arc<Certificates>) -> Self {
        Self { certificates, name: OnceLock::new() }
    }

    /// The host name the client asked for.
    pub(crate) fn name(&self) -> Option<Box<str>> {
        self.name.get().cloned()
    }
}

impl ResolvesServerCert for Asked {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        if let Some(name) = name {
            self.name.get_or_init(|| name.to_ascii_lowercase().into());
        }
        self.certificates.choose(name)
    }
}

/// Stands where the resolver of a connection will.
#[derive(Debug)]
struct Nobody;

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

#[cfg(test)]
mod tests;
