//! `ringload sink`.

use crate::report::Part;
use crate::screen::{self, Row, Screen, TICK, View};
use loadgen::latency::brief;
use loadgen::report;
use loadgen::sink::{self, Counters, Options, Provider, Simulated, dns, profiles};
use loadgen::target;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

/// What was written on the command line.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct Arguments {
    /// Addresses on which to take everything (default, without providers: 127.0.0.1:2526)
    listen: Vec<SocketAddr>,
    /// A provider: key=value,... with the keys of a [[provider]] table, such as
    /// `name=slow,listen=127.0.0.1:2527,delay_ms=50,defer=0.1,messages_per_connection=20`
    #[arg(long, value_name = "SPEC", value_parser = Provider::read_line)]
    provider: Vec<Provider>,
    /// A TOML file of [[provider]] tables; `extends = "gmail"` in one makes it say only what
    /// differs from that profile
    #[arg(long, value_name = "FILE")]
    providers: Option<PathBuf>,
    /// A provider by the name of its profile, or a TOML file of one profile (may be repeated).
    /// The N-th that gives no addresses listens at 127.0.N.1 and up, one for each of its hosts
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// The port of the providers that give no addresses
    #[arg(long, default_value_t = 25)]
    port: u16,
    /// List the profiles that ship, and do nothing else
    #[arg(long)]
    list_profiles: bool,
    /// Print a profile that ships, as a start for one of your own, and do nothing else
    #[arg(long, value_name = "NAME")]
    show_profile: Option<String>,
    /// Answer DNS questions there, over UDP and TCP: MX and addresses of the providers' domains
    /// and hosts, such as 127.0.0.1:5300. For a relay whose only resolver this is, the providers
    /// are the world
    #[arg(long, value_name = "ADDRESS")]
    dns: Option<SocketAddr>,
    /// Write a ledger there
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Write what came of it into this folder, for `ringload report`
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Decides who is deferred and who is refused
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; each serves all providers
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Stop after this many messages
    #[arg(short, long)]
    messages: Option<u64>,
    /// Stop after this many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Listen on other addresses than loopback
    #[arg(long)]
    i_own_the_target: bool,
    /// Show nothing but the report
    #[arg(short, long)]
    quiet: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn providers(&self) -> Result<Vec<Provider>, Box<dyn Error>> {
        let mut providers = self.provider.clone();
        if let Some(path) = &self.providers {
            providers
                .extend(Provider::read_file(&path.to_string_lossy(), &fs::read_to_string(path)?)?);
        }
        for name in &self.profile {
            providers.push(profiles::read(name)?);
        }
        profiles::place(&mut providers, self.port)?;
        let mut listen = self.listen.clone();
        if listen.is_empty() && providers.is_empty() {
            listen.push(SocketAddr::from(([127, 0, 0, 1], 2_526)));
        }
        if !listen.is_empty() {
            providers.push(Provider { listen, ..Provider::default() });
        }
        let listen = providers.iter().flat_map(|provider| &provider.listen);
        for address in listen.chain(&self.dns) {
            target::check(&address.to_string(), self.i_own_the_target)?;
        }
        Ok(providers)
    }
}

/// Prints profiles, if that was all that was asked for.
fn print_profiles(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut text = String::new();
    if arguments.list_profiles {
        for (name, _) in profiles::SHIPPED {
            writeln!(text, "  {name:<14}{}", profiles::read(name)?.about)?;
        }
    }
    if let Some(name) = &arguments.show_profile {
        text += profiles::text(name).ok_or_else(|| profiles::unknown(name))?;
    }
    match io::stdout().write_all(text.as_bytes()) {
        // The reader has seen enough: `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        written => Ok(written.map(|()| !text.is_empty())?),
    }
}

/// Serves until told to stop. True if no body arrived changed.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    if print_profiles(arguments)? {
        return Ok(true);
    }
    let stop_wished = screen::stop_wished()?;
    let part = Part::begin(arguments.report.as_deref())?;
    let mut watched = report::Providers::default();
    let sink = sink::start(Options {
        providers: arguments.providers()?,
        seed: arguments.seed,
        ledger: arguments.ledger.clone(),
        threads: arguments.threads,
    })?;
    let zone = dns::Zone::new(sink.providers())?;
    let dns = arguments.dns.map(|address| dns::serve(address, zone)).transpose()?;
    if !arguments.quiet {
        if let Some(dns) = &dns {
            eprintln!("  names are answered at {}", dns.address);
        }
        for provider in sink.providers() {
            let addresses =
                provider.addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
            eprintln!("  {} listens on {}", provider.site.provider().name, addresses.join(", "));
        }
    }
    let mut screen = Screen::new(sink.providers().len(), arguments.quiet);
    let mut waited = Duration::ZERO;
    while !stop_wished() && !sink.has_ended() {
        thread::sleep(TICK);
        waited += TICK;
        part.look_at_providers(&mut watched, sink.providers());
        let messages = sink.messages();
        screen.show(|| view(sink.providers(), messages, arguments.messages));
        let enough = arguments.messages.is_some_and(|wanted| messages >= wanted);
        if enough || arguments.seconds.is_some_and(|secs| waited.as_secs() >= secs) {
            break;
        }
    }
    screen.clear();
    sink.stop();
    let providers = sink.providers().to_vec();
    let cpu = sink.join()?;
    part.write_received(watched, &providers, cpu)?;
    let corrupt: u64 = providers.iter().map(|one| one.counters.corrupt.load(Relaxed)).sum();
    if arguments.json {
        println!("{}", json(&providers, cpu));
    } else {
        show(&providers, cpu);
    }
    Ok(corrupt == 0)
}

fn view(providers: &[Arc<Simulated>], position: u64, total: Option<u64>) -> View<'static> {
    let row = |one: &Arc<Simulated>| {
        let Counters { delivered, deferred, failed, open, turned_away, broken, .. } = &one.counters;
        let counts = [delivered, deferred, failed, open, turned_away, broken];
        let counts = counts.map(|cell| cell.load(Relaxed)).to_vec();
        Row { name: one.site.provider().name.clone(), counts }
    };
    let rows: Vec<_> = providers.iter().map(row).collect();
    let sum = |column: usize| rows.iter().map(|row| row.counts[column]).sum();
    View {
        position,
        total,
        facts: vec![(sum(3), "connections"), (sum(1), "deferred"), (sum(5), "out of contract")],
        recent: None,
        heads: &["delivered", "deferred", "failed", "open", "421s", "broken"],
        rows,
    }
}

fn show(providers: &[Arc<Simulated>], cpu: Duration) {
    println!(
        "  {:<16}{:>11}{:>11}{:>10}{:>10}{:>10}{:>10}{:>9}{:>8}",
        "provider",
        "messages",
        "delivered",
        "deferred",
        "failed",
        "connects",
        "421s",
        "corrupt",
        "broken"
    );
    let mut total = 0;
    for one in providers {
        let Counters {
            messages,
            delivered,
            deferred,
            failed,
            connections,
            turned_away,
            corrupt,
            broken,
            ..
        } = &one.counters;
        let [messages, delivered, deferred, failed, connections, turned_away, corrupt, broken] =
            [messages, delivered, deferred, failed, connections, turned_away, corrupt, broken]
                .map(|cell| cell.load(Relaxed));
        total += messages;
        println!(
            "  {:<16}{messages:>11}{delivered:>11}{deferred:>10}{failed:>10}{connections:>10}{turned_away:>10}{corrupt:>9}{broken:>8}",
            one.site.provider().name
        );
    }
    let per_message = cpu.as_micros() / u128::from(total.max(1));
    println!("  own CPU {} a message", brief(u64::try_from(per_message).unwrap_or(u64::MAX)));
}

fn json(providers: &[Arc<Simulated>], cpu: Duration) -> String {
    let one = |simulated: &Arc<Simulated>| {
        let counters = &simulated.counters;
        serde_json::json!({
            "name": simulated.site.provider().name,
            "messages": counters.messages.load(Relaxed),
            "bytes": counters.bytes.load(Relaxed),
            "delivered": counters.delivered.load(Relaxed),
            "deferred": counters.deferred.load(Relaxed),
            "failed": counters.failed.load(Relaxed),
            "reported": counters.reported.load(Relaxed),
            "strangers": counters.strangers.load(Relaxed),
            "connections": counters.connections.load(Relaxed),
            "corrupt": counters.corrupt.load(Relaxed),
            "turned_away": counters.turned_away.load(Relaxed),
            "broken": counters.broken.load(Relaxed),
        })
    };
    let providers: Vec<_> = providers.iter().map(one).collect();
    serde_json::json!({ "providers": providers, "cpu_seconds": cpu.as_secs_f64() }).to_string()
}
