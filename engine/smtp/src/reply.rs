//! Every line the server can say, in one place.

use crate::server::Config;
use event::MessageId;
use std::io::Write as _;

/// Why we turned something down. The peer hears only the line it maps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The address between the angle brackets does not parse, or is too long.
    BadAddress,
    /// The argument does not parse.
    BadArgument,
    /// A CR or LF that is not part of a CRLF, or a NUL.
    BareLineEnding,
    /// The peer sent message text before it was invited to.
    EarlyText,
    /// The peer was silent for too long.
    IdleTooLong,
    /// The spool takes nothing now: the disk is full, or near it.
    InsufficientStorage,
    /// A recipient at `[192.0.2.1]`: mail is routed by name.
    LiteralNotRouted,
    /// A command line, or a line of text, is longer than we read.
    LineTooLong,
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
    /// The command is fine, but not now.
    OutOfOrder,
    /// The peer is not one we relay for.
    RelayDenied,
    /// The program is stopping.
    ShuttingDown,
    /// A line of message text is longer than we read.
    TextLineTooLong,
    /// The peer, or all peers, hold too many connections.
    TooManyConnections,
    /// More commands that lead to nothing than one connection may send.
    TooManyErrors,
    /// More messages than one connection may bring.
    TooManyMessages,
    /// More recipients than one transaction may have.
    TooManyRecipients,
    /// A parameter of MAIL or RCPT that we do not offer.
    UnknownParameter,
    /// No such verb.
    UnknownVerb,
}

impl Refusal {
    /// All of them, in order.
    pub const ALL: [Self; 23] = [
        Self::BadAddress,
        Self::BadArgument,
        Self::BareLineEnding,
        Self::EarlyText,
        Self::IdleTooLong,
        Self::InsufficientStorage,
        Self::LiteralNotRouted,
        Self::LineTooLong,
        Self::LocalError,
        Self::Loop,
        Self::MessageTooBig,
        Self::NeedsUtf8,
        Self::NotImplemented,
        Self::OutOfOrder,
        Self::RelayDenied,
        Self::ShuttingDown,
        Self::TextLineTooLong,
        Self::TooManyConnections,
        Self::TooManyErrors,
        Self::TooManyMessages,
        Self::TooManyRecipients,
        Self::UnknownParameter,
        Self::UnknownVerb,
    ];

    /// What the peer is told, line ending included.
    ///
    /// [RFC 3463](https://www.rfc-editor.org/rfc/rfc3463) and the registry of RFC 5248 name the
    /// second code: every 4xx and 5xx carries one.
    #[must_use]
    pub const fn line(self) -> &'static str {
        match self {
            Self::BadAddress => "553 5.1.3 bad address syntax\r\n",
            Self::BadArgument => "501 5.5.4 bad argument\r\n",
            Self::BareLineEnding => "550 5.6.11 bare CR, bare LF or NUL refused\r\n",
            Self::EarlyText => "503 5.5.1 text before it was asked for\r\n",
            Self::IdleTooLong => "421 4.4.2 idle too long\r\n",
            Self::InsufficientStorage => "452 4.3.1 insufficient storage, try again later\r\n",
            Self::LiteralNotRouted => "550 5.7.1 address literals are not routed\r\n",
            Self::LineTooLong => "500 5.5.2 line too long\r\n",
            Self::LocalError => "451 4.3.0 local error, try again later\r\n",
            Self::Loop => "554 5.4.6 too many hops\r\n",
            Self::MessageTooBig => "552 5.3.4 message too big\r\n",
            Self::NeedsUtf8 => "553 5.6.7 address needs SMTPUTF8\r\n",
            Self::NotImplemented => "502 5.5.1 not implemented\r\n",
            Self::OutOfOrder => "503 5.5.1 bad sequence of commands\r\n",
            Self::RelayDenied => "550 5.7.1 relaying denied\r\n",
            Self::ShuttingDown => "421 4.3.2 shutting down, try again later\r\n",
            Self::TextLineTooLong => "554 5.6.0 text line too long\r\n",
            Self::TooManyConnections => "421 4.7.0 too many connections, try again later\r\n",
            Self::TooManyErrors => "421 4.7.0 too many errors\r\n",
            Self::TooManyMessages => "421 4.7.0 enough messages for one connection\r\n",
            Self::TooManyRecipients => "452 4.5.3 too many recipients\r\n",
            Self::UnknownParameter => "555 5.5.4 unknown parameter\r\n",
            Self::UnknownVerb => "500 5.5.1 unknown command\r\n",
        }
    }

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
            Self::BareLineEnding
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
            Self::InsufficientStorage
            | Self::LocalError
            | Self::OutOfOrder
            | Self::TooManyRecipients => 0,
            _ => 1,
        }
    }
}

/// What the server says when all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Greeting,
    /// To EHLO.
    Extensions,
    /// To HELO.
    Hello,
    Sender,
    Recipient,
    GoAhead,
    /// The message is durable.
    Accepted(MessageId),
    Ok,
    Verify,
    Help,
    Bye,
}

impl Reply {
    /// Appends it, line ending included.
    pub(crate) fn write(self, config: &Config, out: &mut Vec<u8>) {
        let hostname = &config.hostname;
        let line = match self {
            Self::Greeting => return write(out, format_args!("220 {hostname} ESMTP Ringpost\r\n")),
            Self::Extensions => return extensions(config, out),
            Self::Hello => return write(out, format_args!("250 {hostname}\r\n")),
            Self::Accepted(id) => return write(out, format_args!("250 2.0.0 accepted {id}\r\n")),
            Self::Sender => "250 2.1.0 sender ok\r\n",
            Self::Recipient => "250 2.1.5 recipient ok\r\n",
            Self::GoAhead => "354 go ahead\r\n",
            Self::Ok => "250 2.0.0 ok\r\n",
            Self::Verify => "252 2.5.0 send some mail, it will be tried\r\n",
            Self::Help => "214 2.0.0 see RFC 5321\r\n",
            Self::Bye => "221 2.0.0 bye\r\n",
        };
        out.extend_from_slice(line.as_bytes());
    }

    /// The reply code, for tables.
    #[cfg(test)]
    pub(crate) fn code(self, config: &Config) -> String {
        let mut line = Vec::new();
        self.write(config, &mut line);
        String::from_utf8_lossy(line.get(..3).unwrap_or_default()).into_owned()
    }
}

/// What we offer, a keyword a line.
///
/// [RFC 5321 §4.1.1.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1): the first line is
/// our name; [RFC 9422](https://www.rfc-editor.org/rfc/rfc9422) lets a client keep our limits
/// instead of running into them.
fn extensions(config: &Config, out: &mut Vec<u8>) {
    let Config { hostname, message_bytes_max, recipients_max, transactions_max, .. } = config;
    write(
        out,
        format_args!(
            "250-{hostname}\r\n\
             250-PIPELINING\r\n\
             250-SIZE {message_bytes_max}\r\n\
             250-8BITMIME\r\n\
             250-SMTPUTF8\r\n\
             250-LIMITS MAILMAX={transactions_max} RCPTMAX={recipients_max}\r\n\
             250 ENHANCEDSTATUSCODES\r\n"
        ),
    );
}

fn write(out: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    out.write_fmt(line).expect("a Vec takes every write");
}

#[cfg(test)]
mod tests;
