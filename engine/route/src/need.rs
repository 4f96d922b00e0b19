//! What a message asks of the hosts it goes to, beyond what its domain goes under.

/// What a message asks of the hosts it goes to, beyond what its domain goes under. It belongs to the
/// message, and mail of one need shares no connection with that of another.
/// [RFC 8689 §4.2.1](https://www.rfc-editor.org/rfc/rfc8689#section-4.2.1)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Nothing.
    #[default]
    Usual,
    /// That nobody can have forged who they are, TLS, and that they prove to be it: a report about a
    /// message of the next kind, which is not lost because a host does not offer REQUIRETLS.
    /// [RFC 8689 §5](https://www.rfc-editor.org/rfc/rfc8689#section-5)
    Sealed,
    /// All that, and that they offer REQUIRETLS, or it comes back.
    Onward,
}

impl Need {
    /// What stands behind the names of sites whose hosts it is asked of.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Sealed => ";requiretls=report",
            Self::Onward => ";requiretls",
        }
    }
}
