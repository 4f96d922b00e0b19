//! Kernels that break a promise, to show that a test would notice.

use event::{Tick, Wall};
use kernel::{Arrival, Buffer, File, Kernel, Open, Signal};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Which promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// None: a kernel as it should be.
    Sound,
    /// Writes to a log are in the page cache only.
    NoSync,
    /// Names of files are not made durable.
    NoDirectorySync,
    /// A write to a log is reported before it is made.
    Early,
}

impl Flaw {
    /// The one that is called so on a command line.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "honest" => Some(Self::Sound),
            "no-sync" => Some(Self::NoSync),
            "no-directory-sync" => Some(Self::NoDirectorySync),
            "early-250" => Some(Self::Early),
            _ => None,
        }
    }
}

/// By how much a write is made later than it is reported, at least. A disk may be so fast that
/// what is merely begun is there before anything can go wrong.
const EARLY_BY: Duration = Duration::from_millis(5);

/// A kernel with a flaw.
#[derive(Clone, Debug)]
pub struct Mutant<K> {
    kernel: K,
    flaw: Flaw,
    tasks: Rc<Cell<usize>>,
    ended: Signal,
}

impl<K> Mutant<K> {
    /// `kernel` with a flaw.
    pub fn new(kernel: K, flaw: Flaw) -> Self {
        Self { kernel, flaw, tasks: Rc::default(), ended: Signal::default() }
    }

    /// Opens a file in a task of its own: an opening that [`Self::end`] cuts off in the midst
    /// would leave its file open for as long as the process lives.
    async fn open_whole(&self, path: &Path, how: Open) -> io::Result<K::File>
    where
        K: Kernel,
    {
        let (opened, done) = (Rc::new(Cell::new(None)), Signal::default());
        let (kernel, path, counted) =
            (self.kernel.clone(), path.to_owned(), Task::new(&self.tasks));
        let (give, ring) = (Rc::clone(&opened), done.clone());
        self.kernel.spawn(async move {
            give.set(Some(kernel.open(&path, how).await));
            drop(counted);
            ring.ring();
        });
        done.after(0).await;
        opened.take().unwrap_or_else(|| Err(io::ErrorKind::Interrupted.into()))
    }

    /// Ends all tasks that were spawned, wherever they are, before long.
    pub fn end(&self) {
        self.ended.ring();
    }

    /// Tasks that were spawned and have not ended.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks.get()
    }
}

/// A task that has not ended.
struct Task(Rc<Cell<usize>>);

impl Task {
    fn new(tasks: &Rc<Cell<usize>>) -> Self {
        tasks.set(tasks.get() + 1);
        Self(Rc::clone(tasks))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<K: Kernel> Kernel for Mutant<K> {
    type Stream = K::Stream;
    type Listener = K::Listener;
    type File = MutantFile<K>;

    fn now(&self) -> Tick {
        self.kernel.now()
    }

    fn wall(&self) -> Wall {
        self.kernel.wall()
    }

    fn random(&self) -> u64 {
        self.kernel.random()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let counted = Task::new(&self.tasks);
        let ended = self.ended.clone();
        self.kernel.spawn(async move {
            let (mut task, mut end) = (pin!(task), pin!(ended.after(0)));
            poll_fn(|context| match task.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => end.as_mut().poll(context),
            })
            .await;
            drop(counted);
        });
    }

    fn panics(&self) -> u64 {
        self.kernel.panics()
    }

    fn sleep_until(&self, tick: Tick) -> impl Future<Output = ()> {
        self.kernel.sleep_until(tick)
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        self.kernel.listen(address)
    }

    fn listen_on(&self, socket: BorrowedFd<'_>) -> io::Result<Self::Listener> {
        self.kernel.listen_on(socket)
    }

    fn adopt(&self, arrival: Arrival) -> io::Result<Self::Stream> {
        self.kernel.adopt(arrival)
    }

    fn connect(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Duration,
    ) -> impl Future<Output = io::Result<Self::Stream>> {
        self.kernel.connect(to, from, patience)
    }

    async fn open(&self, path: &Path, how: Open) -> io::Result<Self::File> {
        let journal = how == Open::Journal;
        let how = match self.flaw {
            Flaw::NoSync if journal => Open::Create,
            _ => how,
        };
        let file = Rc::new(self.open_whole(path, how).await?);
        let early = self.flaw == Flaw::Early && journal;
        Ok(MutantFile { kernel: self.kernel.clone(), file, early, queue: Rc::default() })
    }

    fn list(&self, directory: &Path) -> impl Future<Output = io::Result<Vec<PathBuf>>> {
        self.kernel.list(directory)
    }

    fn make_directory(&self, directory: &Path) -> impl Future<Output = io::Result<()>> {
        self.kernel.make_directory(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> impl Future<Output = io::Result<()>> {
        self.kernel.rename(from, to)
    }

    fn remove(&self, path: &Path) -> impl Future<Output = io::Result<()>> {
        self.kernel.remove(path)
    }

    async fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        match self.flaw {
            Flaw::NoDirectorySync => Ok(()),
            _ => self.kernel.sync_directory(directory).await,
        }
    }

    fn space(&self, path: &Path) -> io::Result<(u64, u64)> {
        self.kernel.space(path)
    }
}

/// A file of a kernel with a flaw.
#[derive(Debug)]
pub struct MutantFile<K: Kernel> {
    kernel: K,
    file: Rc<K::File>,
    /// Writes are reported before they are made.
    early: bool,
    queue: Rc<RefCell<Queue>>,
}

/// Writes that were reported and are not made yet, in order.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Buffer, u64, Tick)>,
    busy: bool,
}

impl<K: Kernel> MutantFile<K> {
    /// Puts a copy of a write behind those that wait, and sees that somebody works on them.
    fn enqueue(&self, bytes: &Buffer, offset: u64) {
        let mut queue = self.queue.borrow_mut();
        let due = self.kernel.now() + EARLY_BY;
        queue.waiting.push_back((Buffer::copy_of(bytes), offset, due));
        if std::mem::replace(&mut queue.busy, true) {
            return;
        }
        let (file, queue) = (Rc::clone(&self.file), Rc::clone(&self.queue));
        let kernel = self.kernel.clone();
        self.kernel.spawn(async move {
            loop {
                let next = queue.borrow_mut().waiting.pop_front();
                let Some((bytes, offset, due)) = next else { break };
                kernel.sleep_until(due).await;
                // Nobody is left to hear of an error: success was reported.
                let _ = file.write_at(bytes, offset).await;
            }
            queue.borrow_mut().busy = false;
        });
    }
}

impl<K: Kernel> File for MutantFile<K> {
    fn read_at(
        &self,
        buffer: Buffer,
        offset: u64,
    ) -> impl Future<Output = (io::Result<usize>, Buffer)> {
        self.file.read_at(buffer, offset)
    }

    async fn write_at(&self, buffer: Buffer, offset: u64) -> (io::Result<()>, Buffer) {
        if self.early {
            self.enqueue(&buffer, offset);
            return (Ok(()), buffer);
        }
        self.file.write_at(buffer, offset).await
    }

    fn sync(&self) -> impl Future<Output = io::Result<()>> {
        self.file.sync()
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}
