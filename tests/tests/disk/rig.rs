//! Ringpost with its spool on a recording disk, mail for it, and a next host.

use crate::format::Filesystem;
use crate::ledger::Ledger;
use crate::load;
use crate::relay::Relay;
use crate::replay::Replay;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tests::disk::{History, Image, RecordingDisk};
use tests::mounted::Mounted;
use tests::mutant::Flaw;
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::wait;

/// How long mail may take, on a slow machine that does other things.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// Of the program: small segments, and retries soon enough for a test.
const SPOOL_SETTINGS: &str = "segment_bytes = \"4 MiB\"\nfree_bytes_min = 0\n";
const SETTINGS: &str =
    "[retry]\nfirst = \"200ms\"\nfactor = 2.0\nlongest = \"2s\"\njitter = 0.0\nexpire = \"1h\"\n";

/// What runs on the disk.
pub(crate) enum Engine {
    /// The program.
    Program(Box<Ringpost>),
    /// The engine on a kernel with a flaw.
    Flawed(Relay),
}

/// All that a test needs. Fields go in this order: who uses the disk goes before it.
pub(crate) struct Rig {
    pub(crate) engine: Option<Engine>,
    pub(crate) mounted: Option<Mounted>,
    pub(crate) disk: RecordingDisk,
    pub(crate) ledger: Arc<Ledger>,
    /// The disk before anything was on record.
    first: Image,
    pub(crate) filesystem: Filesystem,
    next: Recorder,
    scratch: Scratch,
}

impl Rig {
    /// A disk that is mounted, without an engine.
    ///
    /// # Errors
    /// If it cannot be mounted.
    pub(crate) fn new(filesystem: Filesystem) -> io::Result<Self> {
        let scratch = Scratch::new("disk")?;
        let first = filesystem.image()?;
        let disk = RecordingDisk::start(&scratch.path().join("device"), first.clone())?;
        disk.record();
        let ledger = Arc::new(Ledger::new(disk.watch()));
        let asked = Arc::clone(&ledger);
        let next = Recorder::answering(move |path| asked.next_host(path))?;
        let (engine, mounted) = (None, None);
        let mut rig = Self { engine, mounted, disk, ledger, first, filesystem, next, scratch };
        rig.mount()?;
        Ok(rig)
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.scratch.path().join("spool")
    }

    /// Mounts the disk. What that changed is durable when it returns.
    pub(crate) fn mount(&mut self) -> io::Result<()> {
        let options = self.filesystem.options();
        self.mounted = Some(Mounted::new(&self.disk.path(), &self.spool(), options)?);
        Ok(rustix::fs::syncfs(File::open(self.spool())?)?)
    }

    /// Starts the program.
    pub(crate) fn start(&mut self) -> io::Result<&mut Ringpost> {
        let route = |domain: &str| {
            format!("[[route]]\ndomain = \"{domain}\"\nto = [\"{}\"]\n", self.next.address())
        };
        let settings = format!("{SETTINGS}{}{}", route("site.test"), route("source.test"));
        let spool_settings = SPOOL_SETTINGS.to_owned();
        let outfit = Outfit { shards: Some(1), spool_settings, ..Outfit::default() };
        let ringpost = Ringpost::start_as(outfit, self.scratch.path(), &settings)?;
        self.engine = Some(Engine::Program(Box::new(ringpost)));
        self.program()
    }

    /// Starts the engine on a kernel with a flaw.
    pub(crate) fn start_flawed(&mut self, flaw: Flaw) -> io::Result<()> {
        let log = self.scratch.path().join("output");
        let relay = Relay::start(&self.spool(), self.next.address(), flaw, &log)?;
        self.engine = Some(Engine::Flawed(relay));
        Ok(())
    }

    pub(crate) fn program(&mut self) -> io::Result<&mut Ringpost> {
        match &mut self.engine {
            Some(Engine::Program(ringpost)) => Ok(ringpost),
            _ => Err(io::Error::other("the program does not run")),
        }
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        match &self.engine {
            Some(Engine::Program(ringpost)) => Ok(ringpost.smtp()),
            Some(Engine::Flawed(relay)) => Ok(relay.address()),
            None => Err(io::Error::other("nothing runs")),
        }
    }

    /// Sends these messages, and waits until all are delivered that will be.
    ///
    /// # Errors
    /// If one is refused, or not delivered in time.
    pub(crate) fn carry(&self, messages: Range<u32>) -> io::Result<()> {
        load::send_all(self.address()?, &self.ledger, messages)?;
        self.wait_for_next_host()
    }

    /// Waits until all that was accepted is delivered, as far as it will be.
    ///
    /// # Errors
    /// If it is not in time.
    pub(crate) fn wait_for_next_host(&self) -> io::Result<()> {
        let done = || (self.ledger.on_their_way() == 0).then_some(());
        wait::until("delivered mail", PATIENCE, done)
    }

    /// Lets the program finish, and unmounts the disk.
    ///
    /// # Errors
    /// If either fails.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.stop()?;
        self.unmount()
    }

    /// Lets the program finish; ends what has a flaw.
    ///
    /// # Errors
    /// If it fails.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        match self.engine.take() {
            Some(Engine::Program(mut ringpost)) => {
                let status = ringpost.drain()?;
                let said = || io::Error::other(format!("{status}\n{}", ringpost.said()));
                status.success().then_some(()).ok_or_else(said)?;
            }
            Some(Engine::Flawed(_)) | None => (),
        }
        Ok(())
    }

    pub(crate) fn unmount(&mut self) -> io::Result<()> {
        self.mounted.take().map_or(Ok(()), Mounted::unmount)
    }

    /// All that was done to the disk so far, and what was promised. States are to be taken
    /// from `start` on.
    ///
    /// # Errors
    /// None: the disk has taken it.
    pub(crate) fn replay(&self, start: usize, seed: u64) -> io::Result<Replay> {
        let history = History::new(self.first.clone(), self.disk.since(0))?;
        let (filesystem, entries) = (self.filesystem, self.ledger.entries());
        Ok(Replay { history, start, filesystem, entries, seed })
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // Whoever hangs in it can end then. After a panic nobody asks any more how.
        if std::thread::panicking() {
            self.disk.cut_off();
        } else {
            self.disk.go_on();
        }
    }
}
