//! What was agreed on.

/// What a handshake came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite, by its name in the registry of IANA: `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
    /// The host name the client asked for. Lower case.
    pub sni: Option<Box<str>>,
    /// Whose certificate the client showed, if it showed one that we trust: `CN=mta1,O=Example`.
    pub client_subject: Option<Box<str>>,
    /// The handshake built on an earlier one.
    pub resumed: bool,
}
