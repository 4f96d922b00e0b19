//! What we bring to every handshake with a server.
//!
//! What is asked of a server is decided before it is dialled. Whoever must be who it says shows a
//! certificate that the trusted vouch for; of all others any will do, as what is sealed for
//! somebody unknown is still more than what everybody can read
//! ([RFC 7435](https://www.rfc-editor.org/rfc/rfc7435)). Whether it would have held is found out
//! all the same, and told with the facts. Whoever DNS says the certificates of shows one of those.

mod dane;

use crate::fault::result;
use crate::{Fault, Roots, Tls};
use dane::Known;
use event::{TlsResult, TlsaSet};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, UnbufferedClientConnection, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Servers of which sessions are kept to go on with, some KiB each. The one that was met first
/// makes room.
const SERVERS_MAX: usize = 2_000;

/// Sessions kept of one server: the library counts these.
const SESSIONS_EACH: usize = 8;

/// Hosts with certificates that DNS says are known, each with sessions of its own: some KiB each.
/// With one more, all begin anew.
const KNOWN_MAX: usize = 500;

/// What is asked of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    Any,
    /// That it is the host that was meant, by the word of somebody trusted.
    Name,
    /// That its certificate is one that these records know. There is one at least, or nobody
    /// proves anything.
    Known(Arc<TlsaSet>),
}

/// Our side of every handshake with a server. Shards share it, and so a session begun on one goes
/// on on any; but never one without a proof where there has to be one.
#[derive(Debug)]
pub struct Connector {
    /// For whom any certificate will do.
    any: Arc<ClientConfig>,
    /// For whom it has to be right, if anybody is trusted.
    name: Option<Arc<ClientConfig>>,
    trusted: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    /// For whom these records know what is right. A session goes on only where it was begun: what
    /// was shown then was by the same records.
    known: Mutex<HashMap<Arc<TlsaSet>, Arc<ClientConfig>>>,
}

impl Connector {
    /// One that trusts `roots`; with none, nobody proves anything.
    ///
    /// # Errors
    /// What the library says of them.
    pub fn new(roots: Option<&Roots>) -> Result<Self, Fault> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let trusted = roots.map(|roots| trusted(roots, &provider)).transpose()?;
        let all = SERVERS_MAX * SESSIONS_EACH;
        let name = trusted.clone().map(|trusted| config(&provider, trusted, all)).transpose()?;
        let any = config(&provider, Arc::new(Anybody(Arc::clone(&provider))), all)?;
        Ok(Self { any, name, trusted, provider, known: Mutex::default() })
    }

    /// Our end of a connection with `host` at `address` that begins now. It speaks first: open
    /// nothing, to have what it says. Whoever has records is asked for by the name they were found
    /// by ([RFC 7672 §8.1](https://www.rfc-editor.org/rfc/rfc7672#section-8.1)).
    ///
    /// # Errors
    /// A proof is asked for, and nobody is trusted.
    pub fn connect(&self, host: &str, address: IpAddr, proof: Proof) -> Result<Tls, Fault> {
        let (config, host) = match &proof {
            Proof::Any => (Arc::clone(&self.any), host),
            Proof::Name => (self.name.clone().ok_or_else(Fault::nobody_trusted)?, host),
            Proof::Known(set) => (self.known(set)?, set.base()),
        };
        // What is no name cannot be asked for, nor be in a certificate.
        let named = ServerName::try_from(host.to_owned());
        let server = named.unwrap_or_else(|_| ServerName::from(address));
        let end = UnbufferedClientConnection::new(config, server.clone())?;
        let trusted = self.trusted.clone();
        Ok(Tls::client(end, Box::new(Claim { server, trusted, proof })))
    }

    fn known(&self, set: &Arc<TlsaSet>) -> Result<Arc<ClientConfig>, Fault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = known.get(set) {
            return Ok(Arc::clone(config));
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let verifier = Known::new(Arc::clone(set), Arc::clone(&self.provider));
        let config = config(&self.provider, Arc::new(verifier), SESSIONS_EACH)?;
        known.insert(Arc::clone(set), Arc::clone(&config));
        Ok(config)
    }
}

fn trusted(
    roots: &Roots,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Fault> {
    let builder = WebPkiServerVerifier::builder_with_provider(roots.store(), Arc::clone(provider));
    builder.build().map_err(|error| Fault::protocol(&error.to_string()))
}

fn config(
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    sessions: usize,
) -> Result<Arc<ClientConfig>, Fault> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(sessions);
    Ok(Arc::new(config))
}

/// Whom a server has to be, and who may say that it is.
pub(crate) struct Claim {
    server: ServerName<'static>,
    trusted: Option<Arc<WebPkiServerVerifier>>,
    proof: Proof,
}

impl Claim {
    /// The host name we ask for; an address is not asked for.
    pub(crate) fn sni(&self) -> Option<Box<str>> {
        let ServerName::DnsName(name) = &self.server else { return None };
        Some(name.as_ref().to_ascii_lowercase().into())
    }

    /// Why the server that showed these certificates, its own first, may be another one; `None`
    /// if it is the one.
    pub(crate) fn doubt(&self, shown: &[CertificateDer<'static>]) -> Option<TlsResult> {
        // Whoever had to prove it has.
        if self.proof != Proof::Any {
            return None;
        }
        let (Some((own, others)), Some(trusted)) = (shown.split_first(), &self.trusted) else {
            return Some(TlsResult::ValidationFailure);
        };
        let now = UnixTime::now();
        let proven = trusted.verify_server_cert(own, others, &self.server, &[], now);
        proven.err().map(|error| result(&error))
    }
}

/// Takes any certificate. Whoever shows it must hold the key to it, unless nothing can be read
/// from it: such a one proves nothing later on either.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if ParsedCertificate::try_from(certificate).is_err() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if ParsedCertificate::try_from(certificate).is_err() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
