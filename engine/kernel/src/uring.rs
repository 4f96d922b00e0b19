//! The real kernel: monoio on `io_uring`, or on epoll where the host forbids the ring.
//!
//! [`run`] makes the calling thread a shard: it pins it, builds the ring on it (a ring with
//! one issuer cannot be built elsewhere), runs the future it is given, and lets what was
//! closed at the end reach the kernel before the ring goes.
//!
//! What blocks: [`Kernel::list`], [`Kernel::make_directory`] and [`Kernel::space`] are plain
//! system calls, for start-up and for a timer of seconds. All else goes through the ring. On
//! the epoll driver every file operation blocks: epoll knows no files.

use crate::{Arrival, Kernel, Open};
use event::{Tick, Wall};
use monoio::{FusionRuntime, IoUringDriver, LegacyDriver, RuntimeBuilder, time::TimeDriver};
use rustix::time::ClockId;
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

mod connect;
mod driver;
mod file;
mod lend;
mod listener;
mod stream;
mod task;

pub use driver::{Cause, Driver, DriverChoice, DriverReport, probe};
pub use file::UringFile;
pub use listener::UringListener;
pub use stream::UringStream;

/// Submission entries of a shard's ring; its completion queue holds four times as many.
pub const ENTRIES_DEFAULT: u32 = 1_024;

/// How a shard's thread is set up.
#[derive(Clone, Copy, Debug)]
pub struct RingConfig {
    /// Submission entries, 256 to 4,096.
    pub entries: u32,
    /// The processor to stay on, if any.
    pub cpu: Option<usize>,
    /// Which driver to use.
    pub driver: DriverChoice,
    /// Told the message of each panic that [`Kernel::spawn`] caught.
    pub panicked: fn(&str),
}

impl Default for RingConfig {
    fn default() -> Self {
        let (cpu, driver) = (None, DriverChoice::Auto);
        Self { entries: ENTRIES_DEFAULT, cpu, driver, panicked: task::show }
    }
}

/// What a shard's thread was, told when it has ended.
#[derive(Clone, Debug)]
pub struct RunReport<T = ()> {
    /// What the main future returned.
    pub output: T,
    /// The driver it ran on.
    pub driver: DriverReport,
    /// The processor it was pinned to; none if that was not asked for, or was refused.
    pub cpu: Option<usize>,
    /// Panics caught in its tasks.
    pub panics: u64,
}

/// Makes this thread a shard until `main` ends. Tasks that are still waiting then are
/// forgotten, with their descriptors: end them first.
///
/// # Errors
/// When no driver can be built: [`DriverChoice::Uring`] and the host forbids it, or there is
/// no descriptor left.
pub fn run<M, F>(config: RingConfig, main: M) -> io::Result<RunReport<F::Output>>
where
    M: FnOnce(Uring) -> F,
    F: Future,
{
    let driver = driver::choose(config.driver)?;
    let cpu = config.cpu.filter(|&cpu| pin(cpu).is_ok());
    let mut runtime = build(&driver, config.entries)?;
    let shared = Rc::new(Shared {
        driver,
        panicked: config.panicked,
        panics: Cell::new(0),
        random: Cell::new(seed()?),
    });
    let kernel = Uring(Rc::clone(&shared));
    let output = runtime.block_on(async {
        let output = main(kernel).await;
        settle().await;
        output
    });
    Ok(RunReport { output, driver: shared.driver.clone(), cpu, panics: shared.panics.get() })
}

type Runtime = FusionRuntime<TimeDriver<IoUringDriver>, TimeDriver<LegacyDriver>>;

fn build(report: &DriverReport, entries: u32) -> io::Result<Runtime> {
    match report.driver {
        Driver::Uring => RuntimeBuilder::<IoUringDriver>::new()
            .uring_builder(driver::builder(&report.flags, entries))
            .with_entries(entries)
            .enable_timer()
            .build()
            .map(Into::into),
        Driver::Epoll => RuntimeBuilder::<LegacyDriver>::new()
            .with_entries(entries)
            .enable_timer()
            .build()
            .map(Into::into),
    }
}

fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= rustix::thread::CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// A descriptor whose last operation ends now is closed in the next turn, by an operation
/// that leaves in the one after. A task that still waits keeps the ring, and with it what
/// was not submitted.
async fn settle() {
    const TURNS: u32 = 3;
    for _ in 0..TURNS {
        monoio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A shard's handle on its thread's kernel.
#[derive(Clone, Debug)]
pub struct Uring(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    driver: DriverReport,
    panicked: fn(&str),
    panics: Cell<u64>,
    random: Cell<u64>,
}

impl Uring {
    /// The driver it runs on, to be logged and exported.
    #[must_use]
    pub fn driver(&self) -> &DriverReport {
        &self.0.driver
    }
}

/// The wall clock, for those who have no kernel: an operator's tools.
#[must_use]
pub fn wall() -> Wall {
    Wall(nanos(ClockId::Realtime) / 1_000_000)
}

impl Kernel for Uring {
    type Stream = UringStream;
    type Listener = UringListener;
    type File = UringFile;

    fn now(&self) -> Tick {
        Tick(nanos(ClockId::Monotonic))
    }

    fn wall(&self) -> Wall {
        wall()
    }

    fn random(&self) -> u64 {
        let state = self.0.random.get().wrapping_add(0xa076_1d64_78bd_642f);
        self.0.random.set(state);
        let product = u128::from(state) * u128::from(state ^ 0xe703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(monoio::spawn(task::Contained::new(task, Rc::clone(&self.0))));
    }

    fn panics(&self) -> u64 {
        self.0.panics.get()
    }

    async fn sleep_until(&self, tick: Tick) {
        if tick == Tick::NEVER {
            std::future::pending::<()>().await;
        }
        loop {
            let left = tick.since(self.now());
            if left.is_zero() {
                return;
            }
            monoio::time::sleep(left.min(SLEEP_MAX)).await;
        }
    }

    fn listen(&self, address: SocketAddr) -> io::Result<UringListener> {
        UringListener::new(address, self.0.driver.driver)
    }

    fn listen_on(&self, socket: BorrowedFd<'_>) -> io::Result<UringListener> {
        UringListener::on(socket, self.0.driver.driver)
    }

    fn adopt(&self, arrival: Arrival) -> io::Result<UringStream> {
        listener::adopt(arrival, self.0.driver.driver)
    }

    async fn connect(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Duration,
    ) -> io::Result<UringStream> {
        connect::connect(to, from, patience, self.0.driver.driver).await
    }

    async fn open(&self, path: &Path, how: Open) -> io::Result<UringFile> {
        UringFile::open(path, how).await
    }

    async fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let names = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().into()));
        let mut names = names.collect::<io::Result<Vec<PathBuf>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    async fn make_directory(&self, directory: &Path) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        monoio::fs::rename(from, to).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        monoio::fs::remove_file(path).await
    }

    async fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        monoio::fs::File::open(directory).await?.sync_all().await
    }

    fn space(&self, path: &Path) -> io::Result<(u64, u64)> {
        let found = rustix::fs::statvfs(path)?;
        Ok((found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize))
    }
}

/// The runtime's timer wheel ends after two years; longer sleeps are made of such pieces.
const SLEEP_MAX: Duration = Duration::from_hours(24 * 365);

fn nanos(clock: ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// A start for the random numbers that no other shard or process has.
#[allow(unsafe_code, reason = "rustix has no getrandom without a further feature")]
fn seed() -> io::Result<u64> {
    let mut bytes = [0; 8];
    // SAFETY: the memory is ours and as long as we say; it is filled before the call returns.
    let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if usize::try_from(filled).ok() != Some(bytes.len()) {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests;
