//! What the producers of one shift share, and what they note.

use crate::spool::write::nanos;
use kernel::Signal;
use shard::journal::{JournalError, State};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// One shift.
pub(super) struct Shift {
    left: Cell<u64>,
    running: Cell<u64>,
    over: Signal,
    fault: Cell<Option<JournalError>>,
    latencies: RefCell<Vec<u64>>,
    shape: RefCell<Vec<(u32, u64)>>,
    /// The log when the last message became durable.
    seen: Cell<State>,
    most: Cell<(usize, f64)>,
}

impl Shift {
    pub(super) fn new(producers: u64, messages: u64, state: State) -> Rc<Self> {
        Rc::new(Self {
            left: Cell::new(messages),
            running: Cell::new(producers),
            over: Signal::default(),
            fault: Cell::new(None),
            latencies: RefCell::new(Vec::with_capacity(messages as usize)),
            shape: RefCell::default(),
            seen: Cell::new(state),
            most: Cell::new((0, f64::MIN)),
        })
    }

    /// Whether there is another message to put in.
    pub(super) fn take(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    /// A producer goes home.
    pub(super) fn leave(&self) {
        self.running.set(self.running.get() - 1);
        self.over.ring();
    }

    /// The log refused: everybody goes home.
    pub(super) fn fail(&self, error: JournalError) {
        self.fault.set(Some(error));
        self.left.set(0);
    }

    /// Waits until the last has gone.
    pub(super) async fn over(&self) -> io::Result<()> {
        loop {
            let seen = self.over.rings();
            if self.running.get() == 0 {
                break;
            }
            self.over.after(seen).await;
        }
        self.fault.take().map_or(Ok(()), |error| Err(io::Error::other(error.to_string())))
    }

    /// A message is durable. All of one commit are told before the next has ended, so the
    /// log's count of commits says which one it was in.
    pub(super) fn took(&self, latency: Duration, state: State) {
        self.latencies.borrow_mut().push(nanos(latency));
        let seen = self.seen.replace(state);
        let mut shape = self.shape.borrow_mut();
        let (commits, bytes) = (state.commits - seen.commits, state.bytes - seen.bytes);
        // Those before the last held no message.
        shape.extend((0..commits).map(|_| (0, bytes / commits)));
        if let Some(commit) = shape.last_mut() {
            commit.0 += 1;
        }
    }

    /// The log has so many segments, so many too many.
    pub(super) fn uses(&self, segments: usize, excess: f64) {
        let most = self.most.get();
        self.most.set((most.0.max(segments), most.1.max(excess)));
    }

    pub(super) fn segments(&self) -> usize {
        self.most.get().0
    }

    pub(super) fn excess(&self) -> f64 {
        self.most.get().1
    }

    /// How long each message waited, sorted.
    pub(super) fn latencies(&self) -> Vec<u64> {
        let mut latencies = self.latencies.take();
        latencies.sort_unstable();
        latencies
    }

    pub(super) fn shape(&self) -> Vec<(u32, u64)> {
        self.shape.take()
    }
}
