//! Where a part of a report comes from: command, version, time and machine.

use crate::clock::{self, Nanos};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::env;
use std::fs;
use std::thread;

/// Where a part of a report comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The command line, a word each. A password is replaced by `***`.
    pub command: Vec<String>,
    /// The version of ringload.
    pub version: String,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_millis: u64,
    /// The same as a Date field says it.
    pub started: String,
    /// Where it ran.
    pub machine: Machine,
}

/// A machine. What the system does not tell is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The model of its processors.
    pub cpu: String,
    /// Cores this process might use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Its kernel, such as `Linux 6.12.9`.
    pub kernel: String,
}

impl Origin {
    /// This process, started at `started`.
    #[must_use]
    pub fn here(started: Nanos) -> Self {
        Self {
            command: without_password(env::args()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_millis: started / 1_000_000,
            started: clock::date(started),
            machine: Machine::here(),
        }
    }
}

impl Machine {
    /// The machine we run on.
    #[must_use]
    pub fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let kib = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse::<u64>();
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cores: thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: kib.unwrap_or(0) * 1_024,
            kernel: format!("Linux {}", release.trim()),
        }
    }
}

/// The first `name : value` of a file in `/proc`.
fn field(text: &str, name: &str) -> String {
    let values = text.lines().filter_map(|line| line.strip_prefix(name)?.split_once(':'));
    values.map(|(_, value)| value.trim().to_owned()).next().unwrap_or_default()
}

fn without_password(words: impl Iterator<Item = String>) -> Vec<String> {
    const OPTION: &str = "--password";
    let mut hidden = Vec::new();
    let mut secret = false;
    for word in words {
        let glued = word.strip_prefix(OPTION).is_some_and(|rest| rest.starts_with('='));
        hidden.push(match (secret, glued) {
            (true, _) => "***".to_owned(),
            (false, true) => format!("{OPTION}=***"),
            (false, false) => word.clone(),
        });
        secret = !secret && word == OPTION;
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::{Machine, without_password};

    #[test]
    fn a_password_is_not_told() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, wanted) in [
            ("send --password x --user y", "send --password *** --user y"),
            ("send --password=x -q", "send --password=*** -q"),
            ("send --password --password -q", "send --password *** -q"),
            ("send --passwords x", "send --passwords x"),
        ] {
            assert_eq!(without_password(words(line).into_iter()), words(wanted));
        }
    }

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(machine.kernel.len() > "Linux ".len());
    }
}
