//! Why we turned something down.

/// Why we turned something down. The peer hears only the line it maps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The peer broke an authentication off.
    AuthCancelled,
    /// Wrong name or password.
    AuthDenied,
    /// A line of an authentication exchange is longer than we read.
    AuthLineTooLong,
    /// A line of an authentication exchange is no base64, or says nothing the mechanism knows.
    AuthMalformed,
    /// Who brings mail here must authenticate.
    AuthNeeded,
    /// Passwords are not for clear text.
    AuthNeedsTls,
    /// We cannot check a password now.
    AuthUnavailable,
    /// The address between the angle brackets does not parse, or is too long.
    BadAddress,
    /// The argument does not parse.
    BadArgument,
    /// A BDAT that does not say how many octets follow.
    BadChunk,
    /// A CR or LF that is not part of a CRLF, or a NUL.
    BareLineEnding,
    /// A binary message by way of DATA.
    BinaryNeedsChunks,
    /// The peer sent something behind STARTTLS.
    EarlyHandshake,
    /// The peer sent message text before it was invited to.
    EarlyText,
    /// The peer was silent for too long.
    IdleTooLong,
    /// The spool takes nothing now: the disk is full, or near it.
    InsufficientStorage,
    /// A command line, or a line of text, is longer than we read.
    LineTooLong,
    /// A recipient at `[192.0.2.1]`: mail is routed by name.
    LiteralNotRouted,
    /// The message could not be made durable.
    LocalError,
    /// The message has passed too many relays.
    Loop,
    /// The message is larger than we take.
    MessageTooBig,
    /// An address beyond ASCII without SMTPUTF8.
    NeedsUtf8,
    /// A verb we know and do not offer.
    NotImplemented,
    /// The peer is not one who may speak for others.
    NotTrusted,
    /// The command is fine, but not now.
    OutOfOrder,
    /// The peer is not one we relay for.
    RelayDenied,
    /// The user may not send mail in this domain's name.
    SenderNotAllowed,
    /// The program is stopping.
    ShuttingDown,
    /// A line of message text is longer than we read.
    TextLineTooLong,
    /// Who brings mail here must encrypt.
    TlsNeeded,
    /// The peer, or all peers, hold too many connections.
    TooManyConnections,
    /// More commands that lead to nothing than one connection may send.
    TooManyErrors,
    /// More messages than one connection may bring.
    TooManyMessages,
    /// More recipients than one transaction may have.
    TooManyRecipients,
    /// A way to authenticate that we do not know.
    UnknownMechanism,
    /// A parameter of MAIL or RCPT that we do not offer.
    UnknownParameter,
    /// No such verb.
    UnknownVerb,
}

impl Refusal {
    /// All of them, in order.
    pub const ALL: [Self; 37] = [
        Self::AuthCancelled,
        Self::AuthDenied,
        Self::AuthLineTooLong,
        Self::AuthMalformed,
        Self::AuthNeeded,
        Self::AuthNeedsTls,
        Self::AuthUnavailable,
        Self::BadAddress,
        Self::BadArgument,
        Self::BadChunk,
        Self::BareLineEnding,
        Self::BinaryNeedsChunks,
        Self::EarlyHandshake,
        Self::EarlyText,
        Self::IdleTooLong,
        Self::InsufficientStorage,
        Self::LineTooLong,
        Self::LiteralNotRouted,
        Self::LocalError,
        Self::Loop,
        Self::MessageTooBig,
        Self::NeedsUtf8,
        Self::NotImplemented,
        Self::NotTrusted,
        Self::OutOfOrder,
        Self::RelayDenied,
        Self::SenderNotAllowed,
        Self::ShuttingDown,
        Self::TextLineTooLong,
        Self::TlsNeeded,
        Self::TooManyConnections,
        Self::TooManyErrors,
        Self::TooManyMessages,
        Self::TooManyRecipients,
        Self::UnknownMechanism,
        Self::UnknownParameter,
        Self::UnknownVerb,
    ];

    /// The reply code, such as 550.
    #[must_use]
    pub fn code(self) -> u16 {
        self.line().bytes().take(3).fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
    }

    /// The conversation is over once this is said: the peer cannot be understood, or is to go.
    #[must_use]
    pub const fn ends_connection(self) -> bool {
        matches!(
            self,
            Self::AuthLineTooLong
                | Self::BadChunk
                | Self::BareLineEnding
                | Self::EarlyHandshake
                | Self::EarlyText
                | Self::IdleTooLong
                | Self::LineTooLong
                | Self::ShuttingDown
                | Self::TooManyConnections
                | Self::TooManyErrors
                | Self::TooManyMessages
        )
    }

    /// What it adds to the errors of a connection. What is our own state costs nothing, nor does
    /// the tail of a pipelined group whose head was refused; a verb that is none at all is likely
    /// not SMTP, and five of them end the connection (of the default twenty).
    pub(crate) const fn weight(self) -> u16 {
        match self {
            Self::UnknownVerb => 4,
            Self::AuthUnavailable
            | Self::InsufficientStorage
            | Self::LocalError
            | Self::OutOfOrder
            | Self::TooManyRecipients => 0,
            _ => 1,
        }
    }
}
