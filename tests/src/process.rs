//! A process we started, ended by its id when dropped.

use crate::wait;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A running process whose output goes to a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it says is added to `log`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        Self::start_with(command, Stdio::null(), log)
    }

    /// As [`Self::start`], with an input.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(command: &mut Command, input: Stdio, log: &Path) -> io::Result<Self> {
        let output = append(log)?;
        Self::spawn(command.stdout(output).stdin(input), log)
    }

    /// Starts `command`, whose output the caller reads; its complaints are added to `log`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn piped(command: &mut Command, log: &Path) -> io::Result<(Self, ChildStdout)> {
        let mut process = Self::spawn(command.stdout(Stdio::piped()).stdin(Stdio::null()), log)?;
        let output = process.child.stdout.take();
        Ok((process, output.ok_or_else(|| io::Error::other("its output was not piped"))?))
    }

    fn spawn(command: &mut Command, log: &Path) -> io::Result<Self> {
        let child = command.stderr(append(log)?).spawn().map_err(|error| {
            io::Error::other(format!("{}: {error}", command.get_program().display()))
        })?;
        Ok(Self { child, log: log.into() })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into()).unwrap_or_default()
    }

    /// Asks it to stop.
    ///
    /// # Errors
    /// If it is gone already.
    pub fn terminate(&self) -> io::Result<()> {
        signal(self.id(), Signal::TERM)
    }

    /// Sends it SIGHUP.
    ///
    /// # Errors
    /// If it is gone already.
    pub fn hang_up(&self) -> io::Result<()> {
        signal(self.id(), Signal::HUP)
    }

    /// Ends it this instant, as a power cut would, and reaps it.
    ///
    /// # Errors
    /// If it cannot be reaped.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// Its exit status, if it has ended.
    #[must_use]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for it to end by itself.
    ///
    /// # Errors
    /// `TimedOut`, with what it said, if it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        let child = &mut self.child;
        wait::until("the end of a process", limit, || child.try_wait().ok().flatten())
            .map_err(|late| io::Error::new(late.kind(), format!("{late}\n{}", self.said())))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.kill();
        }
    }
}

fn append(log: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(log)
}

/// Sends `signal` to the process `id`.
pub(crate) fn signal(id: u32, signal: Signal) -> io::Result<()> {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    let id = id.ok_or_else(|| io::Error::other("not a process id"))?;
    Ok(kill_process(id, signal)?)
}
