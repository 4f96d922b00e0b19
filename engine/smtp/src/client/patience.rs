//! How long an answer may take.

use std::time::Duration;

/// What we wait for, and so for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Patience {
    /// The first word.
    Greeting,
    /// The answer to EHLO, HELO or STARTTLS.
    Hello,
    /// The answer to MAIL (or to RSET before it).
    Mail,
    /// The answer to RCPT.
    Rcpt,
    /// The answer to DATA.
    DataInit,
    /// Room to write a block of text: the session never waits for it, the writer does.
    Text,
    /// The answer to the final dot.
    Final,
    /// The answer to QUIT.
    Quit,
}

impl Patience {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Greeting,
        Self::Hello,
        Self::Mail,
        Self::Rcpt,
        Self::DataInit,
        Self::Text,
        Self::Final,
        Self::Quit,
    ];

    /// How long. Giving up on a final dot too early delivers the message twice.
    ///
    /// [RFC 5321 §4.5.3.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2)
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Greeting | Self::Hello | Self::Mail | Self::Rcpt => Duration::from_mins(5),
            Self::DataInit => Duration::from_mins(2),
            Self::Text => Duration::from_mins(3),
            Self::Final => Duration::from_mins(10),
            // Nothing depends on it: it only spares the peer a reset.
            Self::Quit => Duration::from_secs(10),
        }
    }
}
