//! `spool check`: every rule of the format that files can show to be broken.
//!
//! Without `--deep` the bytes of texts are not compared. Beside an engine the block it
//! is writing is left out.

mod log;
mod problem;

use super::read::{self, Beside};
use super::{Target, Which, show};
use crate::command::say;
use problem::Problem;
use serde_json::{Value, json};
use spool::walk::Depth;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

/// How closely to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(super) which: Which,
    /// Reads the text of every message too, and compares its check
    #[arg(long)]
    deep: bool,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
struct Findings {
    problems: Vec<Problem>,
    segments: usize,
    blocks: u64,
    records: u64,
    messages: usize,
    /// Where the tails were not looked at to their end.
    skipped: Vec<String>,
}

pub(super) fn check(target: &Target, options: &Options) -> io::Result<ExitCode> {
    let beside = target.look()?;
    let depth = if options.deep { Depth::Texts } else { Depth::Structure };
    let mut findings = Findings::default();
    let logs = read::logs(&target.directory)?.into_iter().map(|log| log.number);
    for number in logs.collect::<Vec<_>>() {
        let found = read::again(|| {
            let mut findings = Findings::default();
            let logs = read::logs(&target.directory)?;
            if let Some(log) = logs.iter().find(|log| log.number == number) {
                log::check(log, beside, depth, &mut findings)?;
            }
            Ok(findings)
        })?;
        findings.add(found);
    }
    let answer = if target.json {
        format!("{:#}\n", findings.value(depth))
    } else {
        findings.page(target, beside, depth)
    };
    say(&answer)?;
    Ok(if findings.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.segments += other.segments;
        self.blocks += other.blocks;
        self.records += other.records;
        self.messages += other.messages;
        self.skipped.extend(other.skipped);
    }

    fn is_clean(&self) -> bool {
        self.problems.iter().all(|problem| problem.harmless)
    }

    fn page(&self, target: &Target, beside: Beside, depth: Depth) -> String {
        let mut page = String::new();
        for problem in &self.problems {
            let _ = writeln!(page, "{problem}\n");
        }
        if let Beside::Engine(process) = beside {
            let _ = writeln!(page, "process {process} runs on it:");
            for skipped in &self.skipped {
                let _ = writeln!(page, "  {skipped}");
            }
        }
        let looked = match depth {
            Depth::Structure => "texts were not compared: --deep does",
            Depth::Texts => "every text was compared",
        };
        let broken = self.problems.iter().filter(|problem| !problem.harmless).count();
        let verdict = match broken {
            0 => "sound".to_owned(),
            count => show::count(count, "problem"),
        };
        let _ = writeln!(
            page,
            "{}: {verdict}; {}, {} blocks, {} records, {} with an open recipient; {looked}",
            target.directory.display(),
            show::count(self.segments, "segment"),
            self.blocks,
            self.records,
            show::count(self.messages, "message"),
        );
        page
    }

    fn value(&self, depth: Depth) -> Value {
        json!({
            "sound": self.is_clean(),
            "problems": self.problems.iter().map(Problem::value).collect::<Vec<_>>(),
            "segments": self.segments,
            "blocks": self.blocks,
            "records": self.records,
            "live_messages": self.messages,
            "texts_compared": depth == Depth::Texts,
            "skipped": self.skipped,
        })
    }
}
