//! Files: every operation takes its time, and is counted and failed by the plan.

use super::core::{Core, Slot, span};
use super::disk::{Flight, os};
use super::fault::{Fault, Operation, Physics};
use super::inode::Shared;
use super::machine::Sim;
use crate::{Buffer, File, Open};
use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

/// What lengths and offsets of a journal file's operations are multiples of.
const DIRECT_LEN: usize = crate::buffer::ALIGNMENT;

/// An open file on a simulated disk.
#[derive(Debug)]
pub struct SimFile {
    sim: Sim,
    file: Shared,
    how: Open,
    /// A write or a sync failed: what is on the disk is unknown for good.
    failed: Rc<Cell<bool>>,
}

impl SimFile {
    pub(super) fn new(sim: Sim, file: Shared, how: Open) -> Self {
        Self { sim, file, how, failed: Rc::new(Cell::new(false)) }
    }

    fn is_direct(&self) -> bool {
        self.how == Open::Journal
    }

    fn require_unfailed(&self) {
        if self.is_direct() && self.failed.get() {
            self.sim
                .core()
                .violation("a journal file was used after a write or a sync of it failed");
        }
    }

    fn launch(&self, buffer: Buffer, offset: u64) -> u64 {
        let mut core = self.sim.core();
        let disk = &mut core.hosts[self.sim.owner.host].disk;
        disk.flown += 1;
        let flight = disk.flown;
        disk.flights.insert(
            flight,
            Flight {
                file: Rc::clone(&self.file),
                offset,
                bytes: buffer,
                appends: self.how == Open::Append,
            },
        );
        flight
    }
}

impl File for SimFile {
    async fn read_at(&self, mut buffer: Buffer, offset: u64) -> (io::Result<usize>, Buffer) {
        let aligned = [offset as usize, buffer.len(), buffer.spare()]
            .iter()
            .all(|at| at.is_multiple_of(DIRECT_LEN));
        if self.is_direct() && !aligned {
            return (Err(os(libc::EINVAL)), buffer);
        }
        let file = Rc::clone(&self.file);
        let read = move |core: &mut Core, error: Option<i32>| {
            if let Some(error) = error {
                return (Err(os(error)), buffer);
            }
            let file = file.borrow();
            let start = (offset as usize).min(file.live().len());
            let available = buffer.spare().min(file.live().len() - start);
            let count = core.dice.part(available, core.physics.short_ppm);
            file.live().read(&(start..start + count), &mut buffer);
            (Ok(count), buffer)
        };
        self.sim.work(Operation::FileRead, |physics| &physics.disk_read, read).await
    }

    async fn write_at(&self, buffer: Buffer, offset: u64) -> (io::Result<()>, Buffer) {
        let aligned =
            [offset as usize, buffer.len()].iter().all(|at| at.is_multiple_of(DIRECT_LEN));
        if self.how == Open::Read || (self.is_direct() && !aligned) {
            let error = if self.is_direct() { libc::EINVAL } else { libc::EBADF };
            return (Err(os(error)), buffer);
        }
        self.sim.living().await;
        self.require_unfailed();
        let (host, journal) = (self.sim.owner.host, self.is_direct());
        let flight = self.launch(buffer, offset);
        let land = move |core: &mut Core, error: Option<i32>| {
            let flight =
                core.hosts[host].disk.flights.remove(&flight).expect("a flight lands once");
            (land(core, host, &flight, journal, error), flight.bytes)
        };
        let (result, buffer) =
            self.sim.work(Operation::FileWrite, |physics| &physics.disk_write, land).await;
        self.failed.set(self.failed.get() || result.is_err());
        (result, buffer)
    }

    async fn sync(&self) -> io::Result<()> {
        self.require_unfailed();
        let file = Rc::clone(&self.file);
        let sync = move |core: &mut Core, error: Option<i32>| match error {
            None => {
                file.borrow_mut().sync();
                Ok(())
            }
            Some(error) => {
                file.borrow_mut().sync_failed(&mut core.dice);
                Err(os(error))
            }
        };
        let result = self.sim.work(Operation::FileSync, |physics| &physics.disk_sync, sync).await;
        self.failed.set(self.failed.get() || result.is_err());
        result
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.borrow().live().len() as u64)
    }
}

/// A write completes, or fails half done. A full disk takes what it has room for.
fn land(
    core: &mut Core,
    host: usize,
    flight: &Flight,
    journal: bool,
    error: Option<i32>,
) -> io::Result<()> {
    let mut file = flight.file.borrow_mut();
    let start = flight.start(&file) as usize;
    if let Some(error) = error {
        file.write_torn(start as u64, &flight.bytes, &mut core.dice);
        if journal {
            file.harden(&(start..start + flight.bytes.len()));
        }
        return Err(os(error));
    }
    let allocated = file.live().len().next_multiple_of(DIRECT_LEN);
    drop(file);
    let room =
        allocated.saturating_add(core.hosts[host].disk.free() as usize).saturating_sub(start);
    let taken = room.min(flight.bytes.len());
    let mut file = flight.file.borrow_mut();
    file.write(start as u64, &flight.bytes[..taken]);
    if journal {
        file.harden(&(start..start + taken));
    }
    if taken == flight.bytes.len() { Ok(()) } else { Err(os(libc::ENOSPC)) }
}

impl Sim {
    /// Has the machine do `effect`, after the time it takes and with what is to go wrong.
    /// Once asked for it happens, even if the caller no longer waits.
    pub(super) async fn work<T: 'static>(
        &self,
        operation: Operation,
        takes: impl Fn(&Physics) -> &Range<Duration>,
        effect: impl FnOnce(&mut Core, Option<i32>) -> T + 'static,
    ) -> T {
        let slot = Slot::new();
        self.start_work(operation, takes, effect, slot.clone());
        slot.taken().await
    }

    fn start_work<T: 'static>(
        &self,
        operation: Operation,
        takes: impl Fn(&Physics) -> &Range<Duration>,
        effect: impl FnOnce(&mut Core, Option<i32>) -> T + 'static,
        slot: Slot<T>,
    ) {
        let owner = self.owner;
        let core = &mut *self.core();
        if !core.is_alive(owner) {
            return;
        }
        let fault = core.begin(owner, operation);
        let mut delay = span(core, takes);
        match fault {
            Some(Fault::Slow(more)) => delay += more,
            Some(Fault::CrashDuring(crash)) => core.doomed.push((owner, crash)),
            _ => (),
        }
        core.at(core.now + delay, move |core| {
            if !core.is_alive(owner) {
                return;
            }
            let error = if let Some(Fault::Error(error)) = fault { Some(error) } else { None };
            let value = effect(core, error);
            core.trace.note(core.now, 100 + operation as u64, u64::from(error.is_some()));
            if let Some(Fault::CrashAfter(crash)) = fault {
                core.doomed.push((owner, crash));
            }
            slot.fill(value);
        });
    }
}
