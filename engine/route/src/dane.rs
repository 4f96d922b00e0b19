//! What DNS proves of a host's certificates.

use event::TlsaSet;
use std::sync::Arc;

/// What DNS proves of a host's certificates: nobody can have changed what is found here, nor taken
/// it away. It belongs to the host, and only domains whose MX records are as safe have it.
/// [RFC 7672 §2.2](https://www.rfc-editor.org/rfc/rfc7672#section-2.2)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dane {
    /// Nothing: what the mail goes under is for others to say.
    #[default]
    Absent,
    /// Something, perhaps: why it could not be learnt. Until it is, the host is as good as away,
    /// or who can keep an answer from us could do without TLS.
    /// [RFC 7672 §2.1.2](https://www.rfc-editor.org/rfc/rfc7672#section-2.1.2)
    Unknown(Arc<str>),
    /// These records: there has to be TLS.
    Known(Arc<TlsaSet>),
}

impl Dane {
    /// Whether the host may be dialled.
    pub(crate) const fn is_settled(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// Whether the host has to show a certificate that is known.
    pub(crate) fn proves(&self) -> bool {
        matches!(self, Self::Known(set) if !set.records().is_empty())
    }
}
