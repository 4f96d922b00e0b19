//! `spool commands`: how soon what an operator asks and orders is answered beside very much that is
//! queued, and what it costs other mail.
//!
//! The real program is started on logs with so much mail for a host that nobody is at. Other mail goes
//! through to a sink, as fast as it can: a round without a word from anybody, and one in which
//! commands come at a steady rate, each in its turn, as `ringpost` sends them. What changes something is
//! taken back by the next.

use super::Plan;
use super::backlog::{Backlog, SHARDS};
use crate::report::{Goal, Report, Table};
use loadgen::send;
use loadgen::sink::{self, Provider};
use loadgen::size::Mix;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tests::ringpost::{Outfit, Ringpost};
use tests::speaker::Speaker;
use tests::{http, port, usage, wait};

/// How much there is.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Messages queued.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(2..=50_000_000))]
    messages: u64,
    #[command(flatten)]
    backlog: Backlog,
    /// Messages of a round that go through.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    through: u64,
    /// Commands a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    commands: u32,
}

const PATIENCE: Duration = Duration::from_mins(5);
/// Within so many milliseconds 99 of 100 commands are to be answered.
const ANSWER: f64 = 50.0;
/// What is left of the throughput of other mail.
const THROUGHPUT: f64 = 0.97;

const ALONE: &str = "no commands";
const BESIDE: &str = "with commands";

/// Something that is asked or ordered, and how soon it was answered each time.
struct Command {
    name: &'static str,
    path: String,
    /// Of an order.
    body: Option<String>,
    millis: Vec<f64>,
}

pub(super) fn measure(options: &Options, plan: &Plan) -> io::Result<Report> {
    let folder = plan.folder.join("commands");
    options.backlog.write(options.messages, &folder.join("spool"))?;
    let world = World::start(options, &folder)?;
    let mut commands = world.commands()?;
    let mut table = Table::new(format!("{} queued", options.messages), &["messages/s", "CPU us"]);
    for _ in 0..plan.rounds {
        table.add(ALONE, &world.round(options, &mut [])?);
        table.add(BESIDE, &world.round(options, &mut commands)?);
    }
    let mut report = Report::default();
    report.figure(
        "throughput of other mail with commands",
        table.ratios("messages/s", BESIDE, ALONE),
        Goal::AtLeast(THROUGHPUT),
    );
    report.tables.push(table);
    let mut times = Table::new("milliseconds until the answer", &["p50", "p99", "max", "times"]);
    for command in &mut commands {
        times.add(command.name, &quantiles(&mut command.millis));
    }
    let mut all: Vec<_> = commands.iter().flat_map(|command| command.millis.clone()).collect();
    let all = quantiles(&mut all);
    times.add("all of them", &all);
    report.figure("p99 of all commands, ms", vec![all[1]], Goal::AtMost(ANSWER));
    report.tables.push(times);
    Ok(report)
}

fn quantiles(millis: &mut [f64]) -> [f64; 4] {
    millis.sort_by(f64::total_cmp);
    let at = |percent: usize| millis.get(millis.len().saturating_sub(1) * percent / 100);
    let [p50, p99, max] = [50, 99, 100].map(|percent| at(percent).copied().unwrap_or_default());
    [p50, p99, max, millis.len() as f64]
}

/// The engine with all that is queued, and where other mail goes.
struct World {
    engine: Ringpost,
    sink: sink::Sink,
    /// The site that nobody is at.
    nobody: SocketAddr,
}

const THROUGH: &str = "through.test";

impl World {
    fn start(options: &Options, folder: &Path) -> io::Result<Self> {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let providers = vec![Provider { listen, ..Provider::default() }];
        let sink = sink::start(sink::Options { providers, seed: 0, ledger: None, threads: 1 })?;
        let (to, nobody) = (sink.providers()[0].addresses[0], port::free()?);
        let settings = format!(
            "[[pool]]\nname = \"own\"\n[[pool.source]]\naddress = \"127.0.0.1\"\n\
             [delivery]\npool = \"own\"\n\
             [[route]]\ndomain = \"{THROUGH}\"\nto = [\"{to}\"]\n\
             [[route]]\ndomain = \"*\"\nto = [\"{nobody}\"]\n"
        );
        let spool_settings = "queued_max = 100_000_000\n".to_owned();
        let shards = Some(usize::from(SHARDS));
        let outfit = Outfit { shards, spool_settings, ..Outfit::default() };
        let engine = Ringpost::start_as(outfit, folder, &settings)?;
        let all = || (engine.queued().ok()? >= options.messages).then_some(());
        wait::until("all messages", PATIENCE, all)?;
        usage::wait_until_idle(engine.id(), PATIENCE)?;
        Ok(Self { engine, sink, nobody })
    }

    fn commands(&self) -> io::Result<Vec<Command>> {
        let mut speaker = Speaker::connect(self.engine.smtp())?;
        speaker.say("EHLO client.test", "250")?;
        let text = "Subject: one\r\n\r\nWhere is this one?\r\n";
        let said = speaker.send("news@shop.test", "someone@d0.test", text)?;
        let message = said.split_whitespace().last().unwrap_or_default().to_owned();
        let site = self.nobody;
        let look = |name, path: String| Command { name, path, body: None, millis: Vec::new() };
        let order = |name, path: &str, about: String| {
            let body = Some(format!("{{{about}}}"));
            Command { name, path: path.into(), body, millis: Vec::new() }
        };
        let dry = ",\"reason\":\"measured\",\"dry_run\":true";
        let done = ",\"reason\":\"measured\"";
        let of_site = format!("\"site\":\"{site}\"");
        let of_domain = "\"domain\":\"d7.test\"";
        let of_tenant = "\"tenant\":\"shop\"";
        let of_source = format!("\"source\":\"127.0.0.1\",{of_site}");
        Ok(vec![
            look("queue", "/queue".into()),
            look("queue SITE", format!("/queue/{site}")),
            look("why SITE", format!("/why/{site}")),
            look("why DOMAIN", "/why/d7.test".into()),
            look("why MESSAGE", format!("/why/{message}")),
            look("orders", "/orders".into()),
            look("numbers", "/metrics".into()),
            order("pause SITE", "/pause", format!("{of_site}{done}")),
            order("resume SITE", "/resume", format!("{of_site}{done}")),
            order("pause --tenant", "/pause", format!("{of_tenant}{done}")),
            order("resume --tenant", "/resume", format!("{of_tenant}{done}")),
            order("disable-source --site", "/disable-source", format!("{of_source}{done}")),
            order("enable-source --site", "/enable-source", format!("{of_source}{done}")),
            order("flush SITE --dry-run", "/flush", format!("{of_site}{dry}")),
            order("drop SITE --dry-run", "/drop", format!("{of_site}{dry}")),
            order("drop --domain --dry-run", "/drop", format!("{of_domain}{dry}")),
            order("drop --tenant --dry-run", "/drop", format!("{of_tenant}{dry}")),
            order("drop --message --dry-run", "/drop", format!("\"message\":\"{message}\"{dry}")),
            order("reload --dry-run", "/reload", "\"dry_run\":true".into()),
        ])
    }

    /// Other mail goes through, with these commands beside it.
    fn round(&self, options: &Options, commands: &mut [Command]) -> io::Result<[f64; 2]> {
        let before = (self.sink.messages(), usage::cpu(self.engine.id()));
        let mail = send::Options {
            messages: options.through,
            domains: THROUGH.parse().map_err(io::Error::other)?,
            sizes: Mix::exactly(4_096),
            ..send::Options::new(self.engine.smtp())
        };
        let start = wait::now();
        let over = AtomicBool::new(false);
        let took = thread::scope(|scope| {
            let operator = scope.spawn(|| self.operate(options, commands, &over));
            let through = self.send(mail, before.0 + options.through);
            let took = start.elapsed();
            over.store(true, Ordering::Relaxed);
            operator.join().expect("asking does not panic")?;
            through.map(|()| took)
        })?;
        usage::wait_until_idle(self.engine.id(), PATIENCE)?;
        let cpu = usage::cpu(self.engine.id()).saturating_sub(before.1);
        let messages = options.through as f64;
        Ok([messages / took.as_secs_f64(), cpu.as_secs_f64() * 1e6 / messages])
    }

    /// Sends it, and waits until so much has come.
    fn send(&self, mail: send::Options, all: u64) -> io::Result<()> {
        let report = send::start(mail)?.join()?;
        wait::until("mail", PATIENCE, || (self.sink.messages() >= all).then_some(()))
            .map_err(|late| io::Error::other(format!("{late}: {report:?}")))
    }

    /// Gives one command after the other at a steady rate, until it is over.
    fn operate(
        &self,
        options: &Options,
        commands: &mut [Command],
        over: &AtomicBool,
    ) -> io::Result<()> {
        if commands.is_empty() {
            return Ok(());
        }
        let pace = Duration::from_secs(1) / options.commands;
        for number in 0_usize.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let command = &mut commands[number % commands.len()];
            let start = wait::now();
            let (status, said) = match &command.body {
                Some(body) => http::post(self.engine.admin(), &command.path, body)?,
                None => http::get(self.engine.admin(), &command.path)?,
            };
            if status != 200 {
                return Err(io::Error::other(format!("{}: {status}: {said}", command.name)));
            }
            let took = start.elapsed();
            command.millis.push(took.as_secs_f64() * 1e3);
            thread::sleep(pace.saturating_sub(took));
        }
        Ok(())
    }
}
