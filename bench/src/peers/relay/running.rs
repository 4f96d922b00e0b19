//! A relay in one round, from its start to its end.

use super::{Relay, Site, ringpost};
use crate::peers::client::Client;
use crate::peers::launch::Launch;
use crate::peers::load::Sink;
use crate::peers::processes::Processes;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tests::process::Process;
use tests::ringpost::Ringpost;
use tests::{port, wait};

/// How long a relay may take to greet.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long one connection waits for a greeting before another tries: a relay that is starting
/// may take one it will never greet.
const GREETING: Duration = Duration::from_millis(500);
/// How long mail may take through it.
const PATIENCE_MAIL: Duration = Duration::from_mins(5);
/// How long one may take to end when asked; then it is ended.
const FAREWELL: Duration = Duration::from_secs(10);

/// A relay that runs. Stopped when dropped, with all its processes.
#[derive(Debug)]
pub(in crate::peers) struct Running {
    relay: Relay,
    site: Site,
    address: SocketAddr,
    body: Body,
    /// What a flush has started.
    helpers: Vec<Process>,
    processes: Processes,
}

#[derive(Debug)]
enum Body {
    Peer(Launch, Process),
    Ringpost(Ringpost),
}

impl Running {
    /// Starts `relay` at `site` and waits until it greets.
    pub(in crate::peers) fn start(relay: Relay, site: Site) -> io::Result<Self> {
        std::fs::create_dir_all(&site.folder)?;
        let (address, body) = if relay == Relay::Ringpost {
            let ringpost = ringpost::start(&site)?;
            (ringpost.smtp(), Body::Ringpost(ringpost))
        } else {
            let address = port::free()?;
            let launch = relay.prepare(&site, address)?;
            let process = launch.start(&site.folder.join("output"))?;
            (address, Body::Peer(launch, process))
        };
        let processes = Processes::of(body.root());
        let mut running = Self { relay, site, address, body, helpers: Vec::new(), processes };
        running.greeted()?;
        Ok(running)
    }

    /// Where it takes mail.
    pub(in crate::peers) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All it consists of.
    pub(in crate::peers) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Ringpost itself, if it is that.
    pub(in crate::peers) fn ringpost(&self) -> Option<&Ringpost> {
        match &self.body {
            Body::Ringpost(ringpost) => Some(ringpost),
            Body::Peer(..) => None,
        }
    }

    /// Waits until `sink` has taken `messages`, and says when the last of them came.
    pub(in crate::peers) fn wait_for(&mut self, sink: &Sink, messages: u64) -> io::Result<Instant> {
        if !self.relay.retries_when_told() {
            return sink.wait_for(messages, PATIENCE_MAIL);
        }
        let start = wait::now();
        loop {
            match sink.wait_for(messages, self.site.retry.min(PATIENCE_MAIL)) {
                Err(late) if late.kind() == io::ErrorKind::TimedOut => (),
                arrived => return arrived,
            }
            if start.elapsed() > PATIENCE_MAIL {
                return sink.wait_for(messages, Duration::ZERO);
            }
            self.flush()?;
        }
    }

    /// Has it try at once what it has, if it knows how.
    pub(in crate::peers) fn flush(&mut self) -> io::Result<()> {
        let Body::Peer(launch, process) = &self.body else { return Ok(()) };
        for command in self.relay.flush(launch, &self.site, process.id()) {
            let mut command = launch.beside(process.id(), &command);
            let helper = Process::start(&mut command, &self.site.folder.join("flush"))?;
            self.processes.take_in(helper.id());
            self.helpers.push(helper);
        }
        Ok(())
    }

    /// Ends it this instant, as a crash would.
    pub(in crate::peers) fn kill(&mut self) -> io::Result<()> {
        self.processes.kill()?;
        match &mut self.body {
            Body::Peer(_, process) => process.kill().map(|_| ()),
            // Its group may have ended it; it is reaped here.
            Body::Ringpost(ringpost) => ringpost.kill().or(Ok(())),
        }
    }

    /// Starts it again on what it had, and waits until it greets.
    pub(in crate::peers) fn restart(&mut self) -> io::Result<()> {
        match &mut self.body {
            Body::Peer(launch, process) => {
                *process = launch.start(&self.site.folder.join("output"))?;
            }
            Body::Ringpost(ringpost) => ringpost.restart()?,
        }
        self.processes.adopt(self.body.root());
        self.greeted()
    }

    fn greeted(&mut self) -> io::Result<()> {
        let address = self.address;
        let greeted = wait::until("a greeting", PATIENCE, || {
            let ended = match &mut self.body {
                Body::Peer(_, process) => process.ended(),
                Body::Ringpost(_) => None,
            };
            match ended {
                Some(status) => Some(Err(io::Error::other(format!("ended with {status}")))),
                None => Client::connect_within(address, GREETING).is_ok().then_some(Ok(())),
            }
        });
        greeted.flatten().map_err(|error| {
            let said = match &self.body {
                Body::Peer(_, process) => process.said(),
                Body::Ringpost(ringpost) => ringpost.said(),
            };
            io::Error::other(format!("{error}\n{said}"))
        })?;
        // What it started while we took it in.
        self.processes.adopt(self.body.root());
        Ok(())
    }
}

impl Body {
    /// The process that all others stem from.
    fn root(&self) -> u32 {
        match self {
            Self::Peer(_, process) => process.id(),
            Self::Ringpost(ringpost) => ringpost.id(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Body::Peer(_, process) = &mut self.body
            && self.processes.are_grouped()
            && process.terminate().is_ok()
        {
            let _ = process.wait(FAREWELL);
        }
        let _ = self.processes.end();
    }
}
