//! Starts the three processes of each round, and what they share.

use super::engine::{self, Cover};
use super::plan::{Plan, Trips};
use super::report::{Line, Round};
use super::{Options, Role};
use crate::usage::pin;
use clap::ValueEnum;
use std::fmt::Write;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

pub(super) use crate::usage::end_with_parent;

/// Every line of the table, each round of it in turn.
pub(super) fn all(options: &Options) -> io::Result<()> {
    std::fs::create_dir_all(&options.directory)?;
    let mut lines = Vec::new();
    if !options.json {
        println!("{}", Line::HEADER);
    }
    for &size in &options.sizes {
        for &trips in options.trips() {
            for &shards in &options.shards {
                let line = line(options, &Plan::new(options, size, shards, trips)?)?;
                if !options.json {
                    println!("{}", line.row());
                }
                lines.push(line);
            }
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    }
    Ok(())
}

fn line(options: &Options, plan: &Plan) -> io::Result<Line> {
    let (mut rounds, mut engine, mut tls_out) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds.max(1) {
        rounds.push(round(options, plan)?);
        if options.engine && plan.shards == 2 {
            engine.push(engine::round(plan, Cover::Plain)?);
            tls_out.push(engine::round(plan, Cover::TlsOut)?);
        }
    }
    Ok(Line::new(plan, rounds, &engine, &tls_out))
}

pub(super) fn round(options: &Options, plan: &Plan) -> io::Result<Round> {
    let mut sink = Part::start(Role::Sink, options, plan, "")?;
    let lanes = sink.line()?;
    let mut relay = Part::start(Role::Relay, options, plan, &lanes)?;
    let doors = relay.line()?;
    let generator = Part::start(Role::Generator, options, plan, &doors)?;
    let round = relay.line()?;
    for part in [generator, relay, sink] {
        part.end()?;
    }
    Ok(serde_json::from_str(&round)?)
}

/// A process of a round. Killed if it is dropped before its end.
pub(super) struct Part {
    role: Role,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Part {
    pub(super) fn start(
        role: Role,
        options: &Options,
        plan: &Plan,
        peers: &str,
    ) -> io::Result<Self> {
        let name = role.to_possible_value().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", name.get_name()]).arg("--directory").arg(&options.directory);
        let numbers = [
            ("--messages", options.messages),
            ("--sizes", plan.text_len as u32),
            ("--sessions", plan.sessions.into()),
            ("--lanes", plan.lanes.into()),
            ("--shards", plan.shards.into()),
        ];
        for (flag, number) in numbers {
            command.arg(flag).arg(number.to_string());
        }
        if plan.trips == Trips::One {
            command.arg("--pipelined");
        }
        if plan.accept {
            command.arg("--accept");
        }
        if let Some(runtime) = options.runtime.and_then(|runtime| runtime.to_possible_value()) {
            command.args(["--runtime", runtime.get_name()]);
        }
        if !peers.is_empty() {
            command.args(["--peers", peers]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { role, child, output: BufReader::new(output) })
    }

    pub(super) fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(self.failed());
        }
        Ok(line.trim_end().to_owned())
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        if self.child.wait()?.success() { Ok(()) } else { Err(self.failed()) }
    }

    fn failed(&self) -> io::Error {
        io::Error::other(format!("the {:?} process failed", self.role))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One shard has a core to itself: the others keep off it.
pub(super) fn leave_to_relay(plan: &Plan) {
    if plan.shards == 1 {
        pin(1);
    }
}

pub(super) fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Tells the parent where we listen.
pub(super) fn announce(listeners: &[TcpListener]) -> io::Result<()> {
    let mut line = String::new();
    for listener in listeners {
        let comma = if line.is_empty() { "" } else { "," };
        write!(line, "{comma}{}", listener.local_addr()?).map_err(io::Error::other)?;
    }
    println!("{line}");
    Ok(())
}

pub(super) fn dial(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub(super) fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
