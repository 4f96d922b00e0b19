//! The state of a world, without its tasks.
//!
//! No task, stream or file handle is ever dropped while it is borrowed: their destructors
//! come back here.

use super::clock::{Event, EventKey, Events};
use super::dice::Dice;
use super::disk::Disk;
use super::fault::{Crash, Fault, Operation, Physics, Rule, When};
use super::network::Network;
use event::Tick;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Which life of which host: what a dead one asks for never happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) host: usize,
    pub(super) life: u64,
}

pub(super) struct Core {
    pub(super) seed: u64,
    pub(super) now: Tick,
    pub(super) dice: Dice,
    pub(super) physics: Physics,
    pub(super) hosts: Vec<Machine>,
    pub(super) network: Network,
    pub(super) events: Events,
    pub(super) trace: Trace,
    /// Crashes that wait until the task that ran into them has returned.
    pub(super) doomed: Vec<(Owner, Crash)>,
    /// Rules of use that were broken.
    pub(super) violations: Vec<String>,
}

/// One host.
pub(super) struct Machine {
    pub(super) life: u64,
    pub(super) up: bool,
    pub(super) disk: Disk,
    pub(super) dice: Dice,
    pub(super) wall_offset_millis: i64,
    pub(super) panics: Vec<u64>,
    pub(super) counts: [u64; Operation::ALL.len()],
    /// What was asked of the disk, in order.
    pub(super) asked: Vec<Operation>,
    pub(super) rules: Vec<Rule>,
    /// When an operation last went wrong as planned.
    pub(super) struck: Option<Tick>,
}

impl Machine {
    pub(super) fn new(dice: Dice, disk: Disk) -> Self {
        Self {
            life: 1,
            up: true,
            disk,
            dice,
            wall_offset_millis: 0,
            panics: Vec::new(),
            counts: [0; Operation::ALL.len()],
            asked: Vec::new(),
            rules: Vec::new(),
            struck: None,
        }
    }
}

impl Core {
    pub(super) fn new(seed: u64, physics: Physics) -> Self {
        Self {
            seed,
            now: Tick(1_000_000_000),
            dice: Dice::new(seed),
            physics,
            hosts: Vec::new(),
            network: Network::default(),
            events: Events::default(),
            trace: Trace::default(),
            doomed: Vec::new(),
            violations: Vec::new(),
        }
    }

    pub(super) fn is_alive(&self, owner: Owner) -> bool {
        let machine = &self.hosts[owner.host];
        machine.up && machine.life == owner.life
    }

    pub(super) fn at(&mut self, when: Tick, run: impl FnOnce(&mut Self) + 'static) -> EventKey {
        self.events.insert(when, Event::Run(Box::new(run)))
    }

    /// Counts an operation and says what is to go wrong with it.
    pub(super) fn begin(&mut self, owner: Owner, operation: Operation) -> Option<Fault> {
        let Self { hosts, dice, trace, now, .. } = self;
        let machine = &mut hosts[owner.host];
        let count = &mut machine.counts[operation as usize];
        *count += 1;
        if operation.is_of_disk() {
            machine.asked.push(operation);
        }
        trace.note(*now, operation as u64, *count);
        let found = machine.rules.iter().position(|rule| {
            rule.operation == operation
                && match rule.when {
                    When::Nth(nth) => nth == *count,
                    When::Chance(ppm) => dice.chance(ppm),
                }
        })?;
        machine.struck = Some(*now);
        let fault = machine.rules[found].fault;
        if matches!(machine.rules[found].when, When::Nth(_)) {
            machine.rules.remove(found);
        }
        Some(fault)
    }

    pub(super) fn violation(&mut self, what: &str) {
        self.violations.push(what.to_owned());
    }
}

/// A running hash of all that happened.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) hash: u64,
    pub(super) is_told: bool,
}

impl Trace {
    pub(super) fn note(&mut self, now: Tick, what: u64, detail: u64) {
        for number in [now.0, what, detail] {
            self.hash = (self.hash ^ number).wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(29);
        }
        if self.is_told {
            eprintln!("{:>12} ns  {what:>3}  {detail}", now.0);
        }
    }
}

/// Where the result of something the machine does is left for the task that waits for it.
pub(super) struct Slot<T>(Rc<RefCell<(Option<T>, Option<Waker>)>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new((None, None))))
    }

    pub(super) fn fill(&self, value: T) {
        let mut slot = self.0.borrow_mut();
        slot.0 = Some(value);
        if let Some(waker) = slot.1.take() {
            waker.wake();
        }
    }

    pub(super) async fn taken(self) -> T {
        poll_fn(|context| {
            let mut slot = self.0.borrow_mut();
            if let Some(value) = slot.0.take() {
                return Poll::Ready(value);
            }
            slot.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Wakes all of `waiting`.
pub(super) fn wake(waiting: &mut Vec<Waker>) {
    waiting.drain(..).for_each(Waker::wake);
}

/// Puts `waker` among `waiting`, once.
pub(super) fn wait(waiting: &mut Vec<Waker>, waker: &Waker) {
    if !waiting.iter().any(|known| known.will_wake(waker)) {
        waiting.push(waker.clone());
    }
}

/// Time from `physics`, drawn from the world's dice.
pub(super) fn span(
    core: &mut Core,
    of: impl Fn(&Physics) -> &std::ops::Range<Duration>,
) -> Duration {
    let Core { dice, physics, .. } = core;
    dice.span(of(physics))
}
