//! A real SOCKS proxy: `MicroSocks`.

use crate::process::Process;
use crate::{port, tool, wait};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `MicroSocks`.
#[derive(Debug)]
pub struct MicroSocks {
    _process: Process,
    address: SocketAddr,
}

impl MicroSocks {
    /// Starts one that says what it has to say in `folder` and connects from `source`, for anybody or
    /// for whoever knows this login.
    ///
    /// # Errors
    /// If it is not installed, or does not come up.
    pub fn start(folder: &Path, source: Ipv4Addr, login: Option<(&str, &str)>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let program = tool::find("microsocks");
        let program = program.ok_or_else(|| io::Error::other("microsocks is not installed"))?;
        let address = port::free()?;
        let mut command = Command::new(program);
        command.args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()]);
        command.args(["-b", &source.to_string()]);
        if let Some((user, password)) = login {
            command.args(["-u", user, "-P", password]);
        }
        let process = Process::start(&mut command, &folder.join("output"))?;
        wait::until("MicroSocks", PATIENCE, || TcpStream::connect(address).ok())
            .map_err(|late| io::Error::other(format!("{late}\n{}", process.said())))?;
        Ok(Self { _process: process, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
