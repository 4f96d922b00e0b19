//! `listener slow`: a load beside peers that send a byte a second, and without them.
//!
//! The slow ones have said DATA and heard 354. Who is cut off comes again at once, so that there are as
//! many of them all the time.

use crate::report::{Goal, Report, Table};
use loadgen::send;
use loadgen::sink;
use loadgen::size::Mix;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{usage, wait};

/// How many there are, and what is sent beside them.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Slow writers.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=16_000))]
    writers: u32,
    /// Messages of 4 KiB sent beside them, long enough for some of them to be cut off.
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    messages: u64,
}

const PATIENCE: Duration = Duration::from_mins(3);
const SHARDS: usize = 2;
const SESSIONS: usize = 20;
const BYTES: u32 = 4_096;
/// Each of them writes once in so many turns of so long: a byte a second.
const TURNS: usize = 100;
const TURN: Duration = Duration::from_millis(10);
/// What a load keeps of its throughput, and how often its p99 it may have.
const THROUGHPUT: f64 = 0.9;
const LATENCY: f64 = 2.0;

const WITHOUT: &str = "alone";
const BESIDE: &str = "beside slow writers";

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    let name = format!("{} messages, {} slow writers", options.messages, options.writers);
    let mut table = Table::new(name, &["messages/s", "p99 ms", "CPU us", "cut off"]);
    for _ in 0..rounds {
        table.add(WITHOUT, &round(options, 0)?);
        table.add(BESIDE, &round(options, options.writers as usize)?);
    }
    let mut report = Report::default();
    let throughput = table.ratios("messages/s", BESIDE, WITHOUT);
    report.figure("throughput beside slow writers", throughput, Goal::AtLeast(THROUGHPUT));
    let latency = table.ratios("p99 ms", BESIDE, WITHOUT);
    report.figure("p99 of a transaction beside slow writers", latency, Goal::AtMost(LATENCY));
    report.tables.push(table);
    Ok(report)
}

fn round(options: &Options, writers: usize) -> io::Result<[f64; 4]> {
    let scratch = Scratch::new("listener-slow")?;
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let providers = vec![sink::Provider { listen, ..sink::Provider::default() }];
    let sink = sink::start(sink::Options { providers, seed: 0, ledger: None, threads: 1 })?;
    let to = sink.providers()[0].addresses[0];
    let settings = format!("[[route]]\ndomain = \"*\"\nto = [\"{to}\"]\n");
    let outfit = Outfit { shards: Some(SHARDS), ..Outfit::default() };
    let engine = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    let crowd = Crowd::start(engine.smtp(), writers)?;

    let before = usage::cpu(engine.id());
    let load = send::Options {
        messages: options.messages,
        sessions: SESSIONS,
        sizes: Mix::exactly(BYTES),
        ..send::Options::new(engine.smtp())
    };
    let report = send::start(load)?.join()?;
    let cut = crowd.end()?;
    wait::until("mail", PATIENCE, || (sink.messages() >= options.messages).then_some(()))?;
    if report.messages != options.messages {
        return Err(io::Error::other(format!("not all was accepted: {report:?}")));
    }
    let used = usage::cpu(engine.id()).saturating_sub(before);
    let each = used.as_secs_f64() * 1e6 / options.messages as f64;
    let p99 = report.transaction.p99_micros as f64 / 1_000.0;
    Ok([report.rate, p99, each, cut as f64])
}

/// Slow writers, and who writes for them.
struct Crowd {
    over: Arc<AtomicBool>,
    cut: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<()>>,
}

impl Crowd {
    /// All of them, once each has heard 354.
    fn start(to: SocketAddr, count: usize) -> io::Result<Self> {
        let mut writers = (0..count).map(|_| slow(to)).collect::<io::Result<Vec<_>>>()?;
        let (over, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop, losses) = (Arc::clone(&over), Arc::clone(&cut));
        let thread = thread::spawn(move || {
            for turn in (0..TURNS).cycle() {
                if stop.load(Relaxed) {
                    return Ok(());
                }
                for writer in writers.iter_mut().skip(turn).step_by(TURNS) {
                    if writer.write_all(b"x").is_err() {
                        losses.fetch_add(1, Relaxed);
                        *writer = slow(to)?;
                    }
                }
                thread::sleep(TURN);
            }
            Ok(())
        });
        Ok(Self { over, cut, thread })
    }

    /// Ends them all, and returns how often one was cut off.
    fn end(self) -> io::Result<u64> {
        self.over.store(true, Relaxed);
        self.thread.join().map_err(|_| io::Error::other("the slow writers' thread panicked"))??;
        Ok(self.cut.load(Relaxed))
    }
}

/// A connection that has been told to send its text.
fn slow(to: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; 4])?;
    stream.write_all(
        b"EHLO slow.test\r\nMAIL FROM:<a@slow.test>\r\nRCPT TO:<b@site.test>\r\nDATA\r\n",
    )?;
    let mut heard = Vec::new();
    while !heard.windows(5).any(|window| window == b"\n354 ") {
        let mut piece = [0; 1_024];
        let len = stream.read(&mut piece)?;
        if len == 0 {
            return Err(io::Error::other(String::from_utf8_lossy(&heard).into_owned()));
        }
        heard.extend_from_slice(&piece[..len]);
    }
    Ok(stream)
}
