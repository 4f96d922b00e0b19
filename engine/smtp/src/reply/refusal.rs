//! Why we turned something down.

/// Why we turned something down. The peer hears only the line it maps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Too many connections from its address.
    AddressCrowded,
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
    /// The header has no Date.
    DateMissing,
    /// The header has a Date that is none.
    DateUnreadable,
    /// The spool cannot be written.
    DiskFailed,
    /// The spool's filesystem has less free than is to be left.
    DiskFull,
    /// The spool's disk does not answer.
    DiskSlow,
    /// The peer sent something behind STARTTLS.
    EarlyHandshake,
    /// The peer spoke before it was greeted.
    EarlyTalk,
    /// The peer sent message text before it was invited to.
    EarlyText,
    /// An envelope has no room for the recipient, or there is no memory for it.
    EnvelopeFull,
    /// The header has a line that is no field.
    FieldName,
    /// The header has a field twice that may stand once.
    FieldTwice,
    /// The header has a From without an address.
    FromAddress,
    /// The header has no From.
    FromMissing,
    /// The header has two From fields.
    FromTwice,
    /// The header has a line of more than 998 octets.
    HeaderLine,
    /// The header is larger than we read.
    HeaderTooBig,
    /// The peer was silent for too long.
    IdleTooLong,
    /// The header names a tenant that is not its source's.
    InjectionTenant,
    /// The header has an injection field twice, or with a value that cannot be.
    InjectionUnsound,
    /// Messages on their way in have all the memory that is for them.
    IntakeFull,
    /// A command line, or a line of text, is longer than we read.
    LineTooLong,
    /// A recipient at `[192.0.2.1]`: mail is routed by name.
    LiteralNotRouted,
    /// The message could not be made durable.
    LocalError,
    /// The message has passed too many relays.
    Loop,
    /// The header has a Message-ID without a value.
    MessageIdEmpty,
    /// The header has no Message-ID.
    MessageIdMissing,
    /// The message is larger than we take.
    MessageTooBig,
    /// An address beyond ASCII without SMTPUTF8.
    NeedsUtf8,
    /// Too many connections from its network.
    NetworkCrowded,
    /// The system has no descriptor or memory for another connection.
    NoResources,
    /// A verb we know and do not offer.
    NotImplemented,
    /// The peer is not one who may speak for others.
    NotTrusted,
    /// The command is fine, but not now.
    OutOfOrder,
    /// As many recipients are queued as may be.
    QueueFull,
    /// The peer is not one we relay for.
    RelayDenied,
    /// The source may not send from this domain.
    SenderNotAllowed,
    /// The program is stopping.
    ShuttingDown,
    /// The source has sent as much text as it may for now.
    SourceBytes,
    /// The source has as many connections as it may.
    SourceConnections,
    /// The message is larger than those of its source may be.
    SourceMessageBytes,
    /// The source has sent as many messages as it may for now.
    SourceMessages,
    /// The source has named as many recipients as it may for now.
    SourceRecipients,
    /// A line of message text is longer than we read.
    TextLineTooLong,
    /// The text comes too slowly.
    TextTooSlow,
    /// Who brings mail here must encrypt.
    TlsNeeded,
    /// More commands that lead to nothing than it may send in that time.
    TooManyCommands,
    /// The peer, or all peers, hold too many connections.
    TooManyConnections,
    /// More errors than one connection may make.
    TooManyErrors,
    /// The header has more fields than we read.
    TooManyFields,
    /// More messages than one connection may bring.
    TooManyMessages,
    /// More recipients than one transaction may have.
    TooManyRecipients,
    /// More recipients were refused than one connection may name.
    TooManyRefused,
    /// More commands that lead to nothing than one connection may send.
    TooMuchChatter,
    /// A way to authenticate that we do not know.
    UnknownMechanism,
    /// A parameter of MAIL or RCPT that we do not offer.
    UnknownParameter,
    /// No such verb.
    UnknownVerb,
    /// What the peer proved when it logged in is no longer enough.
    UserChanged,
}

impl Refusal {
    /// All of them, in order.
    pub const ALL: [Self; 70] = [
        Self::AddressCrowded,
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
        Self::DateMissing,
        Self::DateUnreadable,
        Self::DiskFailed,
        Self::DiskFull,
        Self::DiskSlow,
        Self::EarlyHandshake,
        Self::EarlyTalk,
        Self::EarlyText,
        Self::EnvelopeFull,
        Self::FieldName,
        Self::FieldTwice,
        Self::FromAddress,
        Self::FromMissing,
        Self::FromTwice,
        Self::HeaderLine,
        Self::HeaderTooBig,
        Self::IdleTooLong,
        Self::InjectionTenant,
        Self::InjectionUnsound,
        Self::IntakeFull,
        Self::LineTooLong,
        Self::LiteralNotRouted,
        Self::LocalError,
        Self::Loop,
        Self::MessageIdEmpty,
        Self::MessageIdMissing,
        Self::MessageTooBig,
        Self::NeedsUtf8,
        Self::NetworkCrowded,
        Self::NoResources,
        Self::NotImplemented,
        Self::NotTrusted,
        Self::OutOfOrder,
        Self::QueueFull,
        Self::RelayDenied,
        Self::SenderNotAllowed,
        Self::ShuttingDown,
        Self::SourceBytes,
        Self::SourceConnections,
        Self::SourceMessageBytes,
        Self::SourceMessages,
        Self::SourceRecipients,
        Self::TextLineTooLong,
        Self::TextTooSlow,
        Self::TlsNeeded,
        Self::TooManyCommands,
        Self::TooManyConnections,
        Self::TooManyErrors,
        Self::TooManyFields,
        Self::TooManyMessages,
        Self::TooManyRecipients,
        Self::TooManyRefused,
        Self::TooMuchChatter,
        Self::UnknownMechanism,
        Self::UnknownParameter,
        Self::UnknownVerb,
        Self::UserChanged,
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
            Self::AddressCrowded
                | Self::AuthLineTooLong
                | Self::BadChunk
                | Self::BareLineEnding
                | Self::EarlyHandshake
                | Self::EarlyTalk
                | Self::EarlyText
                | Self::IdleTooLong
                | Self::LineTooLong
                | Self::NetworkCrowded
                | Self::NoResources
                | Self::ShuttingDown
                | Self::SourceConnections
                | Self::TextTooSlow
                | Self::TooManyCommands
                | Self::TooManyConnections
                | Self::TooManyErrors
                | Self::TooManyMessages
                | Self::TooManyRefused
                | Self::TooMuchChatter
                | Self::UserChanged
        )
    }

    /// What it adds to the errors of a connection. What is our own state costs nothing, nor does
    /// the tail of a pipelined group whose head was refused; a verb that is none at all is likely
    /// not SMTP, and five of them end the connection (of the default twenty).
    pub(crate) const fn weight(self) -> u16 {
        match self {
            Self::UnknownVerb => 4,
            Self::AuthUnavailable
            | Self::DiskFailed
            | Self::DiskFull
            | Self::DiskSlow
            | Self::EnvelopeFull
            | Self::IntakeFull
            | Self::LocalError
            | Self::OutOfOrder
            | Self::QueueFull
            | Self::SourceBytes
            | Self::SourceMessages
            | Self::SourceRecipients
            | Self::TooManyRecipients => 0,
            _ => 1,
        }
    }
}
