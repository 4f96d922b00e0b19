//! `listener held`: memory of connections that say nothing.
//!
//! Each client hears the greeting, says EHLO, hears the answer, and is still. The engine's resident
//! memory at rest is read at each count; what connections cost each is the slope between two of
//! them, so that what is made once is nobody's.

use crate::report::{Goal, Report, Table};
use crate::usage::allow_many_files;
use loadgen::tls::{Client, Tls, Trust};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::usage;

/// How many to hold.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Connections held when the memory is read, in ascending order. An engine takes a descriptor for each.
    #[arg(long, value_delimiter = ',', default_values_t = [2_000, 6_000, 10_000, 14_000, 18_000])]
    connections: Vec<usize>,
}

const SHARDS: usize = 2;
const PATIENCE: Duration = Duration::from_mins(2);
/// Bytes of memory for a connection without TLS.
const PLAIN_BYTES: f64 = 1_500.0;

/// What connections are under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cover {
    Plain,
    Tls,
}

impl Cover {
    const ALL: [Self; 2] = [Self::Plain, Self::Tls];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "TLS 1.3",
        }
    }

    const fn setting(self) -> &'static str {
        match self {
            Self::Plain => "off",
            Self::Tls => "implicit",
        }
    }
}

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    allow_many_files()?;
    let columns = &["memory MiB", "B since the row before", "of TLS, MiB, as published"];
    let mut table = Table::new("connections held", columns);
    let mut slopes = Cover::ALL.map(|cover| (cover, Vec::new()));
    for _ in 0..rounds {
        for (cover, slopes) in &mut slopes {
            slopes.extend(round(*cover, options, &mut table)?);
        }
    }
    let mut report = Report::default();
    for (cover, slopes) in slopes {
        let name =
            format!("bytes a connection, {}, from the first count to the last", cover.name());
        let goal = (cover == Cover::Plain).then_some(Goal::AtMost(PLAIN_BYTES));
        report.figure(&name, slopes, goal);
    }
    report.tables.push(table);
    Ok(report)
}

/// The slope over all counts, if there are two.
fn round(cover: Cover, options: &Options, table: &mut Table) -> io::Result<Option<f64>> {
    let scratch = Scratch::new("listener-held")?;
    let listener_settings = format!("tls = \"{}\"\nconnections_max = 20000", cover.setting());
    let outfit = Outfit { shards: Some(SHARDS), listener_settings, ..Outfit::default() };
    let engine = Ringpost::start_as(outfit, scratch.path(), "")?;
    let client = Client::new(&Trust::Anybody, "relay.test").map_err(io::Error::other)?;
    let mut held = Vec::new();
    let mut seen: Vec<(usize, u64)> = Vec::new();
    for &count in &options.connections {
        while held.len() < count {
            held.push(still(cover, &client, engine.smtp())?);
        }
        usage::wait_until_idle(engine.id(), PATIENCE)?;
        let memory = usage::memory(engine.id());
        let since = seen.last().map_or(f64::NAN, |before| slope(*before, (count, memory)));
        let row = format!("{}, {count}", cover.name());
        let published = engine.metric("ringpost_tls_bytes")?;
        table.add(&row, &[mebibytes(memory as f64), since, mebibytes(published)]);
        seen.push((count, memory));
    }
    let ends = seen.first().zip(seen.last());
    Ok(ends.filter(|(first, last)| first.0 < last.0).map(|(first, last)| slope(*first, *last)))
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

/// Bytes for each further connection.
fn slope(before: (usize, u64), after: (usize, u64)) -> f64 {
    (after.1 as f64 - before.1 as f64) / (after.0 - before.0) as f64
}

/// A client that has said EHLO and will say nothing else.
fn still(cover: Cover, client: &Client, to: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut talk = match cover {
        Cover::Plain => Talk { tls: None, heard: Vec::new() },
        Cover::Tls => {
            let mut out = Vec::new();
            let tls = client.connect(&mut out).map_err(io::Error::other)?;
            stream.write_all(&out)?;
            Talk { tls: Some(tls), heard: Vec::new() }
        }
    };
    talk.hear(&mut stream, b"220 ")?;
    talk.say(&mut stream, b"EHLO client.test\r\n")?;
    talk.hear(&mut stream, b"250 ")?;
    Ok(stream)
}

/// A dialogue, under TLS or not.
struct Talk {
    tls: Option<Tls>,
    heard: Vec<u8>,
}

impl Talk {
    fn say(&mut self, stream: &mut TcpStream, line: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return stream.write_all(line) };
        let mut out = Vec::new();
        tls.give(line, &mut out).map_err(io::Error::other)?;
        stream.write_all(&out)
    }

    /// Reads up to the reply whose last line starts with `last`.
    fn hear(&mut self, stream: &mut TcpStream, last: &[u8]) -> io::Result<()> {
        self.heard.clear();
        while !self.heard.split_inclusive(|byte| *byte == b'\n').any(|line| ends(line, last)) {
            let mut piece = [0; 4_096];
            let len = stream.read(&mut piece)?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(tls) = &mut self.tls else {
                self.heard.extend_from_slice(&piece[..len]);
                continue;
            };
            let mut out = Vec::new();
            tls.take(&piece[..len], &mut self.heard, &mut out).map_err(io::Error::other)?;
            stream.write_all(&out)?;
        }
        Ok(())
    }
}

fn ends(line: &[u8], last: &[u8]) -> bool {
    line.starts_with(last) && line.ends_with(b"\r\n")
}
