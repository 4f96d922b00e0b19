//! Who may bring a message now.

use super::window;
use crate::message::Share;
use crate::shard::Shard;
use kernel::Kernel;
use policy::source::Source;
use smtp::server::{self, Door, Mail, Rcpt, Refusal};

/// Asked at MAIL and RCPT.
pub(super) struct Porter<'v, K: Kernel> {
    shard: &'v Shard<K>,
    user: Option<&'v Source>,
    share: Option<Share>,
    /// The envelope has no room for a recipient, whatever is asked about it.
    full: bool,
}

impl<'v, K: Kernel> Porter<'v, K> {
    pub(super) const fn new(shard: &'v Shard<K>, user: Option<&'v Source>, full: bool) -> Self {
        Self { shard, user, share: None, full }
    }

    /// The memory of the transaction that was let in.
    pub(super) fn share(self) -> Option<Share> {
        self.share
    }
}

impl<K: Kernel> server::Porter for Porter<'_, K> {
    fn sender(&mut self, mail: &Mail<'_>) -> Door {
        if self.user.is_some_and(|user| !user.terms().sender_domains.allow(mail.path)) {
            return Door::Refused(Refusal::SenderNotAllowed);
        }
        if self.shard.draining() {
            return Door::Draining;
        }
        self.share =
            self.shard.intake.take(window::text_capacity(None)).filter(|_| self.shard.accepting());
        if self.share.is_some() { Door::Open } else { Door::Full }
    }

    fn recipient(&mut self, _: &Rcpt<'_>) -> Door {
        // Who hears 452 sends the rest in another transaction.
        if self.full { Door::Refused(Refusal::TooManyRecipients) } else { Door::Open }
    }
}
