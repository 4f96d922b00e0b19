//! Instructions a machine takes for one piece of work, as callgrind counts them: the figure
//! that no noise reaches. Those of the last commit are kept in `bench/counts.json`.

use crate::machine::Machine;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Share by which a count may differ from the one that is kept.
pub const TOLERANCE: f64 = 0.05;
/// Passes whose instructions are counted, after the first.
const PASSES: u64 = 200;

/// Instructions of one pass, by the name of its machine.
pub type Counts = BTreeMap<String, u64>;

/// Does a machine's work so often, and once before. For the program that callgrind watches.
pub fn pass(machine: Machine, times: u64) {
    let mut work = machine.ready();
    (0..=times).for_each(|_| work());
}

/// Counts for every machine. `program` is one that calls [`pass`] for
/// `--pass NAME --times N`; what it takes to set up is in both of two runs and drops out.
///
/// # Errors
/// If valgrind is not there, or something else fails.
pub fn count(program: &Path) -> io::Result<Counts> {
    let one = |machine: Machine| -> io::Result<(String, u64)> {
        let (some, more) = (run(program, machine, 0)?, run(program, machine, PASSES)?);
        Ok((machine.to_string(), more.saturating_sub(some) / PASSES))
    };
    Machine::ALL.into_iter().map(one).collect()
}

fn run(program: &Path, machine: Machine, times: u64) -> io::Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    valgrind.args(["--pass", &machine.to_string(), "--times", &times.to_string()]);
    let output = valgrind.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("valgrind must be installed to count"),
        _ => error,
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    collected(&said)
        .filter(|_| output.status.success())
        .ok_or_else(|| io::Error::other(format!("callgrind counted nothing for {machine}: {said}")))
}

/// The number in callgrind's line `==1== Collected : 123`.
fn collected(said: &str) -> Option<u64> {
    let (_, rest) = said.lines().find_map(|line| line.split_once("Collected :"))?;
    rest.trim().parse().ok()
}

/// The file of the counts that are kept.
#[must_use]
pub fn kept_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("counts.json")
}

/// Reads the counts that are kept.
///
/// # Errors
/// If the file is not there, or holds something else.
pub fn kept() -> io::Result<Counts> {
    Ok(serde_json::from_str(&fs::read_to_string(kept_file())?)?)
}

/// Keeps these.
///
/// # Errors
/// What the file system says.
pub fn keep(counts: &Counts) -> io::Result<()> {
    fs::write(kept_file(), serde_json::to_string_pretty(counts)? + "\n")
}

/// A count beside the one that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The machine.
    pub name: String,
    /// What was kept; `None` if it is new.
    pub before: Option<u64>,
    /// What it is now; `None` if it is gone.
    pub now: Option<u64>,
}

impl Change {
    /// All that is in either.
    #[must_use]
    pub fn all(before: &Counts, now: &Counts) -> Vec<Self> {
        let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
        let get = |counts: &Counts, name| counts.get(name).copied();
        names
            .map(|name| Self { before: get(before, name), now: get(now, name), name: name.clone() })
            .collect()
    }

    /// Whether it moved by more than [`TOLERANCE`], or came, or went.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.share().is_none_or(|share| share.abs() > TOLERANCE)
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of a few digits")]
    fn share(&self) -> Option<f64> {
        let (before, now) = (self.before? as f64, self.now? as f64);
        Some((now - before) / before.max(1.0))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number =
            |count: Option<u64>| count.map_or_else(|| "-".into(), |count| count.to_string());
        let (before, now) = (number(self.before), number(self.now));
        write!(f, "{:<32} {before:>10} {now:>10}", self.name)?;
        match self.share() {
            Some(share) => write!(f, " {:>+7.1} %", share * 100.0),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Counts, collected};

    fn counts(all: &[(&str, u64)]) -> Counts {
        all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn a_count_may_move_by_a_twentieth() {
        let before = counts(&[("a", 1_000), ("b", 1_000), ("gone", 1)]);
        let now = counts(&[("a", 1_050), ("b", 949), ("new", 1)]);
        let large: Vec<_> =
            Change::all(&before, &now).into_iter().filter(Change::is_large).collect();
        let names: Vec<_> = large.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(names, ["b", "gone", "new"]);
        assert!(large[0].to_string().ends_with("-5.1 %"), "{}", large[0]);
    }

    #[test]
    fn the_sum_is_found_in_what_callgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 31415\n==7== \n";
        assert_eq!(collected(said), Some(31_415));
        assert_eq!(collected("==7== Aborted"), None);
    }
}
