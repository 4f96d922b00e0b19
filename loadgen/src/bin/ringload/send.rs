//! `ringload send`.

mod show;
mod speech;

use crate::report::Part;
use crate::screen::{self, Screen, TICK, View};
use loadgen::arrivals::{Arrivals, NotArrivals};
use loadgen::message::Templates;
use loadgen::recipient::{Addresses, Domains};
use loadgen::report::Relay;
use loadgen::send::{self, Counters, Options, Pipelining};
use loadgen::size::Mix;
use loadgen::target;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

/// What was written on the command line.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Arguments {
    /// The relay, as host:port
    #[arg(default_value = "127.0.0.1:2525")]
    target: String,
    /// How many messages
    #[arg(short, long, default_value_t = 10_000)]
    messages: u64,
    /// Connections at once
    #[arg(short, long, default_value_t = 20)]
    sessions: usize,
    /// Threads the sessions are spread over
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Messages on one connection before a new one is made (0: any number, as with smtp-source -d;
    /// 1: as without)
    #[arg(long, default_value_t = 0)]
    messages_per_session: u64,
    /// Bytes of a message: 4096, 4k, a range 2k-64k, or transactional, newsletter, attachment, mixed
    #[arg(short = 'l', long, visible_alias = "mix", default_value = "4k")]
    size: Mix,
    /// Send these messages instead: a folder of .eml files, or one file; each gains our proof header
    /// and a Message-ID of its own
    #[arg(short = 'F', long, value_name = "FOLDER", conflicts_with = "size")]
    messages_from: Option<PathBuf>,
    /// Recipient domains with weights, name[=weight],...; or zipf:1000:1.1:example.test, many of
    /// which few are large
    #[arg(long, default_value = "sink.example")]
    domains: Domains,
    /// A file of recipients, one address a line, in order and then from the first again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["domains", "mailboxes"])]
    recipients_from: Option<PathBuf>,
    /// Recipients of each message
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    recipients: u16,
    /// Mailboxes at each domain (0: every message has its own)
    #[arg(long, default_value_t = 0)]
    mailboxes: u64,
    /// How far to speak ahead of the answers: none, envelope, or full (the next envelope behind the final dot)
    #[arg(short, long, default_value = "full")]
    pipelining: Pipelining,
    #[command(flatten)]
    speech: speech::Speech,
    /// Send no 8-bit messages
    #[arg(long)]
    seven_bit: bool,
    /// The name given with EHLO
    #[arg(short = 'M', long, default_value = "ringload.example")]
    helo: String,
    /// The domain of the sender addresses
    #[arg(long, default_value = "bulk.example")]
    sender_domain: String,
    /// When messages start: closed (when a session is free), or whatever the relay does:
    /// constant:5000/s, ramp:1000/s-20000/s:60s, poisson:5000/s, step:1000/s:10s,5000/s:10s
    /// (rates as N/[M]{s,m,h,d}; the last one goes on)
    #[arg(long, default_value = "closed")]
    arrivals: Arrivals,
    /// Short for --arrivals constant:RATE
    #[arg(long, conflicts_with = "arrivals", value_name = "RATE", value_parser = constant)]
    rate: Option<Arrivals>,
    /// Milliseconds after which a start in an open loop is counted as late
    #[arg(long, default_value_t = 10)]
    late_after_ms: u64,
    /// Milliseconds after which a start in an open loop is dropped (default: never, all are sent)
    #[arg(long)]
    drop_after_ms: Option<u64>,
    /// Decides everything that looks random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write a ledger there
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Write what came of it into this folder, for `ringload report`
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Watch what this process and its descendants use of CPU and memory (may be repeated)
    #[arg(long, value_name = "PID", requires = "report")]
    relay_pid: Vec<u32>,
    /// Milliseconds after which a message answered with 4xx is offered again
    #[arg(long, default_value_t = 250)]
    retry_after_ms: u64,
    /// How often it is offered again
    #[arg(long, default_value_t = 100)]
    retries_max: u16,
    /// Seconds to wait for an answer or a connection
    #[arg(long, default_value_t = 30)]
    patience_secs: u64,
    /// The target is mine: it need not be on this machine
    #[arg(long)]
    i_own_the_target: bool,
    /// Do not check after the run that the generator by itself can send twice what was measured (the
    /// check takes a quarter of the time of the run, and at most a second)
    #[arg(long)]
    no_self_check: bool,
    /// Show nothing but the report
    #[arg(short, long)]
    quiet: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn options(&self) -> Result<Options, Box<dyn Error>> {
        let templates = self.messages_from.as_deref().map(Templates::read).transpose()?;
        let target = target::check(&self.target, self.i_own_the_target)?;
        let addresses = self.recipients_from.as_deref().map(Addresses::open).transpose()?;
        let mut options = Options {
            messages: self.messages,
            sessions: self.sessions,
            threads: self.threads,
            messages_per_session: self.messages_per_session,
            sizes: self.size.clone(),
            templates: templates.map(Arc::new),
            domains: self.domains.clone(),
            addresses: addresses.map(Arc::new),
            recipients: self.recipients,
            mailboxes: self.mailboxes,
            pipelining: self.pipelining,
            eight_bit: !self.seven_bit,
            helo: self.helo.clone(),
            sender_domain: self.sender_domain.clone(),
            arrivals: self.rate.as_ref().unwrap_or(&self.arrivals).clone(),
            late_after: Duration::from_millis(self.late_after_ms),
            drop_after: self.drop_after_ms.map(Duration::from_millis),
            seed: self.seed,
            ledger: self.ledger.clone(),
            retry_after: Duration::from_millis(self.retry_after_ms),
            retries_max: self.retries_max,
            patience: Duration::from_secs(self.patience_secs),
            ..Options::new(target)
        };
        self.speech.apply(&self.target, &mut options)?;
        Ok(options)
    }
}

/// Sends. True if every message was accepted.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let stop_wished = screen::stop_wished()?;
    let options = arguments.options()?;
    let part = Part::begin(arguments.report.as_deref())?;
    let mut relay = Relay::new(&arguments.relay_pid);
    part.look_at_relay(&mut relay)?;
    let sending = send::start(options.clone())?;
    let mut screen = Screen::new(0, arguments.quiet);
    while !sending.has_ended() {
        thread::sleep(TICK);
        if stop_wished() {
            sending.stop();
        }
        part.look_at_relay(&mut relay)?;
        screen.show(|| view(sending.counters(), arguments.messages));
    }
    screen.clear();
    let mut report = sending.join()?;
    part.last_look_at_relay(&mut relay)?;
    if !arguments.no_self_check && !stop_wished() {
        send::check_capacity(&options, &mut report)?;
    }
    part.write_sent(&relay, &report)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", show::Shown(&report));
    }
    let short = report.unsent + report.refused + report.unanswered + report.generator.dropped;
    Ok(short == 0)
}

fn view(counters: &Counters, total: u64) -> View<'_> {
    let facts = [
        (&counters.open, "sessions"),
        (&counters.postponed, "answers 4xx"),
        (&counters.refused, "refused"),
        (&counters.unanswered, "unanswered"),
        (&counters.lost, "connections lost"),
    ];
    View {
        position: counters.finished.load(Relaxed),
        total: Some(total),
        facts: facts.map(|(cell, what)| (cell.load(Relaxed), what)).to_vec(),
        recent: Some(&counters.recent),
        heads: &[],
        rows: Vec::new(),
    }
}

fn constant(rate: &str) -> Result<Arrivals, NotArrivals> {
    format!("constant:{rate}").parse()
}
