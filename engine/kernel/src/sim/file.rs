//! Files: every operation takes its time, and is counted and failed by the plan.

use super::bytes::SECTOR_LEN;
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

    fn launch(&self, bytes: Buffer, offset: u64, written: usize) -> u64 {
        let mut core = self.sim.core();
        let disk = &mut core.hosts[self.sim.owner.host].disk;
        disk.flown += 1;
        let flight = disk.flown;
        let appends = self.how == Open::Append;
        let file = Rc::clone(&self.file);
        disk.flights.insert(flight, Flight { file, offset, bytes, written, appends });
        flight
    }

    async fn read_once(&self, mut buffer: Buffer, offset: u64) -> (io::Result<usize>, Buffer) {
        let file = Rc::clone(&self.file);
        let read = move |core: &mut Core, fault: Option<Fault>| {
            let short_ppm = match fault {
                Some(Fault::Error(error)) => return (Err(os(error)), buffer),
                Some(Fault::Short(_)) => 1_000_000,
                _ => core.physics.short_ppm,
            };
            let file = file.borrow();
            let start = (offset as usize).min(file.live().len());
            let available = buffer.spare().min(file.live().len() - start);
            let count = core.dice.part(available, short_ppm);
            file.live().read(&(start..start + count), &mut buffer);
            (Ok(count), buffer)
        };
        self.sim.work(Operation::FileRead, |physics| &physics.disk_read, read).await
    }

    /// Writes what is behind the first `written` bytes, or some of it.
    async fn write_once(
        &self,
        buffer: Buffer,
        offset: u64,
        written: usize,
    ) -> (io::Result<usize>, Buffer) {
        let (host, journal) = (self.sim.owner.host, self.is_direct());
        let flight = self.launch(buffer, offset, written);
        let land = move |core: &mut Core, fault: Option<Fault>| {
            let flight =
                core.hosts[host].disk.flights.remove(&flight).expect("a flight lands once");
            (land(core, host, &flight, journal, fault), flight.bytes)
        };
        self.sim.work(Operation::FileWrite, |physics| &physics.disk_write, land).await
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
        loop {
            let (result, returned) = self.read_once(buffer, offset).await;
            buffer = returned;
            match result {
                Err(error) if passes(&error) => (),
                result => return (result, buffer),
            }
        }
    }

    async fn write_at(&self, mut buffer: Buffer, offset: u64) -> (io::Result<()>, Buffer) {
        let aligned =
            [offset as usize, buffer.len()].iter().all(|at| at.is_multiple_of(DIRECT_LEN));
        if self.how == Open::Read || (self.is_direct() && !aligned) {
            let error = if self.is_direct() { libc::EINVAL } else { libc::EBADF };
            return (Err(os(error)), buffer);
        }
        self.sim.living().await;
        self.require_unfailed();
        let mut written = 0;
        loop {
            let (result, returned) = self.write_once(buffer, offset, written).await;
            buffer = returned;
            match result {
                Ok(more) => written += more,
                Err(error) if passes(&error) => (),
                Err(error) => {
                    self.failed.set(true);
                    return (Err(error), buffer);
                }
            }
            if written == buffer.len() {
                return (Ok(()), buffer);
            }
        }
    }

    async fn sync(&self) -> io::Result<()> {
        self.require_unfailed();
        let file = Rc::clone(&self.file);
        let sync = move |core: &mut Core, fault: Option<Fault>| {
            if let Some(Fault::Error(error)) = fault {
                file.borrow_mut().sync_failed(&mut core.dice);
                return Err(os(error));
            }
            file.borrow_mut().sync();
            Ok(())
        };
        let result = self.sim.work(Operation::FileSync, |physics| &physics.disk_sync, sync).await;
        self.failed.set(self.failed.get() || result.is_err());
        result
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.borrow().live().len() as u64)
    }
}

/// Whether the real kernel crate tries a read or a write again by itself after this error.
fn passes(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN))
}

/// A write completes, gets a part done, or fails half done. Says how much was written.
fn land(
    core: &mut Core,
    host: usize,
    flight: &Flight,
    journal: bool,
    fault: Option<Fault>,
) -> io::Result<usize> {
    let rest = flight.rest();
    let start = flight.start(&flight.file.borrow()) as usize;
    let (taken, error) = match fault {
        // Whoever is to try again has written nothing.
        Some(Fault::Error(error)) if passes(&os(error)) => return Err(os(error)),
        Some(Fault::Error(error)) => {
            let mut file = flight.file.borrow_mut();
            file.write_torn(start as u64, rest, &mut core.dice);
            if journal {
                file.harden(&(start..start + rest.len()));
            }
            return Err(os(error));
        }
        Some(Fault::Short(error)) => (part(core, rest.len(), journal), error),
        _ => (rest.len(), None),
    };
    let room = room_at(start, core, host, flight);
    let error = if room < taken { Some(libc::ENOSPC) } else { error };
    let taken = room.min(taken);
    let mut file = flight.file.borrow_mut();
    file.write(start as u64, &rest[..taken]);
    if journal {
        file.harden(&(start..start + taken));
    }
    error.map_or(Ok(taken), |error| Err(os(error)))
}

/// How much of a write is done when it is short: not nothing, and, of more than one unit, not
/// all. Past the page cache that is sectors.
fn part(core: &mut Core, len: usize, journal: bool) -> usize {
    let unit = if journal { SECTOR_LEN } else { 1 };
    let units = len / unit;
    if units < 2 { len } else { (1 + core.dice.index(units - 1)) * unit }
}

/// What a full disk would take of a write at `start`.
fn room_at(start: usize, core: &Core, host: usize, flight: &Flight) -> usize {
    let allocated = flight.file.borrow().live().len().next_multiple_of(DIRECT_LEN);
    allocated.saturating_add(core.hosts[host].disk.free() as usize).saturating_sub(start)
}

impl Sim {
    /// Has the machine do `effect`, after the time it takes and with what is to go wrong.
    /// Once asked for it happens, even if the caller no longer waits.
    pub(super) async fn work<T: 'static>(
        &self,
        operation: Operation,
        takes: impl Fn(&Physics) -> &Range<Duration>,
        effect: impl FnOnce(&mut Core, Option<Fault>) -> T + 'static,
    ) -> T {
        let slot = Slot::new();
        self.start_work(operation, takes, effect, slot.clone());
        slot.taken().await
    }

    fn start_work<T: 'static>(
        &self,
        operation: Operation,
        takes: impl Fn(&Physics) -> &Range<Duration>,
        effect: impl FnOnce(&mut Core, Option<Fault>) -> T + 'static,
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
            let value = effect(core, fault);
            let failed = matches!(fault, Some(Fault::Error(_) | Fault::Short(_)));
            core.trace.note(core.now, 100 + operation as u64, u64::from(failed));
            if let Some(Fault::CrashAfter(crash)) = fault {
                core.doomed.push((owner, crash));
            }
            slot.fill(value);
        });
    }
}
