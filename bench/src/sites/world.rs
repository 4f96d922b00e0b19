//! The sites of a round, and the engine that sends to them.

use crate::peers::listen;
use loadgen::send;
use loadgen::sink::dns::{self, Dns};
use loadgen::sink::{self, Provider};
use loadgen::size::Mix;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::port;
use tests::ringpost::{Outfit, Ringpost};
use tests::{usage, wait};

/// How long a round may take.
pub(super) const PATIENCE: Duration = Duration::from_mins(5);
const BYTES: u32 = 4_096;

/// Sites, each with one domain, one host and one address, all on one port.
pub(super) struct World {
    pub(super) sink: sink::Sink,
    sites: u16,
    port: u16,
    dns: Dns,
}

impl World {
    /// So many that take everything. What they took is written to `ledger`.
    pub(super) fn start(sites: u16, ledger: Option<PathBuf>) -> io::Result<Self> {
        let port = port::free()?.port();
        let provider = |index: u16| {
            let domain = domain(index);
            let mut at = listen(index);
            at.set_port(port);
            Provider {
                name: format!("d{}", index + 1),
                listen: vec![at],
                hostname: format!("mx.{domain}"),
                domains: vec![domain],
                ..Provider::default()
            }
        };
        let providers = (0..sites).map(provider).collect();
        let sink = sink::start(sink::Options { providers, seed: 0, ledger, threads: 1 })?;
        let zone = dns::Zone::new(sink.providers()).map_err(io::Error::other)?;
        let dns = dns::serve(([127, 0, 0, 1], 0).into(), zone)?;
        Ok(Self { sink, sites, port, dns })
    }

    /// An engine that finds them. `more` goes behind its settings.
    pub(super) fn engine(&self, shards: usize, folder: &Path, more: &str) -> io::Result<Ringpost> {
        let settings = format!(
            "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
             [[route]]\ndomain = \"*\"\nport = {}\n{more}",
            self.dns.address, self.port
        );
        let outfit = Outfit { shards: Some(shards), ..Outfit::default() };
        let engine = Ringpost::start_as(outfit, folder, &settings)?;
        usage::wait_until_idle(engine.id(), PATIENCE)?;
        Ok(engine)
    }

    /// So many messages for all sites alike.
    pub(super) fn mail(&self, to: &Ringpost, messages: u64) -> io::Result<send::Options> {
        let domains = format!("zipf:{}:0:{SUFFIX}", self.sites);
        let domains = domains.parse().map_err(io::Error::other)?;
        Ok(send::Options { messages, domains, ..mail(to) })
    }

    /// Waits until all of it has come.
    pub(super) fn wait_for(&self, messages: u64) -> io::Result<()> {
        let all = || (self.sink.messages() >= messages).then_some(());
        wait::until("mail", PATIENCE, all).map_err(|late| {
            let came = self.sink.messages();
            io::Error::new(late.kind(), format!("{late}: {came} of {messages} came"))
        })
    }
}

const SUFFIX: &str = "many.test";

/// As the generator calls it, which counts from 1.
fn domain(index: u16) -> String {
    format!("d{}.{SUFFIX}", index + 1)
}

/// What all mail here is like.
pub(super) fn mail(to: &Ringpost) -> send::Options {
    send::Options { sizes: Mix::exactly(BYTES), ..send::Options::new(to.smtp()) }
}

/// Sends it, and sees that all was accepted.
pub(super) fn sent(mail: send::Options) -> io::Result<()> {
    let messages = mail.messages;
    let report = send::start(mail)?.join()?;
    let all = report.messages == messages;
    all.then_some(()).ok_or_else(|| io::Error::other(format!("not all was accepted: {report:?}")))
}
