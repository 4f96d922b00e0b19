//! The relays that are compared, each with the settings that suit bulk mail: the files in
//! `bench/peers/`, a folder a relay.

mod exim;
mod haraka;
mod opensmtpd;
mod postfix;
mod ringpost;
mod running;

pub(super) use running::Running;

use super::launch::Launch;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A relay that can take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Relay {
    /// Debian's Postfix.
    Postfix,
    /// Debian's Exim.
    Exim,
    /// Debian's OpenSMTPD.
    #[value(name = "opensmtpd")]
    OpenSmtpd,
    /// Haraka, from npm.
    Haraka,
    /// Ours, with `durability = "sync"`.
    Ringpost,
}

/// What a relay of a round is told.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// A folder of its own, empty at first.
    pub(super) folder: PathBuf,
    /// Where mail goes.
    pub(super) hops: Vec<Hop>,
    /// The most connections to one of them.
    pub(super) connections: u16,
    /// When what was deferred is due again.
    pub(super) retry: Duration,
    /// Whether the next hop hangs while mail comes in.
    pub(super) hung: bool,
    /// A file with key and certificate, if TLS is asked for on both sides.
    pub(super) tls: Option<PathBuf>,
}

/// The next hop of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) domain: String,
    pub(super) address: SocketAddr,
}

impl Relay {
    /// All of them, ours last.
    pub const ALL: [Self; 5] =
        [Self::Postfix, Self::Exim, Self::OpenSmtpd, Self::Haraka, Self::Ringpost];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postfix => "Postfix",
            Self::Exim => "Exim",
            Self::OpenSmtpd => "OpenSMTPD",
            Self::Haraka => "Haraka",
            Self::Ringpost => "Ringpost",
        }
    }

    /// Whether it can run here.
    ///
    /// # Errors
    /// What is missing, and what to do.
    pub fn ready(self) -> Result<(), String> {
        if self != Self::Ringpost && !is_root() {
            return Err("it must be started by root".into());
        }
        match self {
            Self::Postfix => postfix::ready(),
            Self::Exim => exim::ready(),
            Self::OpenSmtpd => opensmtpd::ready(),
            Self::Haraka => haraka::ready(),
            Self::Ringpost => Ok(()),
        }
    }

    /// Why it takes no part in `tls`, if it takes none.
    pub(super) const fn lacks_tls(self) -> Option<&'static str> {
        match self {
            Self::OpenSmtpd => Some(
                "Debian's 6.8 fails every handshake with OpenSSL 3, with RSA and ECDSA keys \
                 alike: https://github.com/OpenSMTPD/OpenSMTPD/issues/1239",
            ),
            Self::Postfix | Self::Exim | Self::Haraka | Self::Ringpost => None,
        }
    }

    /// By how much each reply of the next hop must be late for what is synced before a 250 to
    /// be told from what is synced behind it: Ringpost's own count is a second old at most.
    pub(super) const fn late_ms(self) -> u64 {
        if matches!(self, Self::Ringpost) { 1_100 } else { 100 }
    }

    /// Whether its retry times are its own: it is told to retry when the time has come that
    /// the others have in their settings.
    const fn retries_when_told(self) -> bool {
        matches!(self, Self::OpenSmtpd)
    }

    /// How many times as many messages it gets, so that its round takes seconds too.
    #[must_use]
    pub const fn share(self) -> u64 {
        match self {
            Self::Ringpost => 5,
            _ => 1,
        }
    }

    /// Connections at once over which mail comes in. OpenSMTPD listens with a backlog of 5:
    /// of twenty that come at one moment the kernel drops some, which are never greeted.
    pub(super) fn sessions(self, wanted: u64) -> u64 {
        const BACKLOG: u64 = 5;
        if self == Self::OpenSmtpd { wanted.min(BACKLOG) } else { wanted }
    }

    /// Idle connections asked of it. A relay with a process for each gets as many as fit into
    /// the machine beside each other.
    pub(super) fn idle_connections(self, wanted: u64) -> u64 {
        const PROCESSES_MAX: u64 = 900;
        match self {
            Self::Postfix | Self::Exim => wanted.min(PROCESSES_MAX),
            _ => wanted,
        }
    }

    /// Writes its settings for `site`.
    fn prepare(self, site: &Site, address: SocketAddr) -> io::Result<Launch> {
        match self {
            Self::Postfix => postfix::prepare(site, address),
            Self::Exim => exim::prepare(site, address),
            Self::OpenSmtpd => opensmtpd::prepare(site, address),
            Self::Haraka => haraka::prepare(site, address),
            Self::Ringpost => Err(io::Error::other("Ringpost is started by the tests' own means")),
        }
    }

    /// The commands with which an operator has it try at once what it has, if it knows any.
    fn flush(self, launch: &Launch, site: &Site, id: u32) -> Vec<Vec<String>> {
        match self {
            Self::Postfix => postfix::flush(launch, site),
            Self::Exim => exim::flush(launch),
            Self::OpenSmtpd => opensmtpd::flush(launch),
            Self::Haraka => haraka::flush(id),
            Self::Ringpost => Vec::new(),
        }
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Site {
    /// One line for each next hop.
    fn hop_lines(&self, line: impl Fn(&Hop) -> String) -> String {
        self.hops.iter().map(|hop| line(hop) + "\n").collect()
    }

    fn retry_secs(&self) -> String {
        self.retry.as_secs().to_string()
    }

    /// The path of the file with key and certificate; a name that is never opened without TLS.
    fn chain(&self) -> String {
        self.tls.as_ref().map_or_else(|| "none".into(), |chain| chain.display().to_string())
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A command line in words.
fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}
