//! What a listener allows, and whether it is open.

use crate::text::Bounds;

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
        }
    }

    pub(super) const fn bounds(&self) -> Bounds {
        Bounds { message_bytes_max: self.message_bytes_max, line_bytes_max: self.line_bytes_max }
    }

    /// How much more of a refused text is read before we hang up: what a message may have.
    pub(super) const fn drain_bytes_max(&self) -> u64 {
        self.message_bytes_max.saturating_add(TEXT_LINE_MAX as u64)
    }
}

/// Whether new mail may come in. Asked at MAIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// It may.
    Open,
    /// The spool takes nothing now: 452, and the connection stays.
    Full,
    /// The program is stopping: 421, and the connection ends.
    Draining,
}
