//! Who the peer is and what it may, as far as the caller says.

use super::{Config, Rights, Session, State};
use std::sync::Arc;

impl Session {
    /// What the peer may.
    #[must_use]
    pub const fn rights(&self) -> Rights {
        self.rights
    }

    /// From now on the peer may this. It holds until the next time; a handshake changes it not.
    pub const fn grant(&mut self, rights: Rights) {
        self.rights = rights;
    }

    /// From now on a message of the peer's may have so many octets, if the listener allows as
    /// many. It holds until the next time.
    pub const fn bound(&mut self, message_bytes_max: u64) {
        self.own_bytes_max = message_bytes_max;
    }

    /// From now on the peer is told and allowed this: another one speaks, by [`super::Step::Xclient`].
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Whoever may speak for others ([`super::Step::Xclient`]) says that the one it speaks for has
    /// logged in there.
    ///
    /// # Panics
    /// If the peer is in the middle of something else.
    pub fn vouched_for(&mut self) {
        assert!(matches!(self.state, State::Fresh | State::Ready), "the conversation begins anew");
        self.authenticated = true;
    }
}
