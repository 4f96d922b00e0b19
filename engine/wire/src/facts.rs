//! What was agreed on.

use crate::connector::Claim;
use crate::subject::subject;
use event::TlsResult;
use rustls::{CommonState, HandshakeKind, ProtocolVersion};

/// What a handshake came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite, by its name in the registry of IANA: `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
    /// The host name the client asked for. Lower case.
    pub sni: Option<Box<str>>,
    /// Whose certificate the peer showed, if it showed one that we trust: `CN=mta1,O=Example`.
    pub peer_subject: Option<Box<str>>,
    /// The peer is who it says it is, a server also whom we asked for, and somebody we trust
    /// vouches for it; or DNS knows its certificate, where that was asked for.
    pub verified: bool,
    /// Why a server is not: what its certificate lacks.
    pub doubt: Option<TlsResult>,
    /// The handshake built on an earlier one.
    pub resumed: bool,
}

impl TlsFacts {
    /// Of a connection whose handshake is complete, with a client that asked for `sni`. One that
    /// shows a certificate nobody vouches for does not come so far.
    pub(crate) fn of_client(state: &CommonState, sni: Option<Box<str>>) -> Option<Self> {
        Self::of(state, sni, state.peer_certificates().is_some())
    }

    /// Of a connection whose handshake is complete, with a server.
    pub(crate) fn of_server(state: &CommonState, claim: &Claim) -> Option<Self> {
        let shown = state.peer_certificates().unwrap_or_default();
        let doubt = claim.doubt(shown);
        Some(Self { doubt, ..Self::of(state, claim.sni(), doubt.is_none())? })
    }

    fn of(state: &CommonState, sni: Option<Box<str>>, verified: bool) -> Option<Self> {
        let suite = state.negotiated_cipher_suite()?.suite();
        let shown = state.peer_certificates().and_then(<[_]>::first).filter(|_| verified);
        Some(Self {
            version: match state.protocol_version()? {
                ProtocolVersion::TLSv1_3 => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher: registered(suite.as_str().unwrap_or("unknown")),
            sni,
            peer_subject: shown.and_then(|shown| subject(shown)),
            verified,
            doubt: None,
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }
}

/// What the registry calls a cipher suite that rustls calls `TLS13_...`.
///
/// [RFC 8446 §B.4](https://www.rfc-editor.org/rfc/rfc8446#appendix-B.4)
fn registered(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        name => name,
    }
}
