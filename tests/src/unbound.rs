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
        let mut text =
            String::from("  module-config: \"iterator\"\n  local-zone: \"test.\" static\n");
        for record in records {
            writeln!(text, "  local-data: '{record}'").map_err(io::Error::other)?;
        }
        for line in settings.lines() {
            writeln!(text, "  {line}").map_err(io::Error::other)?;
        }
        Self::told(folder, &text)
    }

    /// Starts one in `folder` that asks `server` about these zones, which lie below `test.`, and
    /// knows these keys, as zone files have them, by which zones must be signed.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn validating(
        folder: &Path,
        server: SocketAddr,
        zones: &[&str],
        keys: &[String],
    ) -> io::Result<Self> {
        let mut text = String::from(
            "  module-config: \"validator iterator\"\n  local-zone: \"test.\" nodefault\n  \
             do-not-query-localhost: no\n  qname-minimisation: no\n",
        );
        for key in keys {
            writeln!(text, "  trust-anchor: \"{key}\"").map_err(io::Error::other)?;
        }
        let (ip, port) = (server.ip(), server.port());
        for zone in zones {
            let stub = format!("stub-zone:\n  name: \"{zone}\"\n  stub-addr: {ip}@{port}");
            writeln!(text, "{stub}").map_err(io::Error::other)?;
        }
        Self::told(folder, &text)
    }

    /// Starts one with further lines of its table `server`, and tables behind it.
    fn told(folder: &Path, settings: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (address, place) = (port::free()?, folder.display());
        let text = format!(
            "server:\n  interface: {}\n  port: {}\n  directory: \"{place}\"\n  chroot: \"\"\n  \
             username: \"\"\n  pidfile: \"\"\n  do-daemonize: no\n  use-syslog: no\n  \
             num-threads: 1\n{settings}",
            address.ip(),
            address.port(),
        );
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
