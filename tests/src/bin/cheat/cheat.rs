//! A kernel that breaks one promise about files, and keeps all others.

use event::{Tick, Wall};
use kernel::{Buffer, File, Kernel, Open};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Nothing: every promise is kept.
    Nothing,
    /// That what is written to a journal is on the disk: it is in the page cache only.
    Sync,
    /// That names are durable once their directory was synced: it is not.
    DirectorySync,
    /// That a write is through when it is reported: it waits for the one before.
    Order,
}

impl Broken {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "honest" => Some(Self::Nothing),
            "no-sync" => Some(Self::Sync),
            "no-directory-sync" => Some(Self::DirectorySync),
            "early-250" => Some(Self::Order),
            _ => None,
        }
    }
}

/// `K`, but for a broken promise.
#[derive(Clone, Debug)]
pub(crate) struct Cheat<K> {
    kernel: K,
    broken: Broken,
}

impl<K: Kernel> Cheat<K> {
    pub(crate) fn new(kernel: K, broken: Broken) -> Self {
        Self { kernel, broken }
    }
}

impl<K: Kernel> Kernel for Cheat<K> {
    type Stream = K::Stream;
    type Listener = K::Listener;
    type File = CheatFile<K>;

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
        self.kernel.spawn(task);
    }

    fn panics(&self) -> u64 {
        self.kernel.panics()
    }

    async fn sleep_until(&self, tick: Tick) {
        self.kernel.sleep_until(tick).await;
    }

    fn listen(&self, address: SocketAddr) -> io::Result<K::Listener> {
        self.kernel.listen(address)
    }

    async fn connect(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Duration,
    ) -> io::Result<K::Stream> {
        self.kernel.connect(to, from, patience).await
    }

    async fn open(&self, path: &Path, how: Open) -> io::Result<CheatFile<K>> {
        let journal = how == Open::Journal;
        let how = if journal && self.broken == Broken::Sync { Open::Create } else { how };
        let early = journal && self.broken == Broken::Order;
        let file = Rc::new(self.kernel.open(path, how).await?);
        Ok(CheatFile { kernel: self.kernel.clone(), file, early, queue: Rc::default() })
    }

    async fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        self.kernel.list(directory).await
    }

    async fn make_directory(&self, directory: &Path) -> io::Result<()> {
        self.kernel.make_directory(directory).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.kernel.rename(from, to).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        self.kernel.remove(path).await
    }

    async fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        if self.broken == Broken::DirectorySync {
            return Ok(());
        }
        self.kernel.sync_directory(directory).await
    }

    fn space(&self, path: &Path) -> io::Result<(u64, u64)> {
        self.kernel.space(path)
    }
}

/// A file of a [`Cheat`].
#[derive(Debug)]
pub(crate) struct CheatFile<K: Kernel> {
    kernel: K,
    file: Rc<K::File>,
    /// Writes are reported before they are through.
    early: bool,
    queue: Rc<RefCell<Queue>>,
}

/// Writes that were reported and are not through, in order.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Buffer, u64)>,
    busy: bool,
}

impl<K: Kernel> CheatFile<K> {
    /// Puts a copy of a write behind those that wait, and sees that somebody works on them.
    fn enqueue(&self, bytes: &Buffer, offset: u64) {
        let mut queue = self.queue.borrow_mut();
        queue.waiting.push_back((Buffer::copy_of(bytes), offset));
        if std::mem::replace(&mut queue.busy, true) {
            return;
        }
        let (file, queue) = (Rc::clone(&self.file), Rc::clone(&self.queue));
        self.kernel.spawn(async move {
            loop {
                let next = queue.borrow_mut().waiting.pop_front();
                let Some((bytes, offset)) = next else { break };
                // Nobody is left to hear of an error: success was reported.
                let _ = file.write_at(bytes, offset).await;
            }
            queue.borrow_mut().busy = false;
        });
    }
}

impl<K: Kernel> File for CheatFile<K> {
    async fn read_at(&self, buffer: Buffer, offset: u64) -> (io::Result<usize>, Buffer) {
        self.file.read_at(buffer, offset).await
    }

    async fn write_at(&self, buffer: Buffer, offset: u64) -> (io::Result<()>, Buffer) {
        if self.early {
            self.enqueue(&buffer, offset);
            return (Ok(()), buffer);
        }
        self.file.write_at(buffer, offset).await
    }

    async fn sync(&self) -> io::Result<()> {
        self.file.sync().await
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}
