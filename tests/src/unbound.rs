//! A real Unbound, with names of its own.

use crate::process::Process;
use crate::{port, tool, wait};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running Unbound.
#[derive(Debug)]
pub struct Unbound {
    process: Process,
    address: SocketAddr,
}

impl Unbound {
    /// Starts one in `folder` that knows these records below `test.`, written as in a zone file,
    /// and no other name there. `settings` are further lines of its table `server`.
    ///
    /// # Errors
    /// If it is not installed, or does not take what is written.
    pub fn start(folder: &Path, records: &[String], settings: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (address, place) = (port::free()?, folder.display());
        let mut text = format!(
            "server:\n  interface: {}\n  port: {}\n  directory: \"{place}\"\n  chroot: \"\"\n  \
             username: \"\"\n  pidfile: \"\"\n  do-daemonize: no\n  use-syslog: no\n  \
             num-threads: 1\n  module-config: \"iterator\"\n  local-zone: \"test.\" static\n",
            address.ip(),
            address.port(),
        );
        for record in records {
            writeln!(text, "  local-data: '{record}'").map_err(io::Error::other)?;
        }
        for line in settings.lines() {
            writeln!(text, "  {line}").map_err(io::Error::other)?;
        }
        let file = folder.join("unbound.conf");
        fs::write(&file, text)?;
        let program = tool::find("unbound");
        let program = program.ok_or_else(|| io::Error::other("unbound is not installed"))?;
        let mut command = Command::new(program);
        let process = Process::start(command.arg("-c").arg(&file), &folder.join("output"))?;
        let unbound = Self { process, address };
        wait::until("Unbound", PATIENCE, || port::answers(address).then_some(()))
            .map_err(|late| io::Error::other(format!("{late}\n{}", unbound.process.said())))?;
        Ok(unbound)
    }

    /// Where it answers.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
