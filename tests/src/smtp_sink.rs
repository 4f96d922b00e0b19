//! Postfix's own test pair: `smtp-sink`, which takes everything and counts it, and
//! `smtp-source`, which sends.

use crate::process::{Process, signal};
use crate::{port, tool, wait};
use rustix::process::Signal;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdout, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running sink. Ended when dropped.
#[derive(Debug)]
pub struct SmtpSink {
    process: Process,
    address: SocketAddr,
    last: Arc<Mutex<Last>>,
}

/// How many messages came, and when the last of them did.
#[derive(Clone, Copy, Debug)]
struct Last {
    messages: u64,
    at: Instant,
}

impl SmtpSink {
    /// Starts one on a free port; what it complains about goes to a file in `folder`.
    ///
    /// # Errors
    /// If it is not installed or does not listen.
    pub fn start(folder: &Path) -> io::Result<Self> {
        Self::start_on(port::free()?, folder)
    }

    /// [`Self::start`], at `address`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_on(address: SocketAddr, folder: &Path) -> io::Result<Self> {
        let program = tool::find("smtp-sink").ok_or_else(|| io::Error::other("no smtp-sink"))?;
        let mut command = Command::new(program);
        // Root must say whom it will run as; 1000 is the accept backlog.
        command.args(["-c", "-u", "nobody", &address.to_string(), "1000"]);
        let (process, output) = Process::piped(&mut command, &folder.join("sink.log"))?;
        let last = Arc::new(Mutex::new(Last { messages: 0, at: wait::now() }));
        let counted = Arc::clone(&last);
        thread::spawn(move || count(output, &counted));
        wait::until("smtp-sink", PATIENCE, || port::answers(address).then_some(()))?;
        Ok(Self { process, address, last })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets it take connections but say nothing, as a provider that hangs, until it is resumed.
    ///
    /// # Errors
    /// If it has ended.
    pub fn suspend(&self) -> io::Result<()> {
        signal(self.process.id(), Signal::STOP)
    }

    /// Lets it go on with what has come meanwhile.
    ///
    /// # Errors
    /// If it has ended.
    pub fn resume(&self) -> io::Result<()> {
        signal(self.process.id(), Signal::CONT)
    }

    /// Messages it has taken.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.last().messages
    }

    /// Waits until it has taken `messages`, and says when the last of them came.
    ///
    /// # Errors
    /// `TimedOut`, with the number that did come, after `limit`.
    pub fn wait_for(&self, messages: u64, limit: Duration) -> io::Result<Instant> {
        let arrived = || (self.received() >= messages).then(|| self.last().at);
        wait::until("mail", limit, arrived).map_err(|late| {
            io::Error::new(late.kind(), format!("{late}: {} of {messages} came", self.received()))
        })
    }

    fn last(&self) -> Last {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It writes `sess=1 quit=0 mesg=2` and a CR after each event.
fn count(output: ChildStdout, last: &Mutex<Last>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\r', &mut line).is_ok_and(|read| read > 0) {
        if let Some(messages) = messages(&line) {
            *last.lock().unwrap_or_else(PoisonError::into_inner) =
                Last { messages, at: wait::now() };
        }
        line.clear();
    }
}

fn messages(line: &[u8]) -> Option<u64> {
    let line = str::from_utf8(line).ok()?;
    line.rsplit_once("mesg=")?.1.trim_end().parse().ok()
}

/// A run of Postfix's `smtp-source`: connections that are kept, one command at a time.
#[derive(Clone, Copy, Debug)]
pub struct SmtpSource {
    /// Messages in all.
    pub messages: u64,
    /// Bytes of each.
    pub bytes: u64,
    /// Connections at once.
    pub sessions: u64,
    /// To whom.
    pub recipient: &'static str,
}

/// Seconds that a generator may take: a server that hangs fails its test, and does not hold up all others.
const SOURCE_SECS_MAX: &str = "300";

impl SmtpSource {
    /// Sends to the server at `to`; returns when all are accepted.
    ///
    /// # Errors
    /// If one is refused; with what it said.
    pub fn send(self, to: SocketAddr) -> io::Result<()> {
        let program =
            tool::find("smtp-source").ok_or_else(|| io::Error::other("no smtp-source"))?;
        // It waits for ever for a server that says nothing.
        let mut command = Command::new("timeout");
        command.arg(SOURCE_SECS_MAX).arg(program);
        command.args(["-d", "-f", "sender@source.test", "-t", self.recipient]);
        command.args(["-m", &self.messages.to_string(), "-l", &self.bytes.to_string()]);
        command.args(["-s", &self.sessions.to_string(), &to.to_string()]);
        let output = command.output()?;
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or_else(|| io::Error::other(said()))
    }
}

#[cfg(test)]
mod tests {
    use super::messages;

    #[test]
    fn its_counter_is_understood() {
        assert_eq!(messages(b"sess=20 quit=1 mesg=4711\r"), Some(4_711));
        assert_eq!(messages(b"sess=20 quit=1 mesg="), None);
    }
}
