//! Who may bring a message now.

use super::{source, window};
use crate::message::Share;
use crate::shard::Shard;
use event::Shut;
use kernel::Kernel;
use policy::login::Pass;
use policy::source::Source;
use smtp::server::{self, Door, Mail, Rcpt, Refusal};

/// Asked at MAIL and RCPT.
pub(super) struct Porter<'v, K: Kernel> {
    shard: &'v Shard<K>,
    source: &'v Source,
    /// Who has logged in.
    user: Option<&'v Pass>,
    share: Option<Share>,
    /// The envelope has no room for a recipient, whatever is asked about it.
    full: bool,
}

impl<'v, K: Kernel> Porter<'v, K> {
    pub(super) const fn new(
        shard: &'v Shard<K>,
        source: &'v Source,
        user: Option<&'v Pass>,
        full: bool,
    ) -> Self {
        Self { shard, source, user, share: None, full }
    }

    /// The memory of the transaction that was let in.
    pub(super) fn share(self) -> Option<Share> {
        self.share
    }
}

impl<K: Kernel> server::Porter for Porter<'_, K> {
    fn takes_scram(&self) -> bool {
        self.shard.access.as_ref().is_some_and(|access| access.takes_scram())
    }

    fn sender(&mut self, mail: &Mail<'_>) -> Door {
        if self.shard.draining() {
            return Door::Shut(Shut::Draining);
        }
        if let (Some(access), Some(user)) = (&self.shard.access, self.user)
            && access.renew(user).is_none()
        {
            return Door::Refused(Refusal::UserChanged);
        }
        if let Some(shut) = self.shard.shut() {
            return Door::Shut(shut);
        }
        let Some(share) = self.shard.intake_share(window::text_capacity(None)) else {
            return Door::Refused(Refusal::IntakeFull);
        };
        if !self.source.is_free()
            && let Err(excess) = self.source.begin(mail.path, mail.size, self.shard.kernel.now())
        {
            return Door::Refused(source::refusal(excess));
        }
        self.share = Some(share);
        Door::Open
    }

    fn recipient(&mut self, _: &Rcpt<'_>) -> Door {
        // Who hears 452 sends the rest in another transaction.
        if self.full {
            return Door::Refused(Refusal::EnvelopeFull);
        }
        if self.source.is_free() {
            return Door::Open;
        }
        match self.source.address(self.shard.kernel.now()) {
            Ok(()) => Door::Open,
            Err(excess) => Door::Refused(source::refusal(excess)),
        }
    }
}
