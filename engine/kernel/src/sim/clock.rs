//! What happens later: the only thing that moves time.

use super::core::Core;
use event::Tick;
use std::collections::BTreeMap;
use std::task::Waker;

/// Which event, so that it can be taken back.
pub(super) type EventKey = (Tick, u64);

/// What happens at a tick.
pub(super) enum Event {
    /// A task that sleeps is woken.
    Wake(Waker),
    /// The machine does something.
    Run(Box<dyn FnOnce(&mut Core)>),
}

/// Events in the order they happen in; those of one tick in the order they were made in.
#[derive(Default)]
pub(super) struct Events {
    queue: BTreeMap<EventKey, Event>,
    made: u64,
}

impl Events {
    pub(super) fn insert(&mut self, at: Tick, event: Event) -> EventKey {
        self.made += 1;
        self.queue.insert((at, self.made), event);
        (at, self.made)
    }

    /// The waker of a sleeper that moved to another task.
    pub(super) fn replace(&mut self, key: EventKey, event: Event) {
        self.queue.insert(key, event);
    }

    pub(super) fn remove(&mut self, key: EventKey) {
        self.queue.remove(&key);
    }

    pub(super) fn next(&self) -> Option<Tick> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn pop(&mut self) -> Option<(Tick, Event)> {
        self.queue.pop_first().map(|((at, _), event)| (at, event))
    }

    /// Takes everything, to be dropped where no one looks at the world.
    pub(super) fn drain(&mut self) -> BTreeMap<EventKey, Event> {
        std::mem::take(&mut self.queue)
    }
}
