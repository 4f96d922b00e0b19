//! What goes through all that waits: one job after the other, by one task.

use super::sweep::{self, Sweep};
use super::{flush, ordered};
use crate::shard::Shard;
use event::Event;
use kernel::Kernel;
use policy::survey::{Load, Order};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

/// With so many nothing more is obeyed, and whoever orders it hears that this shard does not answer.
const JOBS_MAX: usize = 1_000;

/// All that are to be done. The first is being done.
#[derive(Debug, Default)]
pub(super) struct Jobs(VecDeque<Job>);

/// One of them.
#[derive(Debug)]
struct Job {
    task: Task,
    /// The order it is for, if it is for one that does something.
    order: Option<Rc<Order>>,
}

/// What is done.
pub(super) enum Task {
    /// What waits for this site is tried.
    Flush(Arc<str>),
    /// What fits is counted, or something is done to it.
    Sweep(Box<Sweep>),
    /// It has begun.
    Begun,
}

impl Jobs {
    /// Whether there are as many as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= JOBS_MAX
    }
}

impl<K: Kernel> Shard<K> {
    /// Has something done, for an order if it does something.
    pub(super) fn begin(self: &Rc<Self>, task: Task, order: Option<&Order>) {
        let was_idle = {
            let jobs = &mut self.accounts.borrow_mut().orders.jobs.0;
            jobs.push_back(Job { task, order: order.cloned().map(Rc::new) });
            jobs.len() == 1
        };
        if was_idle {
            self.kernel.spawn(work(Rc::clone(self)));
        }
    }
}

/// Does one job after the other.
async fn work<K: Kernel>(shard: Rc<Shard<K>>) {
    let turn = Turn(shard);
    let shard = &turn.0;
    loop {
        let first = {
            let jobs = &mut shard.accounts.borrow_mut().orders.jobs.0;
            jobs.front_mut().map(|job| std::mem::replace(&mut job.task, Task::Begun))
        };
        match first {
            Some(Task::Flush(site)) => flush::flush(shard, &site).await,
            Some(Task::Sweep(sweep)) => sweep::sweep(shard, *sweep).await,
            Some(Task::Begun) | None => return,
        }
        shard.accounts.borrow_mut().orders.jobs.0.pop_front();
    }
}

/// Sees that the other jobs are done where one panics.
struct Turn<K: Kernel>(Rc<Shard<K>>);

impl<K: Kernel> Drop for Turn<K> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.kernel.spawn(go_on(Rc::clone(&self.0)));
        }
    }
}

/// The first job has panicked, and its order is told as failed. What it had taken out of the queue is open on
/// disk.
async fn go_on<K: Kernel>(shard: Rc<Shard<K>>) {
    let failed = shard.accounts.borrow_mut().orders.jobs.0.pop_front();
    if let Some(order) = failed.and_then(|job| job.order) {
        let of = shard.index as u16;
        shard.tell(&Event::OrderFailed(of, ordered(&order, Load::default())));
    }
    work(shard).await;
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flush(_) => "Flush",
            Self::Sweep(_) => "Sweep",
            Self::Begun => "Begun",
        })
    }
}
