//! The engine as a process of its own: the same binary, so that its cost is measured apart.

use super::Ended;
use super::place::Place;
use super::scrape::Figures;
use crate::fetch::fetch;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

const START_MAX: Duration = Duration::from_secs(20);
/// Longer than the engine's own limit for a drain.
const STOP_MAX: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(20);
/// The unit of CPU times in /proc: `USER_HZ`, which Linux fixes for all programs.
const MICROS_PER_JIFFY: u64 = 10_000;

/// Where the engine listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) smtp: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// Two ports nobody listens on at the moment.
pub(super) fn free_ports() -> io::Result<Ports> {
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (smtp, admin) = (any()?, any()?);
    Ok(Ports { smtp: smtp.local_addr()?, admin: admin.local_addr()? })
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// User and system time.
    pub(super) cpu: Duration,
    /// The most memory it has had resident.
    pub(super) peak_bytes: u64,
}

impl Cost {
    /// The cost since `earlier`; the peak is that of the whole life.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(earlier.cpu), ..self }
    }
}

/// The running engine. Ended on drop, if need be by force.
#[derive(Debug)]
pub(super) struct Engine {
    child: Child,
    ports: Ports,
}

impl Engine {
    /// Starts it with the settings of this place.
    pub(super) fn start(place: &Place, ports: Ports) -> io::Result<Self> {
        let log = File::create(place.engine_log())?;
        let child = Command::new(std::env::current_exe()?)
            .arg("run")
            .arg("--config")
            .arg(place.settings())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in a terminal goes to a whole group; the engine is stopped by us alone.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, ports })
    }

    pub(super) fn smtp(&self) -> SocketAddr {
        self.ports.smtp
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until /readyz says yes.
    pub(super) fn wait_until_ready(&mut self, interrupted: &AtomicBool) -> Result<(), Ended> {
        let mut waited = Duration::ZERO;
        while waited < START_MAX {
            if interrupted.load(Relaxed) {
                return Err(Ended::Interrupted);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(Ended::Engine(status.to_string()));
            }
            // Nobody listens there at first: that is an error too.
            if fetch(self.ports.admin, "/readyz").is_ok_and(|answer| answer.is_some()) {
                return Ok(());
            }
            thread::sleep(LOOK);
            waited += LOOK;
        }
        Err(Ended::Engine("it did not become ready".to_owned()))
    }

    /// Its counters.
    pub(super) fn figures(&self) -> Result<Figures, Ended> {
        let text = fetch(self.ports.admin, "/metrics");
        let gone = |cause: String| Ended::Engine(format!("no answer on its admin port: {cause}"));
        match text {
            Ok(Some(text)) => Ok(Figures::read(&text)),
            Ok(None) => Err(gone("not 200".to_owned())),
            Err(error) => Err(gone(error.to_string())),
        }
    }

    /// What it has used so far; nothing once it has ended.
    pub(super) fn cost(&self) -> Cost {
        let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.id()));
        let cpu = of("stat").ok().and_then(|stat| cpu_of(&stat)).unwrap_or_default();
        let peak_bytes = of("status").ok().and_then(|status| peak_of(&status)).unwrap_or(0);
        Cost { cpu, peak_bytes }
    }

    /// Tells it to drain, and waits until it has ended.
    pub(super) fn stop(&mut self) -> Result<(), Ended> {
        if let Some(status) = self.child.try_wait()? {
            return Err(Ended::Engine(status.to_string()));
        }
        self.terminate();
        let mut waited = Duration::ZERO;
        while waited < STOP_MAX {
            if let Some(status) = self.child.try_wait()? {
                let well = status.success();
                return if well { Ok(()) } else { Err(Ended::Engine(status.to_string())) };
            }
            thread::sleep(LOOK);
            waited += LOOK;
        }
        self.child.kill()?;
        self.child.wait()?;
        Err(Ended::Engine("it did not drain in time, and was killed".to_owned()))
    }

    fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself just now; then there is nothing to tell it.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// User and system time in a line of /proc/PID/stat. The name before them may hold anything.
pub(super) fn cpu_of(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_micros((user + system) * MICROS_PER_JIFFY))
}

/// Peak resident bytes in /proc/PID/status.
pub(super) fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}
