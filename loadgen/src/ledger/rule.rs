//! What a provider asks of its senders that a sender can break.

use serde::Deserialize;

/// A rule of a provider. Its number is what a ledger keeps, so a number is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u16)]
pub enum Rule {
    /// At most so many connections at once from one source.
    Connections = 1,
    /// At most so many messages on one connection.
    Messages = 2,
    /// At most so many recipients in one transaction.
    Recipients = 3,
    /// At most so many connections from one source in a time.
    ConnectionRate = 4,
    /// At most so many messages from one source in a time.
    MessageRate = 5,
    /// At most so many recipients from one source in a time.
    RecipientRate = 6,
    /// A source that was told to stay away stays away.
    Backoff = 7,
    /// A domain that was told its quota is spent sends nothing until it has recovered.
    Quota = 8,
    /// No MAIL without TLS.
    Tls = 9,
    /// One transaction has recipients of one domain.
    Domains = 10,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Connections,
        Self::Messages,
        Self::Recipients,
        Self::ConnectionRate,
        Self::MessageRate,
        Self::RecipientRate,
        Self::Backoff,
        Self::Quota,
        Self::Tls,
        Self::Domains,
    ];

    /// The rule of that number.
    #[must_use]
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| *rule as u16 == number)
    }

    /// As profiles and reports spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::ConnectionRate => "connection-rate",
            Self::MessageRate => "message-rate",
            Self::RecipientRate => "recipient-rate",
            Self::Backoff => "backoff",
            Self::Quota => "quota",
            Self::Tls => "tls",
            Self::Domains => "domains",
        }
    }
}
