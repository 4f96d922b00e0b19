//! What a refusal is called where refusals are counted.

use super::Refusal;

impl Refusal {
    /// The limit or rule that was broken, as metrics and logs call it: a limit by the key of the
    /// settings that sets it (one of a source with `source_` in front), all else by words with
    /// hyphens. The names are a promise to whoever watches them.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::AuthCancelled => "auth-cancelled",
            Self::AuthDenied => "auth-denied",
            Self::AuthLineTooLong => "auth-line-length",
            Self::AuthMalformed => "auth-malformed",
            Self::AuthNeeded => "auth-required",
            Self::AuthNeedsTls => "auth-needs-tls",
            Self::AuthUnavailable => "auth-unavailable",
            Self::BadAddress => "address-syntax",
            Self::BadArgument => "argument-syntax",
            Self::BadChunk => "chunk-syntax",
            Self::BareLineEnding => "bare-line-ending",
            Self::BinaryNeedsChunks => "binary-needs-bdat",
            Self::DiskFailed => "disk-failed",
            Self::DiskSlow => "disk-slow",
            Self::EarlyHandshake => "early-handshake",
            Self::EarlyTalk => "early-talk",
            Self::EarlyText => "early-text",
            Self::EnvelopeFull => "envelope-full",
            Self::InjectionTenant => "injection-tenant",
            Self::InjectionUnsound => "injection-unsound",
            Self::LineTooLong => "command-length",
            Self::LiteralNotRouted => "literal-not-routed",
            Self::LocalError => "local-error",
            Self::Loop => "loop",
            Self::NeedsUtf8 => "needs-smtputf8",
            Self::NoResources => "no-resources",
            Self::NotImplemented => "not-implemented",
            Self::NotTrusted => "xclient-denied",
            Self::OutOfOrder => "bad-sequence",
            Self::RelayDenied => "relay-denied",
            Self::ShuttingDown => "draining",
            Self::TooMuchChatter => "chatter",
            Self::TlsNeeded => "tls-required",
            Self::UnknownMechanism => "unknown-mechanism",
            Self::UnknownParameter => "unknown-parameter",
            Self::UnknownVerb => "unknown-command",
            Self::UserChanged => "user-changed",
            _ => self.limit(),
        }
    }

    /// As [`Self::rule`], for what an operator sets.
    const fn limit(self) -> &'static str {
        match self {
            Self::AddressCrowded => "connections_per_address",
            Self::DiskFull => "free_bytes_min",
            Self::HeaderTooBig => "header_bytes_max",
            Self::IdleTooLong => "idle",
            Self::IntakeFull => "intake_bytes",
            Self::MessageTooBig => "message_bytes_max",
            Self::NetworkCrowded => "connections_per_network",
            Self::QueueFull => "queued_max",
            Self::SenderNotAllowed => "sender_domains",
            Self::SourceBytes => "source_bytes",
            Self::SourceConnections => "source_connections_max",
            Self::SourceMessageBytes => "source_message_bytes_max",
            Self::SourceMessages => "source_messages",
            Self::SourceRecipients => "source_recipients",
            Self::TextLineTooLong => "line_bytes_max",
            Self::TextTooSlow => "data_rate_min",
            Self::TooManyCommands => "commands",
            Self::TooManyConnections => "connections_max",
            Self::TooManyErrors => "errors_max",
            Self::TooManyFields => "header_fields_max",
            Self::TooManyMessages => "transactions_max",
            Self::TooManyRecipients => "recipients_max",
            Self::TooManyRefused => "recipients_refused_max",
            _ => self.header_rule(),
        }
    }

    /// As [`Self::rule`], for what a header has to be like.
    const fn header_rule(self) -> &'static str {
        match self {
            Self::DateMissing => "date-missing",
            Self::DateUnreadable => "date-unreadable",
            Self::FieldName => "field-name",
            Self::FieldTwice => "field-twice",
            Self::FromAddress => "from-address",
            Self::FromMissing => "from-missing",
            Self::FromTwice => "from-twice",
            Self::HeaderLine => "line-length",
            Self::MessageIdEmpty => "message-id-empty",
            Self::MessageIdMissing => "message-id-missing",
            _ => unreachable!(),
        }
    }
}
