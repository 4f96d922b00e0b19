//! Who may bring a message now.

use super::source::{self, Guest};
use super::transaction::Transaction;
use super::window;
use crate::message::Share;
use crate::shard::Shard;
use event::Shut;
use kernel::Kernel;
use policy::login::Pass;
use policy::source::{Excess, Source};
use smtp::server::{self, Door, Mail, Rcpt, Refusal};

/// Asked at MAIL and RCPT.
pub(super) struct Porter<'v, K: Kernel> {
    shard: &'v Shard<K>,
    guest: &'v Guest,
    /// Who has logged in.
    user: Option<&'v Pass>,
    share: Option<Share>,
    /// The one that has begun.
    transaction: Option<&'v mut Transaction>,
}

impl<'v, K: Kernel> Porter<'v, K> {
    pub(super) const fn new(
        shard: &'v Shard<K>,
        guest: &'v Guest,
        user: Option<&'v Pass>,
        transaction: Option<&'v mut Transaction>,
    ) -> Self {
        Self { shard, guest, user, transaction, share: None }
    }

    /// Asks all that count, as far as the first that refuses.
    fn ask(&self, ask: impl Fn(&Source) -> Result<(), Excess>) -> Result<(), Refusal> {
        let mut counting = self.guest.counting().filter(|source| !source.is_free());
        counting.try_for_each(|source| ask(source)).map_err(source::refusal)
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
        let now = self.shard.kernel.now();
        if let Err(refusal) = self.ask(|source| source.begin(mail.path, mail.size, now)) {
            return Door::Refused(refusal);
        }
        self.share = Some(share);
        Door::Open
    }

    fn recipient(&mut self, _: &Rcpt<'_>) -> Door {
        // Who hears 452 sends the rest in another transaction.
        if let Some(transaction) = &mut self.transaction {
            if transaction.is_full() {
                return Door::Refused(Refusal::EnvelopeFull);
            }
            if !transaction.grow(&self.shard.intake) {
                return Door::Refused(Refusal::IntakeFull);
            }
        }
        let now = self.shard.kernel.now();
        self.ask(|source| source.address(now)).map_or_else(Door::Refused, |()| Door::Open)
    }
}
