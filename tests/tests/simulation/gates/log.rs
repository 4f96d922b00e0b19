//! What the delivery log tells of gates, and of mail that went or did not.

use crate::lines::tick;
use crate::relay::LOG;
use event::Tick;
use kernel::sim::{Host, World};
use serde_json::Value;
use std::path::Path;

pub(super) struct Log(Vec<Value>);

/// A step of a gate.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) at: Tick,
    /// Scope, value, step, connections and rule.
    pub(super) told: String,
}

/// An attempt at a recipient.
#[derive(Debug)]
pub(super) struct Try {
    pub(super) at: Tick,
    pub(super) sender: String,
    /// From which address of ours.
    pub(super) source: String,
    recipient: String,
    is_taken: bool,
}

impl Log {
    pub(super) fn read(world: &World, host: Host) -> Self {
        let bytes = world.live(host, Path::new(LOG)).unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n');
        let mut lines: Vec<Value> =
            lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        // Each shard writes its own now and then.
        lines.sort_by_key(|line| line["at"].as_u64());
        Self(lines)
    }

    /// The steps of the gates of a domain's site.
    pub(super) fn steps(&self, domain: &str) -> Vec<Step> {
        let word = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        let keys = ["scope", "value", "step", "connections", "rule"];
        let lines = self.0.iter().filter(|line| line["event"] == "gate");
        let ours = lines.filter(|line| word(&line["site"]).contains(domain));
        ours.map(|line| {
            let words: Vec<_> = keys.iter().map(|key| word(&line[*key])).collect();
            Step { at: at(line), told: words.join(" ") }
        })
        .collect()
    }

    /// All attempts at recipients of a domain.
    pub(super) fn tries(&self, domain: &str) -> Vec<Try> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lines = self.0.iter().filter(|line| line["event"] == "attempt");
        let tries = lines.map(|line| Try {
            at: at(line),
            sender: word(&line["sender"]),
            source: word(&line["source_address"]),
            recipient: word(&line["recipient"]),
            is_taken: line["outcome"] == "delivered",
        });
        tries.filter(|one| one.recipient.ends_with(domain)).collect()
    }

    /// When mail from a domain to another was taken.
    pub(super) fn taken(&self, sender: &str, domain: &str) -> Vec<Tick> {
        let tries = self.tries(domain).into_iter();
        tries.filter(|one| one.is_taken && one.sender.ends_with(sender)).map(|one| one.at).collect()
    }
}

/// Shows the log as it is.
pub(super) fn tell(world: &World, host: Host) {
    let log = world.live(host, Path::new(LOG)).unwrap_or_default();
    println!("{}", String::from_utf8_lossy(&log));
}

fn at(line: &Value) -> Tick {
    tick(line["at"].as_u64().unwrap_or(0))
}
