//! A real Postfix, with settings, queue and log in a folder of its own.
//!
//! It shares nothing with the host's own instance but the installed programs. Its master
//! runs in the foreground as our child's child and is ended by the id it wrote down.

use crate::process::{Process, signal};
use crate::{port, tool, wait};
use rustix::process::Signal;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long Postfix may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// What every instance is told, before its own settings.
const SETTINGS: [(&str, &str); 17] = [
    ("compatibility_level", "3.6"),
    ("myhostname", "postfix.test"),
    ("inet_interfaces", "127.0.0.1"),
    ("inet_protocols", "ipv4"),
    ("mynetworks", "127.0.0.0/8"),
    ("mydestination", ""),
    ("alias_maps", ""),
    ("alias_database", ""),
    ("local_recipient_maps", ""),
    // Nothing here may ask the world's DNS.
    ("disable_dns_lookups", "yes"),
    ("smtp_host_lookup", "native"),
    ("smtpd_peername_lookup", "no"),
    ("smtpd_tls_security_level", "none"),
    ("smtp_tls_security_level", "none"),
    ("smtpd_recipient_restrictions", "permit_mynetworks, reject"),
    ("biff", "no"),
    ("import_environment", "MAIL_CONFIG TZ"),
];

/// The services of `master.cf`, less the listener; none of them in a chroot.
const SERVICES: [(&str, &str); 16] = [
    ("cleanup unix n - n - 0", "cleanup"),
    ("qmgr unix n - n 300 1", "qmgr"),
    ("rewrite unix - - n - -", "trivial-rewrite"),
    ("bounce unix - - n - 0", "bounce"),
    ("defer unix - - n - 0", "bounce"),
    ("trace unix - - n - 0", "bounce"),
    ("verify unix - - n - 1", "verify"),
    ("flush unix n - n 1000? 0", "flush"),
    ("proxymap unix - - n - -", "proxymap"),
    ("smtp unix - - n - -", "smtp"),
    ("error unix - - n - -", "error"),
    ("discard unix - - n - -", "discard"),
    ("virtual unix - n n - -", "virtual"),
    ("anvil unix - - n - 1", "anvil"),
    ("scache unix - - n - 1", "scache"),
    ("tlsmgr unix - - n 1000? 1", "tlsmgr"),
];

/// A running Postfix. Stopped when dropped.
#[derive(Debug)]
pub struct Postfix {
    process: Process,
    folder: PathBuf,
    address: SocketAddr,
}

impl Postfix {
    /// Starts an instance in `folder`, which must be reachable by the user `postfix`, and
    /// waits until it greets. `settings` are lines of `main.cf`; the last of a name wins.
    ///
    /// # Errors
    /// If Postfix is not installed, or does not come up; with its log.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> io::Result<Self> {
        Self::start_with(folder, settings, &[])
    }

    /// [`Self::start`], with further lines of `master.cf`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_beside(
        folder: &Path,
        settings: &[(&str, &str)],
        services: &str,
    ) -> io::Result<Self> {
        Self::run(folder, settings, |address| master_cf(address, &[]) + services)
    }

    /// [`Self::start`], with more doors than the one: where each is, and its own settings.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(
        folder: &Path,
        settings: &[(&str, &str)],
        doors: &[(SocketAddr, String)],
    ) -> io::Result<Self> {
        Self::run(folder, settings, |address| master_cf(address, doors))
    }

    fn run(
        folder: &Path,
        settings: &[(&str, &str)],
        master: impl FnOnce(SocketAddr) -> String,
    ) -> io::Result<Self> {
        let address = port::free()?;
        fs::create_dir_all(folder.join("data"))?;
        fs::create_dir_all(folder.join("queue"))?;
        fs::write(folder.join("main.cf"), main_cf(folder, settings))?;
        fs::write(folder.join("master.cf"), master(address))?;
        own(&folder.join("data"))?;
        let mut command = Command::new(program("postfix")?);
        command.arg("-c").arg(folder).arg("start-fg");
        let process = Process::start(&mut command, &folder.join("output"))?;
        let postfix = Self { process, folder: folder.into(), address };
        wait::until("Postfix", PATIENCE, || postfix.is_up().then_some(()))
            .map_err(|late| io::Error::other(format!("{late}\n{}", postfix.log())))?;
        Ok(postfix)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id of its master, the ancestor of all its daemons.
    #[must_use]
    pub fn master(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("queue/pid/master.pid")).ok()?.trim().parse().ok()
    }

    /// What it said and logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.said() + &fs::read_to_string(self.folder.join("maillog")).unwrap_or_default()
    }

    /// Messages in its queue, whatever their state.
    #[must_use]
    pub fn queued(&self) -> usize {
        let queues = ["incoming", "active", "deferred", "hold"];
        queues.iter().map(|queue| files_below(&self.folder.join("queue").join(queue))).sum()
    }

    fn is_up(&self) -> bool {
        self.master().is_some() && port::answers(self.address)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let Some(master) = self.master() else { return };
        let _ = signal(master, Signal::TERM);
        let _ = self.process.wait(PATIENCE);
    }
}

fn main_cf(folder: &Path, settings: &[(&str, &str)]) -> String {
    let folder = folder.display();
    let places = [
        ("queue_directory", format!("{folder}/queue")),
        ("data_directory", format!("{folder}/data")),
        ("maillog_file", format!("{folder}/maillog")),
        ("maillog_file_prefixes", format!("{folder}")),
    ];
    let places = places.iter().map(|(name, value)| (*name, value.as_str()));
    let lines = places.chain(SETTINGS).chain(settings.iter().copied());
    lines.map(|(name, value)| [name, " = ", value, "\n"].concat()).collect()
}

fn master_cf(address: SocketAddr, doors: &[(SocketAddr, String)]) -> String {
    let door = |(address, settings): &(SocketAddr, String)| {
        format!("{address} inet n - n - - smtpd {settings}\n")
    };
    let doors: String = doors.iter().map(door).collect();
    let services = SERVICES.map(|(service, program)| format!("{service} {program}\n"));
    format!(
        "{address} inet n - n - - smtpd\n{doors}{}postlog unix-dgram n - n - 1 postlogd\n",
        services.concat()
    )
}

/// Gives `folder` to the user that Postfix's daemons run as.
fn own(folder: &Path) -> io::Result<()> {
    let status = Command::new("chown").arg("postfix:").arg(folder).status()?;
    status.success().then_some(()).ok_or_else(|| io::Error::other("chown to postfix failed"))
}

fn program(name: &str) -> io::Result<PathBuf> {
    tool::find(name).ok_or_else(|| io::Error::other(format!("{name} is not installed")))
}

fn files_below(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let count = |path: PathBuf| if path.is_dir() { files_below(&path) } else { 1 };
    entries.flatten().map(|entry| count(entry.path())).sum()
}
