//! Whether a host's TLS works.

use event::Tick;
use std::time::Duration;

/// How long a host whose handshake failed is spoken to in the clear, where that may be: long enough
/// that a broken host costs a connection an hour, short enough that one that was mended is found.
pub const BROKEN_FOR: Duration = Duration::from_hours(1);

/// What is remembered of a host's TLS. It is asked only where the mail may go in the clear: where
/// TLS is required, nothing that happened before makes it less so (T19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// It is taken for broken until then.
    broken_until: Option<Tick>,
}

impl Cover {
    /// A handshake failed.
    pub fn broke(&mut self, now: Tick) {
        self.broken_until = Some(now + BROKEN_FOR);
    }

    /// A handshake was completed.
    pub fn held(&mut self) {
        self.broken_until = None;
    }

    /// Whether a handshake is not worth trying.
    #[must_use]
    pub fn is_broken(&self, now: Tick) -> bool {
        self.broken_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests;
