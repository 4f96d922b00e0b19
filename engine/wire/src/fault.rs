//! Why a connection cannot go on, and whose fault that is.

use event::TlsResult;
use rustls::{CertificateError, Error};
use std::fmt;

/// Why a connection cannot go on. The alert that tells the peer is among the replies already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind.
    pub cause: Cause,
    /// What reports call it.
    pub result: TlsResult,
    text: String,
}

/// Kinds of faults, as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The peer gave up and said so by an alert: it does not like our certificate, perhaps.
    Alert,
    /// Nothing in common: version, cipher suite, or application protocol.
    Offer,
    /// The peer's certificate is missing, not trusted, or another's.
    Certificate,
    /// What came is not TLS, or breaks its rules.
    Protocol,
}

impl Fault {
    pub(crate) fn protocol(text: &str) -> Self {
        let result = TlsResult::ValidationFailure;
        Self { cause: Cause::Protocol, result, text: text.to_owned() }
    }

    pub(crate) fn nobody_trusted() -> Self {
        let text = "nobody is trusted to vouch for a server".to_owned();
        let result = TlsResult::ValidationFailure;
        Self { cause: Cause::Certificate, result, text }
    }
}

impl Fault {
    /// What is wrong, without saying of what.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS: {}", self.text)
    }
}

impl std::error::Error for Fault {}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let cause = match error {
            Error::AlertReceived(_) => Cause::Alert,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Cause::Offer,
            Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Cause::Certificate,
            _ => Cause::Protocol,
        };
        let text = match &error {
            // Our own words, which the library would wrap.
            Error::InvalidCertificate(CertificateError::Other(ours)) => ours.to_string(),
            error => error.to_string(),
        };
        Self { cause, result: result(&error), text }
    }
}

/// What reports call it.
pub(crate) fn result(error: &Error) -> TlsResult {
    let Error::InvalidCertificate(error) = error else { return TlsResult::ValidationFailure };
    match error {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsResult::CertificateExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsResult::CertificateHostMismatch
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsResult::CertificateNotTrusted
        }
        _ => TlsResult::ValidationFailure,
    }
}
