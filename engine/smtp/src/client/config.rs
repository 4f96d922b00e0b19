//! How a session begins.

/// How we introduce ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Our name: what the source address resolves to.
    pub ehlo: Box<str>,
    /// Whether TLS is asked for.
    pub tls: Tls,
    /// A peer without REQUIRETLS (RFC 8689) gets no mail. It goes with [`Tls::Required`].
    pub requiretls: bool,
}

impl Config {
    /// One that speaks in the clear.
    #[must_use]
    pub fn new(ehlo: &str) -> Self {
        Self { ehlo: ehlo.into(), tls: Tls::Off, requiretls: false }
    }
}

/// Whether TLS is asked for, and what if it is not to be had. Decided before the peer is dialled:
/// nothing it says changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// It is not.
    #[default]
    Off,
    /// Where it is offered; else the mail goes in the clear.
    Opportunistic,
    /// Without it no mail goes.
    Required,
}
