//! Why there is no page.

use std::fmt::{self, Display};
use std::io;

/// Why there is no page, or none of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    text: String,
}

/// Kinds of failures, as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The host is not known.
    Dns,
    /// Nobody answers there, or the proxy leads nowhere.
    Connect,
    /// The host did not prove who it is.
    Certificate,
    /// There was no TLS.
    Tls,
    /// What came was not HTTP.
    Http,
    /// It answered something else than the page.
    Status,
    /// The page is no plain text.
    MediaType,
    /// It is too large.
    TooLarge,
    /// It took too long.
    Late,
    /// It is not what it should be.
    Invalid,
    /// Too much was asked for at the time.
    Crowded,
}

impl Failure {
    pub(crate) fn new(kind: Kind, text: impl Display) -> Self {
        Self { kind, text: text.to_string() }
    }

    /// A handshake came to nothing.
    #[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
    pub(super) fn of_tls(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let is_certificate = matches!(inner, Some(rustls::Error::InvalidCertificate(_)));
        Self::new(if is_certificate { Kind::Certificate } else { Kind::Tls }, &error)
    }

    #[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
    pub(super) fn of_http(error: hyper::Error) -> Self {
        Self::new(Kind::Http, &error)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
