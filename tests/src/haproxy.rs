//! A real HAProxy.

use crate::process::Process;
use crate::{tool, wait};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running HAProxy.
#[derive(Debug)]
pub struct HaProxy {
    process: Process,
    control: PathBuf,
}

/// How one server, or a whole backend, stands: a column of `show stat` for each name.
pub type Standing = BTreeMap<String, String>;

impl HaProxy {
    /// Starts one in `folder` with this configuration, to which we add a way to ask it.
    ///
    /// # Errors
    /// If it is not installed, or does not take the configuration.
    pub fn start(folder: &Path, configuration: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (file, control) = (folder.join("haproxy.cfg"), folder.join("control"));
        let ours = format!("global\n    stats socket {} level admin\n\n", control.display());
        fs::write(&file, ours + configuration)?;
        let program = tool::find("haproxy");
        let program = program.ok_or_else(|| io::Error::other("haproxy is not installed"))?;
        let mut command = Command::new(program);
        let process =
            Process::start(command.arg("-db").arg("-f").arg(&file), &folder.join("output"))?;
        let haproxy = Self { process, control };
        wait::until("HAProxy", PATIENCE, || haproxy.ask("show info").ok())
            .map_err(|late| io::Error::other(format!("{late}\n{}", haproxy.said())))?;
        Ok(haproxy)
    }

    /// What it has said on its standard output and error.
    #[must_use]
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// How `server` of `backend` stands (`BACKEND`: all of it).
    ///
    /// # Errors
    /// If it does not answer, or knows of no such server.
    pub fn standing(&self, backend: &str, server: &str) -> io::Result<Standing> {
        let table = self.ask("show stat")?;
        let mut lines = table.lines();
        let names = lines.next().unwrap_or_default().trim_start_matches("# ");
        let rows = lines.map(|line| -> Standing {
            let columns = names.split(',').zip(line.split(','));
            columns.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        });
        let is = |row: &Standing, name, wanted| row.get(name).is_some_and(|value| value == wanted);
        let mut rows = rows.filter(|row| is(row, "pxname", backend) && is(row, "svname", server));
        rows.next().ok_or_else(|| io::Error::other(format!("no {backend}/{server} in {table}")))
    }

    /// Waits until `server` of `backend` has a status that begins so.
    ///
    /// # Errors
    /// If it has not within `limit`.
    pub fn wait_for(
        &self,
        backend: &str,
        server: &str,
        status: &str,
        limit: Duration,
    ) -> io::Result<()> {
        wait::until(&format!("{server} as {status}"), limit, || {
            let standing = self.standing(backend, server).ok()?;
            standing.get("status")?.starts_with(status).then_some(())
        })
        .map_err(|late| io::Error::other(format!("{late}: {:?}", self.standing(backend, server))))
    }

    fn ask(&self, question: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(&self.control)?;
        stream.write_all(format!("{question}\n").as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}
