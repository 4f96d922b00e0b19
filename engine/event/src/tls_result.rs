//! Why TLS with a host is not what it should be, in the words of reports to domains.

use serde::{Deserialize, Serialize};

/// Why TLS with a host is not what it should be.
///
/// [RFC 8460 §4.3](https://www.rfc-editor.org/rfc/rfc8460#section-4.3)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsResult {
    /// The host does not offer STARTTLS.
    StarttlsNotSupported,
    /// The certificate is for another host.
    CertificateHostMismatch,
    /// The certificate is too old, or not good yet.
    CertificateExpired,
    /// Nobody who is trusted vouches for it.
    CertificateNotTrusted,
    /// Anything else.
    ValidationFailure,
    /// No TLSA record of the host is of use.
    TlsaInvalid,
    /// What DNSSEC proves of the host could not be learnt.
    DnssecInvalid,
    /// We wanted DANE, and the domain has none.
    DaneRequired,
    /// The MTA-STS policy could not be fetched.
    StsPolicyFetchError,
    /// It is no policy.
    StsPolicyInvalid,
    /// Its web server did not prove who it is.
    StsWebpkiInvalid,
}
