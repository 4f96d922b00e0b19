//! A place among the connections a site may have. However a lane ends, its place is given
//! back, and whoever waits behind it is served.

use super::departure::Departure;
use crate::shard::Shard;
use event::SiteMeters;
use kernel::Kernel;
use policy::hosts::Health;
use queue::SiteIndex;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// One connection, as the queue counts it: opening until it has proved itself.
pub(super) struct Slot<K: Kernel> {
    pub(super) shard: Rc<Shard<K>>,
    pub(super) index: SiteIndex,
    meters: Arc<SiteMeters>,
    /// The host that was dialled last.
    host: Cell<Option<SocketAddr>>,
    /// From which address of ours, if that was not left to the system.
    from: Cell<Option<IpAddr>>,
    /// It has not answered yet.
    waits: Cell<bool>,
    /// A host was ready, or kept us waiting for long: more may be dialled beside this one.
    answered: Cell<bool>,
    open: Cell<bool>,
    /// It has connected, which was its turn.
    connected: Cell<bool>,
}

/// Connections that are of use, by host.
#[derive(Debug, Default)]
pub(crate) struct InUse(BTreeMap<SocketAddr, u16>);

impl InUse {
    /// How many there are to a host.
    pub(super) fn at(&self, host: SocketAddr) -> u16 {
        self.0.get(&host).copied().unwrap_or(0)
    }

    fn enter(&mut self, host: SocketAddr) {
        *self.0.entry(host).or_default() += 1;
    }

    fn leave(&mut self, host: SocketAddr) {
        if let Some(count) = self.0.get_mut(&host) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&host);
            }
        }
    }
}

impl<K: Kernel> Slot<K> {
    /// Takes the place that [`queue::Queue::dial`] gave out.
    pub(super) fn take(shard: Rc<Shard<K>>, index: SiteIndex) -> Rc<Self> {
        let meters = Arc::clone(&shard.sites.borrow().find(index).meters);
        meters.lanes.add(1);
        shard.meters().lanes.add(1);
        shard.lanes.set(shard.lanes.get() + 1);
        let slot = Rc::new(Self {
            shard,
            index,
            meters,
            host: Cell::default(),
            from: Cell::default(),
            waits: Cell::default(),
            answered: Cell::default(),
            open: Cell::default(),
            connected: Cell::default(),
        });
        slot.shard.kernel.spawn(wait(Rc::downgrade(&slot), slot.shard.kernel.clone()));
        slot
    }

    /// Whether it may connect now: the first time, since it is its turn; and again, to another host or
    /// in the clear, if the rates of the site and of the source leave that.
    pub(super) fn may_connect(&self, departure: &Departure) -> bool {
        let (shard, now) = (&self.shard, self.shard.kernel.now());
        let is_turn = !self.connected.replace(true);
        departure.may_connect(now)
            && (is_turn || shard.queue.borrow_mut().connects_again(self.index, now))
    }

    /// This host is dialled now, from this address if it is not left to the system.
    pub(super) fn dials(&self, host: SocketAddr, from: Option<IpAddr>) {
        self.host.set(Some(host));
        self.from.set(from);
        self.waits.set(true);
        let now = self.shard.kernel.now();
        self.remember(host, |health| health.dialled(now));
    }

    /// Nothing more is waited for from the host: it is ready for mail, or the dial has ended.
    pub(super) fn heard(&self) {
        if let Some(host) = self.host.get().filter(|_| self.waits.replace(false)) {
            let now = self.shard.kernel.now();
            self.remember(host, |health| health.answered(now));
        }
    }

    /// The host is ready for mail.
    pub(super) fn answered(&self) {
        self.heard();
        self.make_way();
    }

    /// Others of the site may be dialled beside this one.
    fn make_way(&self) {
        if !self.answered.replace(true) {
            self.shard.queue.borrow_mut().answered(self.index);
            self.shard.dial();
        }
    }

    /// The connection carried a transaction, or would have: it was worth dialling.
    pub(super) fn works(&self) {
        if self.open.replace(true) {
            return;
        }
        self.answered();
        self.shard.queue.borrow_mut().connected(self.index);
        if let Some(host) = self.host.get() {
            self.remember(host, Health::worked);
            self.shard.in_use.borrow_mut().enter(host);
        }
    }

    /// The host could not be reached.
    pub(super) fn missed(&self, host: SocketAddr) {
        let (now, random) = (self.shard.kernel.now(), self.shard.kernel.random());
        self.remember_for_all(host, |health| health.failed(now, random));
    }

    /// The host was reached and would have nothing of us. Where it is known which address of ours
    /// it saw, that may be the reason.
    pub(super) fn turned_away(&self, host: SocketAddr) {
        let (now, random) = (self.shard.kernel.now(), self.shard.kernel.random());
        let fail = |health: &mut Health| health.failed(now, random);
        match self.from.get() {
            Some(from) => self.remember_of(from, host, fail),
            None => self.remember_for_all(host, fail),
        }
    }

    /// Changes what is remembered of a host's health, for all and for the address it saw.
    fn remember(&self, host: SocketAddr, change: impl Fn(&mut Health)) {
        self.remember_for_all(host, &change);
        if let Some(from) = self.from.get() {
            self.remember_of(from, host, change);
        }
    }

    fn remember_for_all(&self, host: SocketAddr, change: impl FnOnce(&mut Health)) {
        let now = self.shard.kernel.now();
        let mut hosts = self.shard.hosts.borrow_mut();
        hosts.change(host, now, |memory| change(&mut memory.health));
    }

    fn remember_of(&self, from: IpAddr, host: SocketAddr, change: impl FnOnce(&mut Health)) {
        let now = self.shard.kernel.now();
        self.shard.refusals.borrow_mut().change((host, from), now, change);
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.get()
    }
}

/// Makes way for other dials if this one goes on for long: its host may be a trap, and another
/// one of the site alive.
async fn wait<K: Kernel>(slot: Weak<Slot<K>>, kernel: K) {
    kernel.sleep_until(kernel.now() + Health::SILENCE).await;
    if let Some(slot) = slot.upgrade() {
        slot.make_way();
    }
}

impl<K: Kernel> Drop for Slot<K> {
    fn drop(&mut self) {
        self.heard();
        let shard = &self.shard;
        self.meters.lanes.sub(1);
        shard.meters().lanes.sub(1);
        shard.lanes.set(shard.lanes.get() - 1);
        if self.open.get() {
            if let Some(host) = self.host.get() {
                shard.in_use.borrow_mut().leave(host);
            }
            shard.queue.borrow_mut().closed(self.index);
        } else {
            self.make_way();
            let (now, random) = (shard.kernel.now(), shard.kernel.random());
            shard.queue.borrow_mut().dial_failed(self.index, now, random);
            shard.missed(self.index);
        }
        shard.serve(self.index);
    }
}
