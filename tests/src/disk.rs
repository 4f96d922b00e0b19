//! A disk that remembers: a filesystem of one file, to be used below a loop device.
//!
//! Every write and flush goes into a journal before it is answered, so that the disk can be
//! built again as it would have been found after any of them. It fails, delays or hangs on
//! orders. It must be served by root; nothing has to be installed.
//!
//! It ends on every path: when dropped, orders to wait are over, the connection is cut off
//! (whatever is still under way then hears EIO), and the mount is taken away.

use crate::mounted::{self, FuseConnection};
use filesystem::{NAME, OneFile};
use fuser::{BackgroundSession, Config, MountOption};
use platter::Platter;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod fault;
mod filesystem;
mod history;
mod image;
mod platter;

pub use fault::{Failure, Target};
pub use history::{History, Tear};
pub use image::Image;
pub use platter::Operation;

/// A disk that is served.
pub struct RecordingDisk {
    platter: Arc<Platter>,
    folder: PathBuf,
    /// What cuts the connection off.
    connection: Option<FuseConnection>,
    session: Option<BackgroundSession>,
}

impl RecordingDisk {
    /// Serves a disk that holds `image`, mounted in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be mounted: only root may, without help.
    pub fn start(folder: &Path, image: Image) -> io::Result<Self> {
        mounted::sweep();
        fs::create_dir_all(folder)?;
        let platter = Arc::new(Platter::default());
        let file = OneFile { platter: Arc::clone(&platter), bytes: image.len() };
        platter.state().image = Some(image);
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("recording-disk".into())];
        let session = Some(fuser::spawn_mount(file, folder, &config)?);
        let mut disk = Self { platter, folder: folder.into(), connection: None, session };
        disk.connection = Some(FuseConnection::of(folder, &folder.with_extension("fusectl"))?);
        Ok(disk)
    }

    /// The file that is the disk.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// Another disk of the same length in its place. Nothing may be mounted on it.
    pub fn load(&self, image: Image) {
        self.platter.state().image = Some(image);
    }

    /// What it holds at the moment.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        self.platter.state().image.clone()
    }

    /// Keeps a journal from now on.
    pub fn record(&self) {
        self.platter.state().recording = true;
    }

    /// Operations on record so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.platter.state().journal.len()
    }

    /// A handle that knows [`Self::position`], for other threads.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.platter))
    }

    /// What was done from `position` on.
    #[must_use]
    pub fn since(&self, position: usize) -> Vec<Operation> {
        self.platter.state().journal[position..].to_vec()
    }

    /// Orders a failure, besides those that have been ordered and have not happened yet.
    pub fn fail(&self, failure: Failure) {
        self.platter.order(|orders| orders.failures.push(failure));
    }

    /// Whether a failure was ordered that has not happened yet.
    #[must_use]
    pub fn will_fail(&self) -> bool {
        !self.platter.state().orders.failures.is_empty()
    }

    /// Takes so long for each operation from now on.
    pub fn delay(&self, delay: Duration) {
        self.platter.order(|orders| orders.delay = delay);
    }

    /// Answers nothing until [`Self::go_on`].
    pub fn hang(&self) {
        self.platter.order(|orders| orders.hung = true);
    }

    /// Answers again, at once, and fails no more.
    pub fn go_on(&self) {
        self.platter.order(|orders| *orders = fault::Orders::default());
    }

    /// Cuts it off: whatever is asked of it fails from now on.
    pub fn cut_off(&self) {
        self.platter.order(|orders| orders.ended = true);
        self.connection.iter().for_each(FuseConnection::abort);
    }
}

impl Drop for RecordingDisk {
    fn drop(&mut self) {
        self.cut_off();
        let session = self.session.take();
        mounted::detach(&self.folder);
        // Its thread ends with the connection.
        drop(session);
    }
}

/// What a disk's journal has reached.
#[derive(Clone)]
pub struct Watch(Arc<Platter>);

impl Watch {
    /// Operations on record so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.0.state().journal.len()
    }
}
