//! Replies that are none.

use std::fmt;

/// What a peer did that no SMTP server should do. The connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerFault {
    /// It answered what we have not said.
    AnswerToNothing,
    /// Bytes behind the answer to STARTTLS, in front of the handshake.
    BeforeTls,
    /// A line that LF alone ends.
    BareLineFeed,
    /// Two codes in one reply.
    CodesDisagree,
    /// A line that does not begin with a reply code.
    NotAReply,
    /// A line or a reply of more bytes or lines than we read.
    TooLong,
    /// A code that answers nothing of the kind, such as 354 to MAIL.
    WrongAnswer(u16),
}

impl fmt::Display for PeerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnswerToNothing => f.write_str("an answer to nothing"),
            Self::BeforeTls => f.write_str("words in the clear behind its answer to STARTTLS"),
            Self::BareLineFeed => f.write_str("a reply line without CR"),
            Self::CodesDisagree => f.write_str("a reply with two codes"),
            Self::NotAReply => f.write_str("a line that is no reply"),
            Self::TooLong => f.write_str("a reply that is too long"),
            Self::WrongAnswer(code) => write!(f, "{code} where it means nothing"),
        }
    }
}

impl std::error::Error for PeerFault {}
