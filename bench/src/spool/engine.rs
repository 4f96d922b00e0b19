//! The real `ringpost` on a spool of ours, with a next hop that nobody is at.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::process::Process;
use tests::{http, port, program, usage, wait};

/// A running engine. Killed when dropped.
pub(super) struct Engine {
    process: Process,
    smtp: SocketAddr,
    admin: SocketAddr,
}

/// What an engine has told of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Shards that know all of their messages.
    pub(super) recovered: f64,
    /// Recipients without a final outcome.
    pub(super) queued: f64,
}

impl Engine {
    /// Starts one on the spool in `folder`, which may not be there yet. Does not wait for it.
    pub(super) fn start(folder: &Path, shards: u16) -> io::Result<Self> {
        let (smtp, admin) = (port::free()?, port::free()?);
        fs::create_dir_all(folder)?;
        let settings = folder.join("ringpost.toml");
        fs::write(&settings, written(folder, shards, smtp, admin, port::free()?))?;
        let mut command = Command::new(program::built("ringpost")?);
        command.args(["run", "--config"]).arg(settings);
        let process = Process::start(&mut command, &folder.join("output"))?;
        Ok(Self { process, smtp, admin })
    }

    /// Where it takes mail.
    pub(super) fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// Bytes it has in memory now, and the most it ever had.
    pub(super) fn memory(&self) -> io::Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<f64>().ok()
        };
        let both = field("VmRSS").zip(field("VmHWM"));
        let (now, most) = both.ok_or_else(|| io::Error::other("no memory in its status"))?;
        Ok((now * 1_024.0, most * 1_024.0))
    }

    /// Processor time it has used.
    pub(super) fn cpu(&self) -> Duration {
        usage::cpu(self.process.id())
    }

    /// How it stands; an error if it has ended.
    pub(super) fn standing(&mut self) -> io::Result<Option<Standing>> {
        if let Some(status) = self.process.ended() {
            return Err(io::Error::other(format!("ended with {status}: {}", self.process.said())));
        }
        let Ok((200, text)) = http::get(self.admin, "/metrics") else { return Ok(None) };
        let recovered = sum(&text, "ringpost_recovered{");
        let queued = sum(&text, "ringpost_queued_recipients{");
        Ok(Some(Standing { recovered, queued }))
    }

    /// Waits until `enough` of how it stands.
    pub(super) fn wait_for(
        &mut self,
        what: &str,
        limit: Duration,
        enough: impl Fn(&Standing) -> bool,
    ) -> io::Result<()> {
        wait::until(what, limit, || match self.standing() {
            Ok(standing) => standing.is_some_and(|standing| enough(&standing)).then_some(Ok(())),
            Err(ended) => Some(Err(ended)),
        })?
    }

    /// How long it takes to tell of itself: the median of many times.
    pub(super) fn page(&self) -> io::Result<Duration> {
        const TIMES: usize = 201;
        let once = |_| {
            let start = wait::now();
            http::get(self.admin, "/metrics").map(|_| start.elapsed())
        };
        let mut times = (0..TIMES).map(once).collect::<io::Result<Vec<_>>>()?;
        times.sort_unstable();
        Ok(times[TIMES / 2])
    }

    /// Waits until it uses no processor time.
    pub(super) fn rest(&self, limit: Duration) -> io::Result<()> {
        usage::wait_until_idle(self.process.id(), limit)
    }
}

/// Nothing is kept in memory for delivery, and the queue has no end.
fn written(
    folder: &Path,
    shards: u16,
    smtp: SocketAddr,
    admin: SocketAddr,
    nobody: SocketAddr,
) -> String {
    let folder = folder.display();
    format!(
        "hostname = \"relay.test\"\nshards = {shards}\n\
         [spool]\npath = \"{folder}/spool\"\nqueued_max = 1000000000\nmemory_bytes = \"1MiB\"\n\
         [[listener]]\naddress = \"{smtp}\"\n\
         [admin]\naddress = \"{admin}\"\n\
         [log]\ndelivery = \"{folder}/delivery.jsonl\"\n\
         [[route]]\ndomain = \"*\"\nto = [\"{nobody}\"]\n"
    )
}

fn sum(text: &str, name: &str) -> f64 {
    let samples = text.lines().filter(|line| line.starts_with(name));
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}
