//! The program itself, by the commands a reader would type.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]
#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod program;
mod report;

use loadgen::clock;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How long anything may take, on a machine that does other things.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn ringload(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringload"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit status, and what was said on both streams.
pub(crate) fn outcome(arguments: &[&str]) -> (i32, String) {
    let output = ringload(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// A folder of its own, gone at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("ringload-command-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A child that does not outlive its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A sink that listens when this returns.
pub(crate) fn sink(address: SocketAddr, arguments: &[&str]) -> Running {
    let target = address.to_string();
    let command = [&["sink", &target, "-q"], arguments].concat();
    let running = Running(ringload(&command).spawn().unwrap());
    wait_until("a sink that listens", || TcpStream::connect(address).is_ok());
    running
}

/// Looks again and again, and not for ever.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = clock::now();
    while !is_so() {
        let waited = Duration::from_nanos(clock::now().saturating_sub(start));
        assert!(waited < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
