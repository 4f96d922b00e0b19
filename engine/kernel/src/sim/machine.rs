//! One shard's view of its host: the kernel trait.

use super::clock::{Event, EventKey};
use super::core::{Core, Owner, wake};
use super::disk::os;
use super::executor::Tasks;
use super::fault::{Fault, Operation};
use super::file::SimFile;
use super::network::Syn;
use super::socket::{SimListener, SimStream};
use crate::arrival::Carried;
use crate::{Arrival, Kernel, Open};
use event::{Tick, Wall};
use std::cell::{RefCell, RefMut};
use std::fmt;
use std::future::{pending, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// 2026-01-01, when every world begins.
const WALL_FIRST_MILLIS: u64 = 1_767_225_600_000;
/// How long Linux waits before it knocks again.
const KNOCK_AGAIN: Duration = Duration::from_secs(1);

/// What all shards of a world share.
pub(super) struct Inside {
    pub(super) core: RefCell<Core>,
    pub(super) tasks: RefCell<Tasks>,
}

/// One shard of a simulated host, in one of its lives.
#[derive(Clone)]
pub struct Sim {
    pub(super) inside: Rc<Inside>,
    pub(super) owner: Owner,
    pub(super) shard: usize,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sim(host {}, life {}, shard {})", self.owner.host, self.owner.life, self.shard)
    }
}

impl Sim {
    pub(super) fn core(&self) -> RefMut<'_, Core> {
        self.inside.core.borrow_mut()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.core().is_alive(self.owner)
    }

    /// Returns, if this host still lives; else never.
    pub(super) async fn living(&self) {
        if !self.is_alive() {
            pending::<()>().await;
        }
    }

    /// Counts an operation of a socket and has it go wrong as planned.
    pub(super) async fn begin(&self, operation: Operation) -> Result<(), i32> {
        self.living().await;
        let fault = self.core().begin(self.owner, operation);
        match fault {
            None | Some(Fault::Short(_)) => Ok(()),
            Some(Fault::Error(error)) => Err(error),
            Some(Fault::Slow(more)) => {
                self.sleep(more).await;
                Ok(())
            }
            Some(Fault::CrashDuring(crash) | Fault::CrashAfter(crash)) => {
                self.core().doomed.push((self.owner, crash));
                pending().await
            }
        }
    }

    async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now() + span).await;
    }

    async fn sleep_one_way(&self) {
        let span = super::core::span(&mut self.core(), |physics| &physics.latency);
        self.sleep(span).await;
    }

    fn address(&self) -> IpAddr {
        super::network::address(self.owner.host)
    }

    /// Knocks until someone answers or patience ends.
    async fn dial(&self, to: SocketAddr, from: IpAddr, until: Tick) -> io::Result<SimStream> {
        loop {
            self.sleep_one_way().await;
            let knock = self.core().syn(self.owner, to, from);
            match knock {
                Syn::Refused => {
                    self.sleep_one_way().await;
                    return Err(os(libc::ECONNREFUSED));
                }
                Syn::Made(end) => {
                    let stream = SimStream::new(self.clone(), end);
                    self.sleep_one_way().await;
                    return Ok(stream);
                }
                Syn::Ignored => {
                    self.sleep(KNOCK_AGAIN).await;
                }
            }
            if self.now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

impl Kernel for Sim {
    type Stream = SimStream;
    type Listener = SimListener;
    type File = SimFile;

    fn now(&self) -> Tick {
        self.core().now
    }

    fn wall(&self) -> Wall {
        self.core().wall(self.owner.host)
    }

    fn random(&self) -> u64 {
        self.core().hosts[self.owner.host].dice.roll()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        if self.is_alive() {
            self.inside.tasks.borrow_mut().spawn(self.owner, self.shard, Box::pin(task));
        }
    }

    fn panics(&self) -> u64 {
        self.core().hosts[self.owner.host].panics[self.shard]
    }

    async fn sleep_until(&self, tick: Tick) {
        if tick == Tick::NEVER {
            return pending().await;
        }
        let mut asleep = Asleep { sim: self, key: None };
        poll_fn(|context| {
            let mut core = self.core();
            if core.now >= tick {
                return Poll::Ready(());
            }
            let event = Event::Wake(context.waker().clone());
            match asleep.key {
                Some(key) => core.events.replace(key, event),
                None => asleep.key = Some(core.events.insert(tick, event)),
            }
            Poll::Pending
        })
        .await;
    }

    fn listen(&self, address: SocketAddr) -> io::Result<SimListener> {
        let key = self.core().listen(self.owner, address)?;
        Ok(SimListener::new(self.clone(), key))
    }

    /// Nobody starts us here who could hold a socket for us.
    fn listen_on(&self, _socket: BorrowedFd<'_>) -> io::Result<SimListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn adopt(&self, Arrival(carried): Arrival) -> io::Result<SimStream> {
        match carried {
            Carried::Simulated(end) => Ok(SimStream::new(self.clone(), end)),
            Carried::Descriptor { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    async fn connect(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Duration,
    ) -> io::Result<SimStream> {
        let until = self.now() + patience;
        self.begin(Operation::Connect).await.map_err(os)?;
        let own = if to.ip().is_loopback() { to.ip() } else { self.address() };
        let dial = std::pin::pin!(self.dial(to, from.unwrap_or(own), until));
        let patience = std::pin::pin!(self.sleep_until(until));
        first(dial, patience).await.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn open(&self, path: &Path, how: Open) -> io::Result<SimFile> {
        let owned = path.to_owned();
        let make = how != Open::Read;
        let file = self.names(Operation::Open, move |disk| disk.open(&owned, make)).await?;
        Ok(SimFile::new(self.clone(), file, how))
    }

    async fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let directory = directory.to_owned();
        self.names(Operation::List, move |disk| disk.list(&directory)).await
    }

    async fn make_directory(&self, directory: &Path) -> io::Result<()> {
        let directory = directory.to_owned();
        self.names(Operation::MakeDirectory, move |disk| disk.make_directory(&directory)).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.names(Operation::Rename, move |disk| disk.rename(&from, &to)).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        let path = path.to_owned();
        self.names(Operation::Remove, move |disk| disk.remove(&path)).await
    }

    async fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let directory = directory.to_owned();
        self.names(Operation::SyncDirectory, move |disk| disk.sync_directory(&directory)).await
    }

    fn space(&self, _path: &Path) -> io::Result<(u64, u64)> {
        let core = self.core();
        let disk = &core.hosts[self.owner.host].disk;
        Ok((disk.free(), disk.bytes_max))
    }
}

impl Sim {
    async fn names<T: 'static>(
        &self,
        operation: Operation,
        change: impl FnOnce(&mut super::disk::Disk) -> io::Result<T> + 'static,
    ) -> io::Result<T> {
        let host = self.owner.host;
        let effect = move |core: &mut Core, fault: Option<Fault>| match fault {
            Some(Fault::Error(error)) => Err(os(error)),
            _ => change(&mut core.hosts[host].disk),
        };
        self.work(operation, |physics| &physics.disk_sync, effect).await
    }
}

/// A sleeper; its event goes when it does.
struct Asleep<'k> {
    sim: &'k Sim,
    key: Option<EventKey>,
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.sim.core().events.remove(key);
        }
    }
}

/// What `task` gives, unless `deadline` comes first.
async fn first<T>(
    mut task: std::pin::Pin<&mut impl Future<Output = T>>,
    mut deadline: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> Option<T> {
    poll_fn(|context| match task.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => deadline.as_mut().poll(context).map(|()| None),
    })
    .await
}

impl Core {
    pub(super) fn wall(&self, host: usize) -> Wall {
        let millis = WALL_FIRST_MILLIS + self.now.0 / 1_000_000;
        Wall(millis.saturating_add_signed(self.hosts[host].wall_offset_millis))
    }

    /// The clock moves to the next event, which then happens. False if there is none.
    pub(super) fn happen(&mut self) -> bool {
        let Some((at, event)) = self.events.pop() else { return false };
        self.now = self.now.max(at);
        match event {
            Event::Wake(waker) => wake(&mut vec![waker]),
            Event::Run(run) => run(self),
        }
        true
    }
}
