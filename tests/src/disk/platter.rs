//! The bytes of a disk, the journal of what was done to them, and its faults.

use super::fault::{Failure, Kind, Orders, is_block};
use super::image::Image;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Something done to a disk.
#[derive(Clone, Debug)]
pub enum Operation {
    /// These bytes were written there. What is not flushed may be lost, as a whole or in part.
    Write(u64, Arc<[u8]>),
    /// All that was written before is durable.
    Flush,
    /// The disk lost what had been written there, and holds these bytes again, as before.
    Lost(u64, Arc<[u8]>),
    /// A write of these bytes failed, or a flush.
    Failed(Failure, Arc<[u8]>),
}

/// One disk, shared by whoever serves it and whoever watches it.
#[derive(Default)]
pub(super) struct Platter {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) image: Option<Image>,
    pub(super) journal: Vec<Operation>,
    pub(super) recording: bool,
    pub(super) orders: Orders,
    /// What lay where commit blocks were written since the last flush.
    before: Vec<(u64, Vec<u8>)>,
    /// Something else was written since.
    other: bool,
}

impl Platter {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how the disk behaves; what waits looks again.
    pub(super) fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.state().orders);
        self.changed.notify_all();
    }

    pub(super) fn read(&self, offset: u64, len: usize) -> Vec<u8> {
        let state = self.patiently();
        state.image.as_ref().map_or_else(Vec::new, |image| image.read(offset, len))
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.patiently();
        let failure = state.orders.strike(Kind::Write(bytes));
        if failure.is_none_or(|failure| failure.kept) {
            state.put(offset, bytes)?;
        }
        failure.map_or(Ok(()), |failure| state.fail(failure, bytes))
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        let mut state = self.patiently();
        let after_block = !state.before.is_empty() && !state.other;
        state.other = false;
        let before = std::mem::take(&mut state.before);
        if let Some(failure) = state.orders.strike(Kind::Flush(after_block)) {
            for (offset, bytes) in before.into_iter().rev().filter(|_| !failure.kept) {
                state.lose(offset, &bytes)?;
            }
            return state.fail(failure, &[]);
        }
        state.record(|| Operation::Flush);
        Ok(())
    }

    /// The state, once the disk has taken the time it was told to take.
    fn patiently(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        let delay = state.orders.delay;
        if !delay.is_zero() {
            let hurried = |state: &mut State| !state.orders.ended;
            let waited = self.changed.wait_timeout_while(state, delay, hurried);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let hung = |state: &mut State| state.orders.hung && !state.orders.ended;
        self.changed.wait_while(state, hung).unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let image = self.image.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if is_block(bytes) {
            self.before.push((offset, image.read(offset, bytes.len())));
        } else {
            self.other = true;
        }
        image.write(offset, bytes)?;
        self.record(|| Operation::Write(offset, bytes.into()));
        Ok(())
    }

    /// Puts back what lay there before.
    fn lose(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let image = self.image.as_mut().ok_or(io::ErrorKind::NotFound)?;
        image.write(offset, bytes)?;
        self.record(|| Operation::Lost(offset, bytes.into()));
        Ok(())
    }

    fn fail(&mut self, failure: Failure, bytes: &[u8]) -> io::Result<()> {
        self.record(|| Operation::Failed(failure, bytes.into()));
        Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()))
    }

    fn record(&mut self, operation: impl FnOnce() -> Operation) {
        if self.recording {
            self.journal.push(operation());
        }
    }
}
