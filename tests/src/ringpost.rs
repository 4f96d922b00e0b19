//! Ringpost as a process, with settings, spool and log in a folder of its own.

use crate::process::Process;
use crate::{http, port, program, wait};
use serde_json::Value;
use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// How long it may take to recover, start or drain.
const PATIENCE: Duration = Duration::from_mins(1);

/// A Ringpost that runs, or will again: it keeps its folder and its ports.
#[derive(Debug)]
pub struct Ringpost {
    process: Process,
    folder: PathBuf,
    smtp: SocketAddr,
    admin: SocketAddr,
}

impl Ringpost {
    /// Starts one in `folder` and waits until it is ready. `settings` is TOML behind ours:
    /// tables other than `[spool]`, `[[listener]]`, `[admin]`, `[log]` and `[kernel]`.
    ///
    /// # Errors
    /// If it does not build or come up; with what it said.
    pub fn start(folder: &Path, settings: &str) -> io::Result<Self> {
        let (smtp, admin) = (port::free()?, port::free()?);
        fs::create_dir_all(folder)?;
        fs::write(folder.join("ringpost.toml"), written(folder, smtp, admin, settings))?;
        let process = launch(folder)?;
        let mut ringpost = Self { process, folder: folder.into(), smtp, admin };
        ringpost.wait_until_ready()?;
        Ok(ringpost)
    }

    /// Starts it again, after it has ended, on the same spool and ports. The kernel takes a
    /// killed process's ring apart behind its end, and with it the listening sockets, so we
    /// wait for the port, as a supervisor pauses before a restart.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        wait::until("the port", PATIENCE, || port::is_free(self.smtp).then_some(()))?;
        self.process = launch(&self.folder)?;
        self.wait_until_ready()
    }

    /// Where it takes mail.
    #[must_use]
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has said on its standard output and error.
    #[must_use]
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// The attempts for `recipient` in its delivery log so far, in order.
    ///
    /// # Errors
    /// If a line is not what a line should be.
    pub fn attempts(&self, recipient: &str) -> io::Result<Vec<Attempt>> {
        let text = fs::read_to_string(self.folder.join("delivery.jsonl")).unwrap_or_default();
        // The last line may be in the making.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().map(serde_json::from_str);
        let lines = lines.collect::<Result<Vec<Value>, _>>()?;
        let ours = lines
            .iter()
            .filter(|line| line["event"] == "attempt" && line["recipient"] == recipient);
        ours.map(|line| Attempt::read(line).ok_or_else(|| io::Error::other(line.to_string())))
            .collect()
    }

    /// Recipients that have no final outcome yet.
    ///
    /// # Errors
    /// If it does not answer.
    #[allow(clippy::cast_sign_loss, reason = "a gauge of things is not negative")]
    pub fn queued(&self) -> io::Result<u64> {
        self.metric("ringpost_queued_recipients").map(|queued| queued as u64)
    }

    /// The sum of all samples of the metric `name`, whatever their labels.
    ///
    /// # Errors
    /// If it does not answer, or has no such metric.
    pub fn metric(&self, name: &str) -> io::Result<f64> {
        let (_, text) = http::get(self.admin, "/metrics")?;
        sum(&text, name).ok_or_else(|| io::Error::other(format!("no metric {name} in:\n{text}")))
    }

    /// Ends it this instant.
    ///
    /// # Errors
    /// If it has ended before.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(status) = self.process.ended() {
            return Err(io::Error::other(format!("had ended with {status}: {}", self.said())));
        }
        self.process.kill().map(|_| ())
    }

    /// Asks it to drain and stop, and waits until it has.
    ///
    /// # Errors
    /// If it does not.
    pub fn drain(&mut self) -> io::Result<ExitStatus> {
        self.process.terminate()?;
        self.process.wait(PATIENCE)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let (process, admin) = (&mut self.process, self.admin);
        let ready = || match (http::get(admin, "/readyz"), process.ended()) {
            (_, Some(status)) => Some(Err(format!("ended with {status}"))),
            (Ok((200, _)), None) => Some(Ok(())),
            _ => None,
        };
        let ready = wait::until("a ready Ringpost", PATIENCE, ready);
        let cause = match ready {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(ended)) => ended,
            Err(late) => late.to_string(),
        };
        Err(io::Error::other(format!("{cause}\n{}", self.said())))
    }
}

/// An attempt, as the delivery log tells it. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The how-manieth it was.
    pub number: u64,
    /// `delivered`, `deferred`, `failed`, ...
    pub outcome: String,
    /// When it ended.
    pub at: u64,
    /// When the next one is due, if there will be one.
    pub next: Option<u64>,
}

impl Attempt {
    fn read(line: &Value) -> Option<Self> {
        Some(Self {
            number: line["attempt"].as_u64()?,
            outcome: line["outcome"].as_str()?.into(),
            at: line["at"].as_u64()?,
            next: line["next"].as_u64(),
        })
    }
}

fn launch(folder: &Path) -> io::Result<Process> {
    let mut command = Command::new(program::built("ringpost")?);
    command.args(["run", "--config"]).arg(folder.join("ringpost.toml"));
    Process::start(&mut command, &folder.join("output"))
}

/// The whole settings file. `RINGPOST_DRIVER` chooses between the ring and epoll.
fn written(folder: &Path, smtp: SocketAddr, admin: SocketAddr, settings: &str) -> String {
    let folder = folder.display();
    let driver = env::var("RINGPOST_DRIVER").unwrap_or_else(|_| "auto".into());
    format!(
        "hostname = \"relay.test\"\n\
         [spool]\npath = \"{folder}/spool\"\n\
         [[listener]]\naddress = \"{smtp}\"\n\
         [admin]\naddress = \"{admin}\"\n\
         [log]\ndelivery = \"{folder}/delivery.jsonl\"\n\
         [kernel]\ndriver = \"{driver}\"\n\
         {settings}"
    )
}

fn sum(text: &str, name: &str) -> Option<f64> {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let labelled = rest.starts_with(['{', ' ']);
        labelled.then(|| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).flatten()
    });
    samples.reduce(|sum, sample| sum + sample)
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn samples_are_summed_over_their_labels() {
        let text = "# HELP a x\na{shard=\"0\"} 2\na{shard=\"1\"} 3\na_total 7\n";
        assert_eq!(sum(text, "a"), Some(5.0));
        assert_eq!(sum(text, "b"), None);
    }
}
