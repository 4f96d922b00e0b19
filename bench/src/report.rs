//! What was measured, for people and for programs.

use crate::spread::{Spread, digits};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

/// Tables, and the figures drawn from them.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) tables: Vec<Table>,
    pub(crate) figures: Vec<Figure>,
}

/// Rows of quantities, each measured once a round.
#[derive(Debug)]
pub(crate) struct Table {
    name: String,
    columns: &'static [&'static str],
    rows: Vec<(String, Vec<Vec<f64>>)>,
}

/// One number that matters, and what it should be.
#[derive(Debug)]
pub(crate) struct Figure {
    name: String,
    rounds: Vec<f64>,
    goal: Option<Goal>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Shows what `program` has measured, as JSON or for people, or why it has not.
pub(crate) fn show(program: &str, measured: io::Result<Report>, json: bool) -> ExitCode {
    match measured {
        Ok(report) if json => println!("{:#}", report.json()),
        Ok(report) => print!("{}", report.text()),
        Err(error) => {
            eprintln!("{program}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

impl Report {
    /// Adds a figure of all rounds.
    pub(crate) fn figure(&mut self, name: &str, rounds: Vec<f64>, goal: impl Into<Option<Goal>>) {
        self.figures.push(Figure { name: name.into(), rounds, goal: goal.into() });
    }

    pub(crate) fn text(&self) -> String {
        let tables = self.tables.iter().map(|table| table.text() + "\n");
        tables.chain(self.figures.iter().map(Figure::text)).collect()
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "tables": self.tables.iter().map(Table::json).collect::<Vec<_>>(),
            "figures": self.figures.iter().map(Figure::json).collect::<Vec<_>>(),
        })
    }
}

/// Room for a row's name, and for a number with its spread.
const NAME: usize = 44;
const CELL: usize = 12;
const FIRST_CELL: usize = 30;

impl Table {
    /// An empty table.
    pub(crate) fn new(name: impl Into<String>, columns: &'static [&'static str]) -> Self {
        Self { name: name.into(), columns, rows: Vec::new() }
    }

    /// Adds one round of `row`: a number for each column.
    pub(crate) fn add(&mut self, row: &str, numbers: &[f64]) {
        assert_eq!(numbers.len(), self.columns.len(), "a number for each column");
        let at = self.rows.iter().position(|(name, _)| name == row).unwrap_or_else(|| {
            self.rows.push((row.into(), vec![Vec::new(); self.columns.len()]));
            self.rows.len() - 1
        });
        for (rounds, number) in self.rows[at].1.iter_mut().zip(numbers) {
            rounds.push(*number);
        }
    }

    /// Everything measured for one row and column, by round.
    pub(crate) fn rounds(&self, row: &str, column: &str) -> &[f64] {
        let row = self.rows.iter().find(|(name, _)| name == row);
        let column = self.columns.iter().position(|name| *name == column);
        row.zip(column).map_or(&[], |((_, columns), at)| &columns[at])
    }

    /// One row's numbers over another's, round by round.
    pub(crate) fn ratios(&self, column: &str, above: &str, below: &str) -> Vec<f64> {
        over(self.rounds(above, column), self.rounds(below, column))
    }

    /// The row with the best median in `column`.
    pub(crate) fn best(&self, column: &str) -> Option<&str> {
        let median = |name: &str| {
            Spread::of(self.rounds(name, column)).map_or(f64::MIN, |spread| spread.median)
        };
        let names = self.rows.iter().map(|(name, _)| name.as_str());
        names.max_by(|a, b| median(a).total_cmp(&median(b)))
    }

    fn text(&self) -> String {
        let mut text = format!("{:<NAME$}", self.name);
        for (at, column) in self.columns.iter().enumerate() {
            let _ = write!(text, "{column:>0$}", width(at));
        }
        for (name, columns) in &self.rows {
            let _ = write!(text, "\n  {name:<0$}", NAME - 2);
            for (at, rounds) in columns.iter().enumerate() {
                let _ = write!(text, "{:>1$}", cell(at, rounds), width(at));
            }
        }
        text + "\n"
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|(name, columns)| {
            let columns = self.columns.iter().zip(columns).map(|(column, rounds)| {
                let spread = Spread::of(rounds).map(Spread::json);
                ((*column).to_owned(), json!({ "rounds": rounds, "spread": spread }))
            });
            (name.clone(), Value::Object(columns.collect()))
        });
        json!({ "name": self.name, "rows": rows.collect::<Map<_, _>>() })
    }
}

/// The first column is the one that is compared, so its spread is shown too.
fn cell(at: usize, rounds: &[f64]) -> String {
    match Spread::of(rounds) {
        Some(spread) if at == 0 => spread.text(""),
        Some(spread) if spread.median.is_finite() => digits(spread.median),
        _ => "-".into(),
    }
}

const fn width(at: usize) -> usize {
    if at == 0 { FIRST_CELL } else { CELL }
}

impl Figure {
    /// Whether the median is what it should be.
    fn holds(&self) -> Option<bool> {
        let median = Spread::of(&self.rounds)?.median;
        Some(match self.goal? {
            Goal::AtLeast(least) => median >= least,
            Goal::AtMost(most) => median <= most,
        })
    }

    fn text(&self) -> String {
        let spread = Spread::of(&self.rounds).map_or_else(|| "-".into(), |spread| spread.text(""));
        let goal = match self.goal {
            Some(Goal::AtLeast(least)) => format!("at least {least}"),
            Some(Goal::AtMost(most)) => format!("at most {most}"),
            None => String::new(),
        };
        let verdict = match self.holds() {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None => "",
        };
        let line = format!("{:<64}{spread:>30}   {goal:<16}{verdict}", self.name);
        line.trim_end().to_owned() + "\n"
    }

    fn json(&self) -> Value {
        let (least, most) = match self.goal {
            Some(Goal::AtLeast(least)) => (Some(least), None),
            Some(Goal::AtMost(most)) => (None, Some(most)),
            None => (None, None),
        };
        let spread = Spread::of(&self.rounds).map(Spread::json);
        json!({
            "name": self.name, "rounds": self.rounds, "spread": spread,
            "at_least": least, "at_most": most, "holds": self.holds(),
        })
    }
}

/// Numbers over numbers, round by round.
pub(crate) fn over(above: &[f64], below: &[f64]) -> Vec<f64> {
    above.iter().zip(below).map(|(above, below)| above / below).collect()
}

/// The smallest of `sorted` that so many hundredths of them do not exceed, or nothing.
#[allow(clippy::cast_precision_loss, reason = "a figure means three digits")]
pub(crate) fn percentile(sorted: &[u64], hundredths: usize) -> f64 {
    let rank = (sorted.len() * hundredths).div_ceil(100);
    sorted.get(rank.max(1) - 1).map_or(f64::NAN, |value| *value as f64)
}

#[cfg(test)]
mod tests;
