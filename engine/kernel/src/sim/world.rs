//! The world itself: hosts, their ends and beginnings, and the passing of time.

use super::core::{Core, Machine, Owner};
use super::disk::Disk;
use super::executor::Tasks;
use super::fault::{Crash, Fault, Operation, Physics, Rule, When};
use super::machine::{Inside, Sim};
use super::network::Side;
use event::{Tick, Wall};
use std::cell::{Cell, RefCell, RefMut};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A host of a world. Its address is [`World::address`]; loopback addresses are shared by all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host(pub(super) usize);

/// Hosts, the network between them, and the time they share.
pub struct World {
    pub(super) inside: Rc<Inside>,
    /// Steps so far, the moment of the last, and how many that moment has had.
    pub(super) steps: Cell<(u64, Tick, u64)>,
}

impl World {
    /// A world with the usual physics.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Physics::default())
    }

    /// A world with `physics`.
    #[must_use]
    pub fn with(seed: u64, physics: Physics) -> Self {
        let core = RefCell::new(Core::new(seed, physics));
        let inside = Rc::new(Inside { core, tasks: RefCell::new(Tasks::default()) });
        Self { inside, steps: Cell::default() }
    }

    /// A new host with an empty disk.
    pub fn host(&self) -> Host {
        self.add(Disk::default())
    }

    /// A new host whose disk holds what of that of `host` is certain to survive a power loss.
    pub fn host_like(&self, host: Host) -> Host {
        let disk = self.core().hosts[host.0].disk.durable_copy();
        self.add(disk)
    }

    fn add(&self, disk: Disk) -> Host {
        let core = &mut *self.core();
        let dice = core.dice.fork();
        core.hosts.push(Machine::new(dice, disk));
        Host(core.hosts.len() - 1)
    }

    /// A new shard of `host`, which is up.
    ///
    /// # Panics
    /// If the host is down.
    pub fn shard(&self, host: Host) -> Sim {
        let core = &mut *self.core();
        let machine = &mut core.hosts[host.0];
        assert!(machine.up, "a shard runs on a host that is up");
        machine.panics.push(0);
        let owner = Owner { host: host.0, life: machine.life };
        Sim { inside: Rc::clone(&self.inside), owner, shard: machine.panics.len() - 1 }
    }

    /// The address of `host`.
    #[must_use]
    pub fn address(&self, host: Host) -> IpAddr {
        super::network::address(host.0)
    }

    /// Takes `host` down now: its tasks are dropped, its sockets and its disk suffer.
    pub fn crash(&self, host: Host, crash: Crash) {
        {
            let core = &mut *self.core();
            let machine = &mut core.hosts[host.0];
            if !machine.up {
                return;
            }
            machine.up = false;
            core.trace.note(core.now, 300, host.0 as u64);
            match crash {
                Crash::Power => core.hosts[host.0].disk.lose_power(&mut core.dice),
                Crash::Kill => core.hosts[host.0].disk.land_torn(&mut core.dice),
            }
            core.unplug(host.0, crash == Crash::Power);
        }
        let tasks = self.inside.tasks.borrow_mut().take_of(host.0);
        drop(tasks);
    }

    /// Brings `host` back, with what its disk holds; make new shards of it.
    pub fn restart(&self, host: Host) {
        let core = &mut *self.core();
        let machine = &mut core.hosts[host.0];
        machine.life += 1;
        machine.up = true;
        machine.panics.clear();
        core.plug_in(host.0);
    }

    /// Whether `host` is up.
    #[must_use]
    pub fn is_up(&self, host: Host) -> bool {
        self.core().hosts[host.0].up
    }
}

// What goes wrong.
impl World {
    /// Adds to the fault plan of `host`. The first entry that fits an operation hits it.
    pub fn plan(&self, host: Host, operation: Operation, when: When, fault: Fault) {
        let machine = &mut self.core().hosts[host.0];
        let when = match when {
            When::Nth(nth) => When::Nth(nth + machine.counts[operation as usize]),
            chance @ When::Chance(_) => chance,
        };
        machine.rules.push(Rule { operation, when, fault });
    }

    /// Empties the fault plan of `host`.
    pub fn unplan(&self, host: Host) {
        self.core().hosts[host.0].rules.clear();
    }

    /// How many operations of this kind `host` has asked for, in all its lives.
    #[must_use]
    pub fn count(&self, host: Host, operation: Operation) -> u64 {
        self.core().hosts[host.0].counts[operation as usize]
    }

    /// What `host` has asked of its disk, in order, in all its lives.
    #[must_use]
    pub fn asked_of_disk(&self, host: Host) -> Vec<Operation> {
        self.core().hosts[host.0].asked.clone()
    }

    /// When an operation of `host` last went wrong as planned.
    #[must_use]
    pub fn struck(&self, host: Host) -> Option<Tick> {
        self.core().hosts[host.0].struck
    }

    /// Resets the `nth` connection from now on to `to`, when `side` has sent `bytes` bytes.
    pub fn cut(&self, to: SocketAddr, nth: u64, side: Side, bytes: u64) {
        self.core().network.cut(to, nth, side, bytes);
    }

    /// How many connections were made to `to`.
    #[must_use]
    pub fn dialled(&self, to: SocketAddr) -> u64 {
        self.core().network.dialled(to)
    }

    /// The most bytes that `side` of any connection to `to` has sent: where cuts make sense.
    #[must_use]
    pub fn sent(&self, to: SocketAddr, side: Side) -> u64 {
        self.core().network.sent(to, side)
    }

    /// Who dialled whom, of the connections of which `host` holds an end.
    #[must_use]
    pub fn connections(&self, host: Host) -> Vec<(SocketAddr, SocketAddr)> {
        self.core().network.connections(host.0)
    }

    /// Changes how the world behaves from now on.
    pub fn physics(&self, change: impl FnOnce(&mut Physics)) {
        change(&mut self.core().physics);
    }

    /// Steps the wall clock of `host` forward or back.
    pub fn step_wall(&self, host: Host, millis: i64) {
        self.core().hosts[host.0].wall_offset_millis += millis;
    }

    /// Sets the size of the disk of `host`, in bytes.
    pub fn resize_disk(&self, host: Host, bytes_max: u64) {
        self.core().hosts[host.0].disk.bytes_max = bytes_max;
    }

    /// Takes all that programs on `host` see in a file, which is empty then, as a log that is copied and
    /// cut short. A file that others write elsewhere than at its end is none for this.
    #[must_use]
    pub fn take(&self, host: Host, path: &Path) -> Option<Vec<u8>> {
        let file = self.core().hosts[host.0].disk.file(path)?;
        let bytes = file.take().live().to_vec();
        Some(bytes)
    }

    /// Turns over one bit of a file of `host`, in the page cache and on the disk.
    pub fn flip(&self, host: Host, path: &Path, offset: usize, bit: u8) {
        if let Some(file) = self.core().hosts[host.0].disk.file(path) {
            file.borrow_mut().flip(offset, bit);
        }
    }
}

// What there is to see.
impl World {
    /// The monotonic clock.
    #[must_use]
    pub fn now(&self) -> Tick {
        self.core().now
    }

    /// The wall clock of `host`.
    #[must_use]
    pub fn wall(&self, host: Host) -> Wall {
        self.core().wall(host.0)
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.core().seed
    }

    /// A hash of everything that has happened.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.core().trace.hash
    }

    /// Prints everything that happens from now on.
    pub fn tell(&self) {
        self.core().trace.is_told = true;
    }

    /// Panics caught on `host` in this life, over all its shards.
    #[must_use]
    pub fn panics(&self, host: Host) -> u64 {
        self.core().hosts[host.0].panics.iter().sum()
    }

    /// The files on the disk of `host` that are certain to survive a power loss now, sorted.
    #[must_use]
    pub fn durable_names(&self, host: Host) -> Vec<PathBuf> {
        self.core().hosts[host.0].disk.durable_names()
    }

    /// The bytes that a file of `host` is certain to have after a power loss now.
    #[must_use]
    pub fn durable(&self, host: Host, path: &Path) -> Option<Vec<u8>> {
        let file = self.core().hosts[host.0].disk.durable_file(path)?;
        let bytes = file.borrow().durable().to_vec();
        Some(bytes)
    }

    /// As [`Self::durable`], without the zeros behind what was last written.
    #[must_use]
    pub fn durable_front(&self, host: Host, path: &Path) -> Option<Vec<u8>> {
        let file = self.core().hosts[host.0].disk.durable_file(path)?;
        let bytes = file.borrow().durable().front();
        Some(bytes)
    }

    /// The bytes that programs on `host` see in a file.
    #[must_use]
    pub fn live(&self, host: Host, path: &Path) -> Option<Vec<u8>> {
        let file = self.core().hosts[host.0].disk.file(path)?;
        let bytes = file.borrow().live().to_vec();
        Some(bytes)
    }
}

impl World {
    pub(super) fn core(&self) -> RefMut<'_, Core> {
        self.inside.core.borrow_mut()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let hosts = self.core().hosts.len();
        for machine in &mut self.core().hosts {
            machine.up = false;
        }
        for host in 0..hosts {
            let tasks = self.inside.tasks.borrow_mut().take_of(host);
            drop(tasks);
        }
        let events = self.core().events.drain();
        drop(events);
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World(seed {})", self.seed())
    }
}
