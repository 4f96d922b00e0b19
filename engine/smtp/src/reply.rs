//! Every line the server can say, in one place.

mod refusal;
mod rule;

use crate::command::{ATTRIBUTES, Mechanism};
use crate::server::Config;
use event::MessageId;
use std::io::Write as _;

pub use refusal::Refusal;

impl Refusal {
    /// What the peer is told, line ending included.
    ///
    /// [RFC 3463](https://www.rfc-editor.org/rfc/rfc3463) and the registry of RFC 5248 name the
    /// second code: every 4xx and 5xx carries one.
    #[must_use]
    pub const fn line(self) -> &'static str {
        match self {
            Self::AuthCancelled => "501 5.7.0 authentication cancelled\r\n",
            Self::AuthDenied => "535 5.7.8 authentication failed\r\n",
            Self::AuthLineTooLong => "500 5.5.6 authentication line too long\r\n",
            Self::AuthMalformed => "501 5.5.2 malformed authentication\r\n",
            Self::AuthNeeded => "530 5.7.0 authentication required\r\n",
            Self::AuthNeedsTls => "538 5.7.11 encryption required for authentication\r\n",
            Self::AuthUnavailable => "454 4.7.0 authentication not available, try again later\r\n",
            Self::BadAddress => "553 5.1.3 bad address syntax\r\n",
            Self::BadArgument => "501 5.5.4 bad argument\r\n",
            Self::BadChunk => "501 5.5.4 bad chunk size\r\n",
            Self::BareLineEnding => "550 5.6.11 bare CR, bare LF or NUL refused\r\n",
            Self::BinaryNeedsChunks => "503 5.5.1 BINARYMIME needs BDAT\r\n",
            Self::DiskFailed => "452 4.3.0 the spool's disk fails, try again later\r\n",
            Self::DiskSlow => "452 4.3.0 the spool's disk does not answer, try again later\r\n",
            Self::EarlyHandshake => "554 5.5.1 nothing may follow STARTTLS\r\n",
            Self::EarlyTalk => "554 5.5.0 wait for the greeting\r\n",
            Self::EarlyText => "503 5.5.1 text before it was asked for\r\n",
            Self::EnvelopeFull => "452 4.5.3 no room in the envelope, send the rest apart\r\n",
            Self::IdleTooLong => "421 4.4.2 idle too long\r\n",
            Self::LineTooLong => "500 5.5.2 line too long\r\n",
            Self::LiteralNotRouted => "550 5.7.1 address literals are not routed\r\n",
            Self::LocalError => "451 4.3.0 local error, try again later\r\n",
            Self::Loop => "554 5.4.6 too many hops\r\n",
            Self::NeedsUtf8 => "553 5.6.7 address needs SMTPUTF8\r\n",
            Self::NoResources => "421 4.3.2 no room for a connection, try again later\r\n",
            Self::NotImplemented => "502 5.5.1 not implemented\r\n",
            Self::NotTrusted => "550 5.7.0 XCLIENT denied\r\n",
            Self::OutOfOrder => "503 5.5.1 bad sequence of commands\r\n",
            Self::RelayDenied => "550 5.7.1 relaying denied\r\n",
            Self::ShuttingDown => "421 4.3.2 shutting down, try again later\r\n",
            Self::TlsNeeded => "530 5.7.0 STARTTLS first\r\n",
            Self::TooMuchChatter => "421 4.7.0 too many commands that lead to nothing\r\n",
            Self::UnknownMechanism => "504 5.5.4 unknown mechanism\r\n",
            Self::UnknownParameter => "555 5.5.4 unknown parameter\r\n",
            Self::UnknownVerb => "500 5.5.1 unknown command\r\n",
            Self::UserChanged => "421 4.7.0 user changed or gone, log in again\r\n",
            _ => self.line_of_limit(),
        }
    }

    /// As [`Self::line`], for limits and rules that an operator sets: each names its own.
    const fn line_of_limit(self) -> &'static str {
        match self {
            Self::AddressCrowded => {
                "421 4.7.0 limit connections_per_address reached, try again later\r\n"
            }
            Self::DateMissing => "550 5.6.0 header rule date-missing\r\n",
            Self::DateUnreadable => "550 5.6.0 header rule date-unreadable\r\n",
            Self::DiskFull => "452 4.3.1 limit free_bytes_min reached, try again later\r\n",
            Self::FieldName => "550 5.6.0 header rule field-name\r\n",
            Self::FieldTwice => "550 5.6.0 header rule field-twice\r\n",
            Self::FromAddress => "550 5.6.0 header rule from-address\r\n",
            Self::FromMissing => "550 5.6.0 header rule from-missing\r\n",
            Self::FromTwice => "550 5.6.0 header rule from-twice\r\n",
            Self::HeaderLine => "550 5.6.0 header rule line-length\r\n",
            Self::HeaderTooBig => "552 5.3.4 limit header_bytes_max exceeded\r\n",
            Self::InjectionTenant => "550 5.7.1 X-Tenant is not that of the source\r\n",
            Self::InjectionUnsound => "550 5.6.0 bad or repeated injection field\r\n",
            Self::IntakeFull => "452 4.3.1 limit intake_bytes reached, try again later\r\n",
            Self::MessageIdEmpty => "550 5.6.0 header rule message-id-empty\r\n",
            Self::MessageIdMissing => "550 5.6.0 header rule message-id-missing\r\n",
            Self::MessageTooBig => "552 5.3.4 limit message_bytes_max exceeded\r\n",
            Self::NetworkCrowded => {
                "421 4.7.0 limit connections_per_network reached, try again later\r\n"
            }
            Self::QueueFull => "452 4.3.1 limit queued_max reached, try again later\r\n",
            Self::SenderNotAllowed => "550 5.7.1 not one of your sender_domains\r\n",
            Self::SourceBytes => "452 4.7.1 source limit bytes reached, try again later\r\n",
            Self::SourceConnections => {
                "421 4.7.1 source limit connections_max reached, try again later\r\n"
            }
            Self::SourceMessageBytes => "552 5.3.4 source limit message_bytes_max exceeded\r\n",
            Self::SourceMessages => "452 4.7.1 source limit messages reached, try again later\r\n",
            Self::SourceRecipients => {
                "452 4.7.1 source limit recipients reached, try again later\r\n"
            }
            Self::TextLineTooLong => "554 5.6.0 limit line_bytes_max exceeded\r\n",
            Self::TextTooSlow => "421 4.4.2 limit data_rate_min: too slow\r\n",
            Self::TooManyCommands => "421 4.7.0 limit commands exceeded\r\n",
            Self::TooManyConnections => {
                "421 4.7.0 limit connections_max reached, try again later\r\n"
            }
            Self::TooManyErrors => "421 4.7.0 limit errors_max reached\r\n",
            Self::TooManyFields => "550 5.6.0 limit header_fields_max exceeded\r\n",
            Self::TooManyMessages => "421 4.7.0 limit transactions_max reached\r\n",
            Self::TooManyRecipients => "452 4.5.3 limit recipients_max reached\r\n",
            Self::TooManyRefused => "421 4.7.0 limit recipients_refused_max exceeded\r\n",
            _ => unreachable!(),
        }
    }
}

/// What the server says when all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Greeting,
    /// To EHLO.
    Extensions(Offers),
    /// To HELO.
    Hello,
    Sender,
    Recipient,
    GoAhead,
    /// A chunk was taken, and the message is not complete; so many octets of it are here.
    Chunk(u64),
    /// The message is durable.
    Accepted(MessageId),
    /// The handshake may begin.
    StartTls,
    Authenticated,
    Ok,
    Verify,
    Help,
    Bye,
    /// Nothing: somebody else has the word.
    Silence,
}

/// What of a listener's offers can be used in the present state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an extension, offered or not")]
pub(crate) struct Offers {
    /// Octets in one message.
    pub(crate) bytes: u64,
    pub(crate) starttls: bool,
    pub(crate) auth: bool,
    /// With it, SCRAM.
    pub(crate) scram: bool,
    pub(crate) xclient: bool,
    pub(crate) requiretls: bool,
}

impl Reply {
    /// Appends it, line ending included.
    pub(crate) fn write(self, config: &Config, out: &mut Vec<u8>) {
        let hostname = &config.hostname;
        let line = match self {
            Self::Greeting => return write(out, format_args!("220 {hostname} ESMTP Ringpost\r\n")),
            Self::Extensions(offers) => return extensions(config, offers, out),
            Self::Hello => return write(out, format_args!("250 {hostname}\r\n")),
            Self::Chunk(bytes) => return write(out, format_args!("250 2.0.0 {bytes} octets\r\n")),
            Self::Accepted(id) => return write(out, format_args!("250 2.0.0 accepted {id}\r\n")),
            Self::Sender => "250 2.1.0 sender ok\r\n",
            Self::Recipient => "250 2.1.5 recipient ok\r\n",
            Self::GoAhead => "354 go ahead\r\n",
            Self::StartTls => "220 2.0.0 ready for TLS\r\n",
            Self::Authenticated => "235 2.7.0 authenticated\r\n",
            Self::Ok => "250 2.0.0 ok\r\n",
            Self::Verify => "252 2.5.0 send some mail, it will be tried\r\n",
            Self::Help => HELP,
            Self::Bye => "221 2.0.0 bye\r\n",
            Self::Silence => "",
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

/// [RFC 2034 §4](https://www.rfc-editor.org/rfc/rfc2034#section-4): the second code stands in
/// every line.
const HELP: &str = "214-2.0.0 a mail relay: EHLO says what it offers and its limits\r\n\
    214-2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS AUTH\r\n\
    214 2.0.0 RFC 5321 says what they do; postmaster reads mail\r\n";

/// Appends a challenge, given in base64.
///
/// [RFC 4954 §4](https://www.rfc-editor.org/rfc/rfc4954#section-4)
pub(crate) fn challenge(base64: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"334 ");
    out.extend_from_slice(base64);
    out.extend_from_slice(b"\r\n");
}

/// What we offer, a keyword a line.
///
/// [RFC 5321 §4.1.1.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1): the first line is
/// our name; [RFC 9422](https://www.rfc-editor.org/rfc/rfc9422) lets a client keep our limits
/// instead of running into them.
fn extensions(config: &Config, offers: Offers, out: &mut Vec<u8>) {
    let Config { hostname, recipients_max, transactions_max, .. } = config;
    let message_bytes_max = offers.bytes;
    write(
        out,
        format_args!(
            "250-{hostname}\r\n\
             250-PIPELINING\r\n\
             250-SIZE {message_bytes_max}\r\n\
             250-8BITMIME\r\n\
             250-SMTPUTF8\r\n"
        ),
    );
    let [plain, login, scram] = Mechanism::ALL.map(Mechanism::name);
    let auth = ["AUTH", plain, login, scram];
    let auth = if offers.scram { &auth[..] } else { &auth[..3] };
    let offered: [(bool, &[&str]); 7] = [
        (config.chunking, &["CHUNKING"]),
        (config.chunking && config.binary, &["BINARYMIME"]),
        (config.dsn, &["DSN"]),
        (offers.starttls, &["STARTTLS"]),
        (offers.requiretls, &["REQUIRETLS"]),
        (offers.auth, auth),
        (offers.xclient, &["XCLIENT", ATTRIBUTES]),
    ];
    for (_, words) in offered.into_iter().filter(|(offered, _)| *offered) {
        write(out, format_args!("250-{}\r\n", words.join(" ")));
    }
    write(
        out,
        format_args!(
            "250-LIMITS MAILMAX={transactions_max} RCPTMAX={recipients_max}\r\n\
             250 ENHANCEDSTATUSCODES\r\n"
        ),
    );
}

fn write(out: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    out.write_fmt(line).expect("a Vec takes every write");
}

#[cfg(test)]
mod tests;
