//! Whose quota a reply says is spent: the key that slows, and no other.

use std::fmt;
use std::str::FromStr;

/// What a host counts by, or one thing that it objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// The address we connect from.
    SourceAddress,
    /// The network that address is in.
    Netblock,
    /// The domain that signed.
    DkimDomain,
    /// The domain of the envelope sender, which SPF is about.
    MailFromDomain,
    /// The domain in the From field, which DMARC is about.
    FromDomain,
    /// A domain that the text links to.
    UrlDomain,
    /// This recipient.
    Recipient,
    /// This message, to whomever it goes.
    Message,
    /// This connection.
    Connection,
    /// This host, out of those of the site.
    Host,
    /// The site: all that we send there.
    Site,
    /// The tenant whose message it is.
    Tenant,
    /// The campaign it is of.
    Campaign,
}

impl Scope {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::SourceAddress,
        Self::Netblock,
        Self::DkimDomain,
        Self::MailFromDomain,
        Self::FromDomain,
        Self::UrlDomain,
        Self::Recipient,
        Self::Message,
        Self::Connection,
        Self::Host,
        Self::Site,
        Self::Tenant,
        Self::Campaign,
    ];

    /// Its name in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SourceAddress => "source-address",
            Self::Netblock => "netblock",
            Self::DkimDomain => "dkim-domain",
            Self::MailFromDomain => "mail-from-domain",
            Self::FromDomain => "from-domain",
            Self::UrlDomain => "url-domain",
            Self::Recipient => "recipient",
            Self::Message => "message",
            Self::Connection => "connection",
            Self::Host => "host",
            Self::Site => "site",
            Self::Tenant => "tenant",
            Self::Campaign => "campaign",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| format!("\"{text}\" is no scope; there are {}", all()))
    }
}

/// A set of scopes. Where a text does not say whose quota is spent, several may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// No key is named.
    pub const NONE: Self = Self(0);

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "+" })?;
            f.write_str(scope.name())?;
        }
        if *self == Self::NONE { f.write_str("-") } else { Ok(()) }
    }
}
