//! Servers of whose certificates DNS says what they are: DANE.
//!
//! What DNS says is all that counts: who vouches for whom elsewhere does not, and of the host's
//! own certificate neither what name it is for nor how long it was meant to be used.
//! [RFC 7672 §3](https://www.rfc-editor.org/rfc/rfc7672#section-3)

use event::{Tlsa, TlsaForm, TlsaPart, TlsaSet, TlsaUsage};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::sync::Arc;

/// Takes the certificates that these records know, and no others.
#[derive(Debug)]
pub(super) struct Known {
    set: Arc<TlsaSet>,
    provider: Arc<CryptoProvider>,
}

impl Known {
    pub(super) const fn new(set: Arc<TlsaSet>, provider: Arc<CryptoProvider>) -> Self {
        Self { set, provider }
    }

    fn of(&self, usage: TlsaUsage) -> impl Iterator<Item = &Tlsa> {
        self.set.records().iter().filter(move |record| record.usage == usage)
    }

    /// Those who vouch for the host: whom a record knows of those who were shown, and whoever
    /// stands in a record whole, shown or not.
    fn anchors(&self, shown: &[CertificateDer<'_>]) -> RootCertStore {
        let mut anchors = RootCertStore::empty();
        for record in self.of(TlsaUsage::TrustAnchor) {
            let known = shown.iter().filter(|one| is_of(record, one)).map(|one| one.to_vec());
            let whole = (record.part, record.form) == (TlsaPart::Certificate, TlsaForm::Whole);
            let stands = whole.then(|| record.data.to_vec());
            anchors.add_parsable_certificates(known.chain(stands).map(CertificateDer::from));
        }
        anchors
    }

    /// [RFC 7672 §3.1.2](https://www.rfc-editor.org/rfc/rfc7672#section-3.1.2)
    fn vouched(
        &self,
        own: &ParsedCertificate<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let anchors = self.anchors(others);
        if anchors.is_empty() {
            return Err(unknown());
        }
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(own, &anchors, others, now, algorithms)?;
        let names = self.set.names().iter().filter_map(|name| ServerName::try_from(&**name).ok());
        let mut refused = unknown();
        for name in names {
            match verify_server_name(own, &name) {
                Ok(()) => return Ok(()),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let proof = ServerCertVerified::assertion();
        // RFC 7672 section 3.1.1: its own certificate is known, whatever else it says.
        if self.of(TlsaUsage::EndEntity).any(|record| is_of(record, own)) {
            return Ok(proof);
        }
        self.vouched(&ParsedCertificate::try_from(own)?, others, now).map(|()| proof)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a record speaks of this certificate.
/// [RFC 6698 §2.1.2](https://www.rfc-editor.org/rfc/rfc6698#section-2.1.2)
fn is_of(record: &Tlsa, certificate: &CertificateDer<'_>) -> bool {
    match record.part {
        TlsaPart::Certificate => says(record, certificate),
        TlsaPart::Key => key(certificate).is_some_and(|key| says(record, &key)),
    }
}

/// The key of a certificate. `None` if it cannot be read; nor can such a one be used.
fn key(certificate: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    Some(parsed.subject_public_key_info())
}

fn says(record: &Tlsa, part: &[u8]) -> bool {
    match record.form {
        TlsaForm::Whole => *record.data == *part,
        TlsaForm::Sha256 => *record.data == Sha256::digest(part)[..],
        TlsaForm::Sha512 => *record.data == Sha512::digest(part)[..],
    }
}

/// Nothing that was shown is in a record.
#[derive(Debug)]
struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is in none of the host's TLSA records")
    }
}

impl std::error::Error for Unknown {}

fn unknown() -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Unknown))))
}

#[cfg(test)]
mod tests;
