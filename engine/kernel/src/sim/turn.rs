//! The passing of time: one task at a time, and when none is ready, the next event.

use super::executor::{Bell, MAIN, Task};
use super::world::{Host, World};
use event::Tick;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What one step did.
enum Turn {
    /// Something.
    Done,
    /// The future of [`World::block_on`] may run.
    Main,
    /// No task is ready and nothing is to happen.
    Idle,
}

impl World {
    /// Runs until `future` is done, and gives what it gives. Panics in it are not caught.
    ///
    /// # Panics
    /// If nothing is left to happen before that, or the world is stuck; names the seed.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let bell = Bell::new(MAIN, &self.inside.tasks.borrow().ready);
        let waker = Waker::from(Arc::clone(&bell));
        bell.ring();
        loop {
            match self.turn() {
                Turn::Done => (),
                Turn::Idle => {
                    panic!("seed {}: all wait, for ever, and so does the test", self.seed())
                }
                Turn::Main => {
                    bell.rest();
                    if let Poll::Ready(value) =
                        future.as_mut().poll(&mut Context::from_waker(&waker))
                    {
                        self.uphold();
                        return value;
                    }
                }
            }
        }
    }

    /// Does one thing: runs one task or lets one thing happen. False if nothing is left.
    pub fn step(&self) -> bool {
        !matches!(self.turn(), Turn::Idle)
    }

    /// Runs until nothing is left to happen, at most for `limit`. False if the limit was met.
    pub fn run_until_idle(&self, limit: Duration) -> bool {
        let end = self.now() + limit;
        while self.is_due(end) {
            self.step();
        }
        self.uphold();
        self.next().is_none()
    }

    /// Runs for `span`.
    pub fn run_for(&self, span: Duration) {
        let end = self.now() + span;
        while self.is_due(end) {
            self.step();
        }
        self.uphold();
        self.core().now = end;
    }

    /// Runs until `condition` holds, at most for `limit`. Says whether it holds.
    pub fn run_until(&self, limit: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now() + limit;
        while !condition(self) {
            if !self.is_due(end) {
                return false;
            }
            self.step();
        }
        self.uphold();
        true
    }

    fn is_due(&self, end: Tick) -> bool {
        self.next().is_some_and(|next| next <= end)
    }

    /// When the next thing happens.
    fn next(&self) -> Option<Tick> {
        let core = self.core();
        let is_idle = self.inside.tasks.borrow().is_idle() && core.doomed.is_empty();
        if is_idle { core.events.next() } else { Some(core.now) }
    }

    fn turn(&self) -> Turn {
        self.watch();
        let doomed = self.core().doomed.pop();
        if let Some((owner, crash)) = doomed {
            if self.core().is_alive(owner) {
                self.crash(Host(owner.host), crash);
            }
            return Turn::Done;
        }
        let next = {
            let core = &mut *self.core();
            let shuffles = core.physics.shuffle;
            self.inside.tasks.borrow().next(shuffles.then_some(&mut core.dice))
        };
        match next {
            Some(MAIN) => Turn::Main,
            Some(key) => {
                self.run(key);
                Turn::Done
            }
            None if self.core().happen() => Turn::Done,
            None => Turn::Idle,
        }
    }

    fn run(&self, key: u64) {
        let task = self.inside.tasks.borrow_mut().living.remove(&key);
        let Some(mut task) = task else { return };
        {
            let core = &mut *self.core();
            core.trace.note(core.now, 301, key);
        }
        task.bell.rest();
        let mut context = Context::from_waker(&task.waker);
        match catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut context))) {
            Ok(Poll::Pending) => {
                self.inside.tasks.borrow_mut().living.insert(key, task);
            }
            Ok(Poll::Ready(())) => drop(task),
            Err(_) => self.count_panic(task),
        }
    }

    fn count_panic(&self, task: Task) {
        {
            let core = &mut *self.core();
            eprintln!("seed {}: a task of host {} panicked", core.seed, task.owner.host);
            core.hosts[task.owner.host].panics[task.shard] += 1;
        }
        drop(task);
    }

    /// Ends the run if nothing gets on.
    fn watch(&self) {
        self.uphold();
        let (now, steps_max, within_max) = {
            let core = self.core();
            (core.now, core.physics.steps_max, core.physics.steps_per_moment_max)
        };
        let (steps, moment, within) = self.steps.get();
        let within = if moment == now { within + 1 } else { 0 };
        self.steps.set((steps + 1, now, within));
        if steps > steps_max {
            self.end(&format!("{steps} steps and no end: the world is stuck"));
        }
        if within > within_max {
            self.end(&format!("{within} steps and no time passed: something spins"));
        }
    }

    /// Ends the run if a rule of use was broken.
    fn uphold(&self) {
        let violation = self.core().violations.first().cloned();
        if let Some(violation) = violation {
            self.end(&violation);
        }
    }

    fn end(&self, why: &str) -> ! {
        panic!("seed {}, at {} ns: {why}", self.seed(), self.now().0)
    }
}
