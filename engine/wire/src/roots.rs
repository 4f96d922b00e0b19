//! Those who vouch for peers.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;

/// Those who vouch for peers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// From a PEM file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(pem) {
            let root = root.map_err(|error| format!("is no PEM file: {error}"))?;
            store.add(root).map_err(|error| format!("holds a broken certificate: {error}"))?;
        }
        if store.is_empty() {
            Err("holds no certificate".to_owned())
        } else {
            Ok(Self(store.into()))
        }
    }

    /// From certificates in DER, as a system has gathered them over the years: those that cannot
    /// be used are left out. `None` if none can.
    pub fn from_der(roots: impl IntoIterator<Item = Vec<u8>>) -> Option<Self> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.into_iter().map(CertificateDer::from));
        (!store.is_empty()).then(|| Self(store.into()))
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0)
    }
}
