//! Leave to send, of the address that the connection comes from.

use super::Lane;
use event::Tick;
use kernel::Kernel;

impl<K: Kernel> Lane<K> {
    /// Until when nothing may go by this connection, by what its source has had.
    pub(super) fn source_spent(&self) -> Option<Tick> {
        self.shard.source_spent(self.index, self.departure.place())
    }

    /// Its source may send nothing before `until`: it looks again then, and is not rung for mail before,
    /// which others are to have.
    pub(super) fn wait_for_leave(&mut self, until: Tick) {
        let place = self.departure.place();
        self.shard.sites.borrow_mut().offer_later(self.index, place, &self.work);
        if self.leave_at.replace(until) != Some(until) {
            self.shard.ring_at(&self.work, until);
        }
        self.shard.serve(self.index);
    }
}
