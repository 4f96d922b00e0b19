//! Tasks, and the list of those that may run.
//!
//! Wakers work from any thread; the tasks stay on theirs.

use super::core::Owner;
use super::dice::Dice;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Which task. Zero is the one that `World::block_on` runs.
pub(super) type TaskKey = u64;
/// The future given to `World::block_on`.
pub(super) const MAIN: TaskKey = 0;

/// A task of some shard.
pub(super) struct Task {
    pub(super) owner: Owner,
    pub(super) shard: usize,
    pub(super) future: Pin<Box<dyn Future<Output = ()>>>,
    pub(super) bell: Arc<Bell>,
    pub(super) waker: Waker,
}

/// Tasks that may run, in the order they were woken in.
pub(super) type Ready = Arc<Mutex<Vec<TaskKey>>>;

/// What a waker rings: its task is put among the ready ones, once.
pub(super) struct Bell {
    key: TaskKey,
    ready: Ready,
    is_rung: AtomicBool,
}

impl Bell {
    pub(super) fn new(key: TaskKey, ready: &Ready) -> Arc<Self> {
        Arc::new(Self { key, ready: Arc::clone(ready), is_rung: AtomicBool::new(false) })
    }

    /// The task is about to run: a ring from now on counts again.
    pub(super) fn rest(&self) {
        self.is_rung.store(false, Ordering::SeqCst);
    }

    pub(super) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            lock(&self.ready).push(self.key);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// All tasks of a world.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) living: BTreeMap<TaskKey, Task>,
    pub(super) ready: Ready,
    made: TaskKey,
}

impl Tasks {
    pub(super) fn spawn(
        &mut self,
        owner: Owner,
        shard: usize,
        future: Pin<Box<dyn Future<Output = ()>>>,
    ) {
        self.made += 1;
        let bell = Bell::new(self.made, &self.ready);
        bell.ring();
        let waker = Waker::from(Arc::clone(&bell));
        self.living.insert(self.made, Task { owner, shard, future, bell, waker });
    }

    /// The next task to run: the first, or any one if `dice` are given.
    pub(super) fn next(&self, dice: Option<&mut Dice>) -> Option<TaskKey> {
        let mut ready = lock(&self.ready);
        if ready.is_empty() {
            return None;
        }
        let index = dice.map_or(0, |dice| dice.index(ready.len()));
        Some(ready.remove(index))
    }

    pub(super) fn is_idle(&self) -> bool {
        lock(&self.ready).is_empty()
    }

    /// Takes the tasks of `host` out, to be dropped where no one looks at the world.
    pub(super) fn take_of(&mut self, host: usize) -> Vec<Task> {
        let keys: Vec<TaskKey> = self
            .living
            .iter()
            .filter(|(_, task)| task.owner.host == host)
            .map(|(key, _)| *key)
            .collect();
        keys.iter().filter_map(|key| self.living.remove(key)).collect()
    }
}

fn lock(ready: &Ready) -> MutexGuard<'_, Vec<TaskKey>> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}
