//! What a connection teaches about its host, and what earlier ones have taught.

use crate::shard::Shard;
use event::Tick;
use kernel::Kernel;
use policy::Limits;
use policy::hosts::{Habits, PROMPT, TRUSTED_AFTER};
use std::net::SocketAddr;

/// What one connection knows of its host.
pub(super) struct Acquaintance {
    peer: SocketAddr,
    /// How many messages the settings let be on their way at once: at first, and at most.
    bounds: (u16, u16),
    /// How many messages may be on their way at once.
    pub(super) depth: u16,
    /// After how many messages the connection is left.
    pub(super) messages_max: u32,
    /// Messages that were answered, and when the last of them was.
    carried: u32,
    answered: Tick,
    /// How many of them the shard remembers.
    noted: u32,
    /// It ends since there is to be less of more than this connection.
    pub(super) is_slowed: bool,
}

/// How a connection ended.
pub(super) struct Parting {
    /// It was the host that left, and between two messages.
    pub(super) is_early: bool,
    /// Messages that were out and not answered.
    pub(super) in_doubt: usize,
}

impl Acquaintance {
    /// What there is to know when a connection begins.
    pub(super) fn with<K: Kernel>(shard: &Shard<K>, peer: SocketAddr, limits: &Limits) -> Self {
        let (first, most) = (limits.in_flight_first, limits.in_flight_max);
        let hosts = shard.hosts.borrow();
        let habits = hosts.find(peer).map_or_else(Habits::default, |memory| memory.habits);
        let learnt = habits.messages_max(shard.kernel.now()).unwrap_or(u32::MAX);
        Self {
            peer,
            bounds: (first, most),
            depth: habits.depth(first, most),
            messages_max: limits.messages_per_connection_max.min(learnt),
            carried: 0,
            answered: Tick::ZERO,
            noted: 0,
            is_slowed: false,
        }
    }

    /// A message was answered. Now and then that changes how many may be on their way.
    pub(super) fn answered<K: Kernel>(&mut self, shard: &Shard<K>, now: Tick) {
        self.carried += 1;
        self.answered = now;
        if self.carried - self.noted == TRUSTED_AFTER {
            self.note(shard, now, |_| ());
        }
    }

    /// Messages that were answered.
    pub(super) const fn carried(&self) -> u32 {
        self.carried
    }

    /// Remembers how it ended.
    pub(super) fn end<K: Kernel>(mut self, shard: &Shard<K>, parting: &Parting) {
        let now = shard.kernel.now();
        let (after, is_prompt) = (self.carried, now.since(self.answered) <= PROMPT);
        self.note(shard, now, |habits| {
            if parting.in_doubt > 1 {
                habits.broke();
            }
            if parting.is_early && is_prompt && after > 0 {
                habits.ended(after, now);
            }
        });
    }

    /// Remembers what it has borne since the last time, and what else there is.
    fn note<K: Kernel>(&mut self, shard: &Shard<K>, now: Tick, more: impl FnOnce(&mut Habits)) {
        let borne = self.carried - std::mem::replace(&mut self.noted, self.carried);
        let (first, most) = self.bounds;
        self.depth = shard.hosts.borrow_mut().change(self.peer, now, |memory| {
            memory.habits.bore(borne);
            more(&mut memory.habits);
            memory.habits.depth(first, most)
        });
    }
}
