//! A place among the connections a site may have. However a lane ends, its place is given
//! back, and whoever waits behind it is served.

use crate::shard::Shard;
use event::SiteMeters;
use kernel::Kernel;
use queue::SiteIndex;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// One connection, as the queue counts it: opening until it has proved itself.
pub(super) struct Slot<K: Kernel> {
    pub(super) shard: Rc<Shard<K>>,
    pub(super) index: SiteIndex,
    meters: Arc<SiteMeters>,
    open: Cell<bool>,
}

impl<K: Kernel> Slot<K> {
    /// Takes the place that [`queue::Queue::dial`] gave out.
    pub(super) fn take(shard: Rc<Shard<K>>, index: SiteIndex) -> Rc<Self> {
        let meters = Arc::clone(&shard.sites.borrow().find(index).meters);
        meters.lanes.add(1);
        shard.meters().lanes.add(1);
        shard.lanes.set(shard.lanes.get() + 1);
        Rc::new(Self { shard, index, meters, open: Cell::new(false) })
    }

    /// The connection carried a transaction, or would have: it was worth dialling.
    pub(super) fn works(&self) {
        if !self.open.replace(true) {
            self.shard.queue.borrow_mut().connected(self.index);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.get()
    }
}

impl<K: Kernel> Drop for Slot<K> {
    fn drop(&mut self) {
        let shard = &self.shard;
        self.meters.lanes.sub(1);
        shard.meters().lanes.sub(1);
        shard.lanes.set(shard.lanes.get() - 1);
        if self.open.get() {
            shard.queue.borrow_mut().closed(self.index);
        } else {
            let (now, random) = (shard.kernel.now(), shard.kernel.random());
            shard.queue.borrow_mut().dial_failed(self.index, now, random);
        }
        shard.serve(self.index);
    }
}
