//! Whose certificate a client takes.

use super::{Fault, fault};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Whose certificate a client takes.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Anybody's, unread: a load generator wants the work of the encryption, and not the safety.
    /// It saves the client, not the server, the work of checking the signature.
    #[default]
    Anybody,
    /// Those signed by one of these, and for the name asked for.
    Roots(Vec<CertificateDer<'static>>),
}

/// A file that holds no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCertificates(String);

impl fmt::Display for NoCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; give a PEM file with the certificates to trust", self.0)
    }
}

impl std::error::Error for NoCertificates {}

impl Trust {
    /// Those whose certificates are in this PEM file.
    ///
    /// # Errors
    /// There is no such file, or no certificate in it.
    pub fn read(path: &Path) -> Result<Self, NoCertificates> {
        let refused = |cause: String| NoCertificates(format!("{}: {cause}", path.display()));
        let roots: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        match roots {
            Ok(roots) if roots.is_empty() => Err(refused("no certificate in it".to_owned())),
            Ok(roots) => Ok(Self::Roots(roots)),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, Fault> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(fault)?;
        let config = match self {
            Self::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unread(provider)))
                .with_no_client_auth(),
            Self::Roots(roots) => {
                let mut store = RootCertStore::empty();
                roots.iter().try_for_each(|root| store.add(root.clone())).map_err(fault)?;
                builder.with_root_certificates(store).with_no_client_auth()
            }
        };
        Ok(Arc::new(config))
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Takes every certificate.
#[derive(Debug)]
struct Unread(Arc<CryptoProvider>);

impl ServerCertVerifier for Unread {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
