//! What we show: a chain of certificates, and the key to the first.

use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;

/// A certificate with those that vouch for it, and its key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<CertifiedKey>);

/// Why a pair of files is no certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The chain: what is wrong with it.
    Chain(String),
    /// The key: what is wrong with it.
    Key(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(wrong) | Self::Key(wrong) => f.write_str(wrong),
        }
    }
}

impl std::error::Error for Unusable {}

impl Certificate {
    /// From two PEM files: the certificate with its intermediates behind it, and the key.
    ///
    /// # Errors
    /// They hold something else, or do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Unusable> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| Unusable::Chain(format!("is no PEM file: {error}")))?;
        let Some(first) = chain.first() else {
            return Err(Unusable::Chain("holds no certificate".to_owned()));
        };
        ParsedCertificate::try_from(first)
            .map_err(|error| Unusable::Chain(format!("holds a broken certificate: {error}")))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| Unusable::Key(format!("holds no private key: {error}")))?;
        let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        pair.map(|pair| Self(Arc::new(pair))).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                Unusable::Key("is not the key to the certificate".to_owned())
            }
            error => Unusable::Key(format!("holds a key that cannot be used: {error}")),
        })
    }

    /// Whether it is for this host, by the names it carries. Wildcards count.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host) else { return false };
        let first = self.0.cert.first();
        let first = first.and_then(|first| ParsedCertificate::try_from(first).ok());
        first.is_some_and(|first| verify_server_name(&first, &name).is_ok())
    }

    pub(crate) fn pair(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}
