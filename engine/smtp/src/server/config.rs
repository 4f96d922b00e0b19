//! What a listener allows and offers, what a peer may, and whether the door is open.

use crate::command::{self, Mail, Rcpt};
use crate::reply::Refusal;
use event::Shut;

/// The longest line of text, CRLF included, that every server must take.
///
/// [RFC 5321 §4.5.3.1.6](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.6)
pub const TEXT_LINE_MAX: usize = 1_000;

/// How many recipients every server must take.
///
/// [RFC 5321 §4.5.3.1.8](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.8)
pub const RECIPIENTS_FLOOR: u16 = 100;

/// What a listener allows. Shared by all its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an extension, offered or not")]
pub struct Config {
    /// Our name, as in the greeting.
    pub hostname: Box<str>,
    /// Octets in one message, as RFC 1870 counts them.
    pub message_bytes_max: u64,
    /// Octets in one line of text, CRLF included; at least [`TEXT_LINE_MAX`].
    pub line_bytes_max: usize,
    /// Recipients in one transaction; at least [`RECIPIENTS_FLOOR`].
    pub recipients_max: u16,
    /// Transactions on one connection.
    pub transactions_max: u32,
    /// Errors, since the last accepted message, that end a connection.
    pub errors_max: u16,
    /// Commands, since the last accepted message, that may lead to nothing.
    pub chatter_max: u16,
    /// Recipients refused for good that one connection may name.
    pub recipients_refused_max: u16,
    /// Failed authentications that end a connection.
    pub auth_failures_max: u8,
    /// STARTTLS is offered, until it has been used.
    pub starttls: bool,
    /// Nothing but EHLO, HELO, NOOP, STARTTLS and QUIT before the connection is encrypted.
    pub tls_required: bool,
    /// When AUTH is offered.
    pub auth: Auth,
    /// No MAIL before AUTH.
    pub auth_required: bool,
    /// CHUNKING is offered: text may come by BDAT.
    pub chunking: bool,
    /// With it, BINARYMIME.
    pub binary: bool,
    /// DSN is offered: RET, ENVID, NOTIFY and ORCPT.
    pub dsn: bool,
    /// REQUIRETLS is offered, once the connection is encrypted.
    pub requiretls: bool,
}

/// When a password may be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Never: there are no users.
    #[default]
    Never,
    /// Once the connection is encrypted.
    UnderTls,
    /// At any time: the network is trusted.
    Always,
}

impl Config {
    /// The defaults, under this name.
    #[must_use]
    pub fn new(hostname: &str) -> Self {
        Self {
            hostname: hostname.into(),
            message_bytes_max: 50 * 1_024 * 1_024,
            line_bytes_max: TEXT_LINE_MAX,
            recipients_max: 1_000,
            transactions_max: 100_000,
            errors_max: 20,
            chatter_max: 10_000,
            recipients_refused_max: 100,
            auth_failures_max: 3,
            starttls: false,
            tls_required: false,
            auth: Auth::Never,
            auth_required: false,
            chunking: true,
            binary: true,
            dsn: true,
            requiretls: true,
        }
    }

    /// How much more of a refused text is read before we hang up: what a message may have.
    pub(super) const fn drain_bytes_max(&self) -> u64 {
        self.message_bytes_max.saturating_add(TEXT_LINE_MAX as u64)
    }

    /// The longest command line, CRLF included, AUTH aside.
    #[must_use]
    pub const fn command_line_max(&self) -> usize {
        let dsn = if self.dsn { command::DSN_LINE_MORE } else { 0 };
        let auth = if matches!(self.auth, Auth::Never) { 0 } else { command::AUTH_LINE_MORE };
        command::BASIC_LINE_MAX + dsn + auth
    }
}

/// What a peer may, by where it comes from or who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Bring mail for anywhere. From others we take mail for our postmaster only.
    pub relay: bool,
    /// Speak for others (XCLIENT).
    pub xclient: bool,
}

/// Whether a transaction may begin, or have this recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// It may.
    Open,
    /// Nobody's may now, for this reason: 452, and the connection stays; or 421 and its end, if
    /// the program is stopping.
    Shut(Shut),
    /// It may not, for a reason of the caller's.
    Refused(Refusal),
}

impl Door {
    pub(super) const fn refusal(self) -> Result<(), Refusal> {
        match self {
            Self::Open => Ok(()),
            Self::Shut(shut) => Err(match shut {
                Shut::DiskFailed => Refusal::DiskFailed,
                Shut::DiskFull => Refusal::DiskFull,
                Shut::DiskSlow => Refusal::DiskSlow,
                Shut::Draining => Refusal::ShuttingDown,
                Shut::QueueFull => Refusal::QueueFull,
            }),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

/// Who opens the door. Asked last, about what the session itself would take: so what is let in
/// has begun, and may be counted.
pub trait Porter {
    /// Whether anybody can log in by SCRAM: it takes keys that not every user has. A client that
    /// is offered it may try nothing else.
    fn takes_scram(&self) -> bool {
        true
    }
    /// Whether this transaction may begin.
    fn sender(&mut self, mail: &Mail<'_>) -> Door;
    /// Whether it may have this recipient.
    fn recipient(&mut self, rcpt: &Rcpt<'_>) -> Door;
}

impl<P: Porter> Porter for &mut P {
    fn takes_scram(&self) -> bool {
        P::takes_scram(self)
    }

    fn sender(&mut self, mail: &Mail<'_>) -> Door {
        P::sender(self, mail)
    }

    fn recipient(&mut self, rcpt: &Rcpt<'_>) -> Door {
        P::recipient(self, rcpt)
    }
}

/// The same answer to everybody. A transaction that has begun may go on.
impl Porter for Door {
    fn sender(&mut self, _: &Mail<'_>) -> Door {
        *self
    }

    fn recipient(&mut self, _: &Rcpt<'_>) -> Door {
        match self {
            Self::Refused(refusal) => Self::Refused(*refusal),
            _ => Self::Open,
        }
    }
}
