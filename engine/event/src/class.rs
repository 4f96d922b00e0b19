//! Why a host said no: the word by which operators sort bounces.

use crate::Outcome;
use std::fmt;
use std::str::FromStr;

/// Why a host said no: the seventeen bounce categories that the field has, by their usual names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplyClass {
    /// The host is in trouble: full, overloaded, or set up wrongly.
    BadConfiguration,
    /// The connection was of no use.
    BadConnection,
    /// The recipient's domain does not exist, or takes no mail.
    BadDomain,
    /// There is no such mailbox.
    BadMailbox,
    /// Something in the message, apart from spam and viruses.
    ContentRelated,
    /// There was such a mailbox: it is closed, disabled, or has moved.
    InactiveMailbox,
    /// The sender's address or its domain leads nowhere.
    InvalidSender,
    /// It was on its way for too long.
    MessageExpired,
    /// Nobody answered.
    NoAnswerFromHost,
    /// None of the others, or nobody knows.
    Other,
    /// A rule of the host: too much, too fast, not authenticated, not allowed.
    PolicyRelated,
    /// One side does not speak SMTP as the other does.
    ProtocolErrors,
    /// The mailbox is full.
    QuotaIssues,
    /// The host does not pass mail on for us.
    RelayingIssues,
    /// The way to the recipient leads nowhere, or round.
    RoutingErrors,
    /// Spam, or the reputation of a sender of it.
    SpamRelated,
    /// A virus, or what might be one.
    VirusRelated,
}

impl ReplyClass {
    /// All of them, in order.
    pub const ALL: [Self; 17] = [
        Self::BadConfiguration,
        Self::BadConnection,
        Self::BadDomain,
        Self::BadMailbox,
        Self::ContentRelated,
        Self::InactiveMailbox,
        Self::InvalidSender,
        Self::MessageExpired,
        Self::NoAnswerFromHost,
        Self::Other,
        Self::PolicyRelated,
        Self::ProtocolErrors,
        Self::QuotaIssues,
        Self::RelayingIssues,
        Self::RoutingErrors,
        Self::SpamRelated,
        Self::VirusRelated,
    ];

    /// Their names, in the same order.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// The category of what became of a recipient: why it was not taken, but that its time was up
    /// where that is what ended it. `None` if it was taken.
    #[must_use]
    pub const fn category(outcome: Outcome, why: Option<Self>) -> Option<Self> {
        match (outcome, why) {
            (Outcome::Delivered, _) => None,
            (Outcome::Expired, _) => Some(Self::MessageExpired),
            (Outcome::Deferred | Outcome::Failed | Outcome::Dropped, Some(why)) => Some(why),
            (Outcome::Deferred | Outcome::Failed | Outcome::Dropped, None) => Some(Self::Other),
        }
    }

    /// Whether a failure is a hard bounce: it is about the recipient's address, which would fail the
    /// next message, too.
    #[must_use]
    pub const fn is_hard(self) -> bool {
        matches!(self, Self::BadDomain | Self::BadMailbox | Self::InactiveMailbox)
    }

    /// Its name in logs, rules and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadConfiguration => "bad-configuration",
            Self::BadConnection => "bad-connection",
            Self::BadDomain => "bad-domain",
            Self::BadMailbox => "bad-mailbox",
            Self::ContentRelated => "content-related",
            Self::InactiveMailbox => "inactive-mailbox",
            Self::InvalidSender => "invalid-sender",
            Self::MessageExpired => "message-expired",
            Self::NoAnswerFromHost => "no-answer-from-host",
            Self::Other => "other",
            Self::PolicyRelated => "policy-related",
            Self::ProtocolErrors => "protocol-errors",
            Self::QuotaIssues => "quota-issues",
            Self::RelayingIssues => "relaying-issues",
            Self::RoutingErrors => "routing-errors",
            Self::SpamRelated => "spam-related",
            Self::VirusRelated => "virus-related",
        }
    }
}

impl fmt::Display for ReplyClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is the name of no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAClass;

impl fmt::Display for NotAClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a class:")?;
        ReplyClass::ALL.iter().try_for_each(|class| write!(f, " {class}"))
    }
}

impl FromStr for ReplyClass {
    type Err = NotAClass;

    fn from_str(text: &str) -> Result<Self, NotAClass> {
        Self::ALL.into_iter().find(|class| class.name() == text).ok_or(NotAClass)
    }
}

#[cfg(test)]
mod tests;
