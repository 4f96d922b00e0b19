//! Ringpost as a process, with settings, spool and log in a folder of its own.

mod samples;
mod settings;

use crate::process::Process;
use crate::{http, port, program, wait};
use samples::{all_are, samples, sum};
use serde_json::Value;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to recover, start or drain.
const PATIENCE: Duration = Duration::from_mins(1);

/// Lines of the delivery log by which one is known that does not do what it should.
const PLIGHT_LINES: usize = 20;

/// What is unusual about a Ringpost.
#[derive(Clone, Debug, Default)]
pub struct Outfit {
    /// The program, if it is not the workspace's `ringpost`.
    pub program: Option<PathBuf>,
    /// What is said to it in front of `run`.
    pub arguments: Vec<String>,
    /// How many shards it has, if not one a core.
    pub shards: Option<usize>,
    /// Where its spool is, if not in its folder.
    pub spool: Option<PathBuf>,
    /// Further lines of the table `[spool]`.
    pub spool_settings: String,
    /// Further lines of the table `[[listener]]`.
    pub listener_settings: String,
    /// Further lines of the table `[log]`.
    pub log_settings: String,
    /// The socket it listens on, if that is held for it, as by systemd.
    pub held: Option<Arc<TcpListener>>,
}

/// A Ringpost that runs, or will again: it keeps its folder and its ports.
#[derive(Debug)]
pub struct Ringpost {
    process: Process,
    folder: PathBuf,
    outfit: Outfit,
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
        Self::start_as(Outfit::default(), folder, settings)
    }

    /// [`Self::start`], with something unusual about it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_as(outfit: Outfit, folder: &Path, settings: &str) -> io::Result<Self> {
        let held = outfit.held.as_ref().map(|socket| socket.local_addr());
        let (smtp, admin) = (held.unwrap_or_else(port::free)?, port::free()?);
        fs::create_dir_all(folder)?;
        let written = settings::written(&outfit, folder, smtp, admin, settings);
        fs::write(folder.join("ringpost.toml"), written)?;
        let process = launch(&outfit, folder)?;
        let mut ringpost = Self { process, folder: folder.into(), outfit, smtp, admin };
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
        self.relaunch()?;
        self.wait_until_ready()
    }

    /// Changes its settings, for when it is started the next time.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn rewrite(&self, change: impl FnOnce(String) -> String) -> io::Result<()> {
        let path = self.folder.join("ringpost.toml");
        let settings = fs::read_to_string(&path)?;
        fs::write(path, change(settings))
    }

    /// As [`Self::restart`], with so many shards.
    ///
    /// # Errors
    /// As [`Self::restart`].
    pub fn restart_on(&mut self, shards: usize) -> io::Result<()> {
        let path = self.folder.join("ringpost.toml");
        let old = shards_line(self.outfit.shards);
        self.outfit.shards = Some(shards);
        let settings = fs::read_to_string(&path)?;
        fs::write(&path, settings.replacen(&old, &shards_line(self.outfit.shards), 1))?;
        self.restart()
    }

    /// [`Self::restart`], where it may be in no state to take mail: waits until it knows again
    /// what it has.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn restart_closed(&mut self) -> io::Result<()> {
        self.relaunch()?;
        self.wait_for("a Ringpost that has recovered", |ringpost| {
            let page = http::get(ringpost.admin, "/metrics");
            page.is_ok_and(|(_, text)| all_are(&text, "ringpost_recovered"))
        })
    }

    fn relaunch(&mut self) -> io::Result<()> {
        if self.outfit.held.is_none() {
            wait::until("the port", PATIENCE, || port::is_free(self.smtp).then_some(()))?;
        }
        self.process = launch(&self.outfit, &self.folder)?;
        Ok(())
    }

    /// Where it takes mail.
    #[must_use]
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// Where its metrics and its health are.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
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

    /// Its delivery log so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("delivery.jsonl")).unwrap_or_default()
    }

    /// The attempts for `recipient` in its delivery log so far, in order.
    ///
    /// # Errors
    /// If a line is not what a line should be.
    pub fn attempts(&self, recipient: &str) -> io::Result<Vec<Attempt>> {
        let text = self.log();
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

    /// What there is to know of one that does not do what it should: its metrics but for those
    /// that are nought, the end of its delivery log, and what it has said.
    #[must_use]
    pub fn plight(&self) -> String {
        let page = match http::get(self.admin, "/metrics") {
            Ok((_, page)) => page,
            Err(cause) => format!("no metrics: {cause}"),
        };
        let is_nought = |line: &&str| line.ends_with(" 0") || line.starts_with('#');
        let metrics: Vec<&str> = page.lines().filter(|line| !is_nought(line)).collect();
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(PLIGHT_LINES).collect();
        let (metrics, log) = (metrics.join("\n"), lines.join("\n"));
        format!("{metrics}\nits log, the last line first:\n{log}\nit said:\n{}", self.said())
    }

    /// Recipients that have no final outcome yet.
    ///
    /// # Errors
    /// If it does not answer.
    #[allow(clippy::cast_sign_loss, reason = "a gauge of things is not negative")]
    pub fn queued(&self) -> io::Result<u64> {
        self.metric("ringpost_queued_recipients").map(|queued| queued as u64)
    }

    /// Shards that take mail.
    ///
    /// # Errors
    /// If it does not answer.
    #[allow(clippy::cast_sign_loss, reason = "a sum of flags is not negative")]
    pub fn accepting(&self) -> io::Result<u64> {
        self.metric("ringpost_accepting").map(|accepting| accepting as u64)
    }

    /// The sum of all samples of the metric `name`, whatever their labels.
    ///
    /// # Errors
    /// If it does not answer, or has no such metric.
    pub fn metric(&self, name: &str) -> io::Result<f64> {
        let (_, text) = http::get(self.admin, "/metrics")?;
        sum(&text, name).ok_or_else(|| io::Error::other(format!("no metric {name} in:\n{text}")))
    }

    /// Waits until its metrics have this line, such as `ringpost_queued_recipients 0`.
    ///
    /// # Errors
    /// If they do not; with all they have of that name.
    pub fn wait_for_metric(&self, line: &str) -> io::Result<()> {
        let page = || http::get(self.admin, "/metrics").map(|(_, text)| text).unwrap_or_default();
        let there = || page().lines().any(|one| one == line).then_some(());
        wait::until(line, Duration::from_secs(10), there).map_err(|late| {
            let name = line.split(['{', ' ']).next().unwrap_or(line);
            let found: Vec<_> =
                page().lines().filter(|one| one.starts_with(name)).map(String::from).collect();
            io::Error::other(format!("{late}: {found:#?}"))
        })
    }

    /// All samples of each of these metrics, by shard, as they were at one moment.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn metrics_by_shard<const N: usize>(&self, names: [&str; N]) -> io::Result<[Vec<f64>; N]> {
        let (_, text) = http::get(self.admin, "/metrics")?;
        Ok(names.map(|name| samples(&text, name).collect()))
    }

    /// Has it read its settings again, as a service manager does.
    ///
    /// # Errors
    /// If it is gone.
    pub fn hang_up(&self) -> io::Result<()> {
        self.process.hang_up()
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
        self.terminate()?;
        self.process.wait(PATIENCE)
    }

    /// Asks it to drain and stop, and does not wait.
    ///
    /// # Errors
    /// If it has ended before.
    pub fn terminate(&self) -> io::Result<()> {
        self.process.terminate()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let ready = |ringpost: &Self| matches!(http::get(ringpost.admin, "/readyz"), Ok((200, _)));
        self.wait_for("a ready Ringpost", ready)
    }

    /// Waits until it is as `wanted`, or has ended.
    fn wait_for(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) -> io::Result<()> {
        let seen = wait::until(what, PATIENCE, || match self.process.ended() {
            Some(status) => Some(Err(format!("ended with {status}"))),
            None => wanted(self).then_some(Ok(())),
        });
        let cause = match seen {
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

fn launch(outfit: &Outfit, folder: &Path) -> io::Result<Process> {
    let program = outfit.program.clone().map_or_else(|| program::built("ringpost"), Ok)?;
    let (mut command, input) = match &outfit.held {
        Some(socket) => (holder(&program), OwnedFd::from(socket.try_clone()?).into()),
        None => (Command::new(program), Stdio::null()),
    };
    command.args(&outfit.arguments);
    command.args(["run", "--config"]).arg(folder.join("ringpost.toml"));
    Process::start_with(&mut command, input, &folder.join("output"))
}

/// `program` with its input as descriptor 3, as systemd would start it. Only the process
/// itself can say which it is, hence the shell.
fn holder(program: &Path) -> Command {
    const AS_SYSTEMD: &str = "exec 3<&0 </dev/null; \
        LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=smtp exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", AS_SYSTEMD]).arg(program);
    shell
}

fn shards_line(shards: Option<usize>) -> String {
    shards.map_or_else(String::new, |count| format!("shards = {count}\n"))
}
