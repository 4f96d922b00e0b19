//! What TLS the mail for a domain goes under.

use std::sync::Arc;

/// What TLS the mail for a domain goes under. It belongs to the domain, not to the hosts, and is
/// settled before any of them is dialled (T19): domains of which different things are said are
/// different sites, though their hosts be the same. The later ones ask for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tls {
    /// None.
    Off,
    /// Where a host offers it, whoever it is; else the mail goes in the clear.
    #[default]
    Opportunistic,
    /// There is no mail without it, and whoever the host is will do.
    Required,
    /// There is no mail without it, nor to a host that does not prove to be the one that was meant.
    Verified,
}

impl Tls {
    /// What stands behind the name of a site that goes under it. Most go under the usual, and
    /// their names need not say so.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Off => ";tls=off",
            Self::Opportunistic => "",
            Self::Required => ";tls=required",
            Self::Verified => ";tls=verified",
        }
    }
}

/// The least TLS that a site asks for, whoever asks for less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeastTls {
    /// What there has to be.
    pub tls: Tls,
    /// Which setting says so, for whoever asks why mail waits.
    pub by: Arc<str>,
    /// It holds also where the settings otherwise want no TLS at all. What is known of a provider does
    /// not: whoever wants none knows why.
    pub beats_off: bool,
}

impl LeastTls {
    /// Whether it is more than this.
    pub(crate) fn lifts(&self, tls: Tls) -> bool {
        self.tls > tls && (self.beats_off || tls != Tls::Off)
    }
}
