//! What one made-up mailbox provider does with the mail it is offered.

use crate::hash::{scatter, share};
use crate::ledger::Verdict;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A provider, as written in a providers file or on the command line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// What it is called in reports.
    pub name: String,
    /// Where it listens; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// What its greeting says.
    pub hostname: String,
    /// Milliseconds by which every reply is late: an imitated round trip.
    pub delay_ms: u64,
    /// Share of recipients (or messages, see `verdict_at`) that is deferred at first.
    pub defer: f64,
    /// How often such a one is deferred before it is taken.
    pub defer_times: u16,
    /// Share of recipients (or messages) that is never taken.
    pub fail: f64,
    /// Whether it says so at RCPT or after the final dot.
    pub verdict_at: Stage,
    /// Messages it takes on one connection; 0 is any number.
    pub messages_per_connection: u32,
    /// How it ends a connection that has had its messages.
    pub close: Close,
    /// Connections it serves at once; 0 is any number. Others are greeted with 421.
    pub connections_max: u32,
    /// Whether it announces PIPELINING.
    pub pipelining: bool,
    /// Whether it announces 8BITMIME.
    pub eight_bit: bool,
    /// What SIZE announces; 0 leaves it out.
    pub size_max: u64,
    /// The text of its 4xx, with the enhanced code.
    pub defer_text: String,
    /// The text of its 5xx, with the enhanced code.
    pub fail_text: String,
    /// The text of its 421 for a connection that has had its messages, with the enhanced code.
    pub close_text: String,
}

/// When a recipient is turned down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// In reply to RCPT.
    #[default]
    Recipient,
    /// In reply to the final dot, for all recipients alike.
    Final,
}

/// How a connection that has had its messages is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Close {
    /// Without a word, behind the last 250, as Yahoo does.
    #[default]
    Silently,
    /// With a 421 in reply to the next command.
    Say421,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            name: "sink".to_owned(),
            listen: Vec::new(),
            hostname: "mx.sink.example".to_owned(),
            delay_ms: 0,
            defer: 0.0,
            defer_times: 1,
            fail: 0.0,
            verdict_at: Stage::default(),
            messages_per_connection: 0,
            close: Close::default(),
            connections_max: 0,
            pipelining: true,
            eight_bit: true,
            size_max: 52_428_800,
            defer_text: "4.2.1 The user you are trying to contact is receiving mail at a rate \
                         that prevents additional messages from being delivered; try again later"
                .to_owned(),
            fail_text: "5.1.1 The email account that you tried to reach does not exist".to_owned(),
            close_text: "4.7.0 Max message per connection reached, closing transmission channel"
                .to_owned(),
        }
    }
}

/// Why a provider specification is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadProvider(String);

impl fmt::Display for BadProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadProvider {}

impl Provider {
    /// By how much every reply is late.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Reads the `[[provider]]` tables of a providers file.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read_file(text: &str) -> Result<Vec<Self>, BadProvider> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            provider: Vec<Provider>,
        }
        let file: File = toml::from_str(text).map_err(|error| BadProvider(error.to_string()))?;
        file.provider.into_iter().map(Self::checked).collect()
    }

    /// Reads `key=value,...`, with the keys of a `[[provider]]` table; `listen` takes one
    /// address.
    ///
    /// # Errors
    /// What is wrong.
    pub fn read_line(text: &str) -> Result<Self, BadProvider> {
        let mut table = toml::Table::new();
        for part in text.split(',') {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| BadProvider(format!("`{part}` is not key=value")))?;
            table.insert(key.trim().to_owned(), value_of(key.trim(), value.trim()));
        }
        let provider = table.try_into().map_err(|error| BadProvider(error.to_string()))?;
        Self::checked(provider)
    }

    fn checked(self) -> Result<Self, BadProvider> {
        let complain = |what: &str| Err(BadProvider(format!("provider {}: {what}", self.name)));
        if !(0.0..=1.0).contains(&self.defer) || !(0.0..=1.0).contains(&self.fail) {
            return complain("defer and fail are shares from 0.0 to 1.0");
        }
        if self.defer + self.fail > 1.0 {
            return complain("defer and fail together are more than all");
        }
        if self.listen.is_empty() {
            return complain("listen names no address");
        }
        let texts = [&self.hostname, &self.defer_text, &self.fail_text, &self.close_text];
        if texts.iter().any(|text| text.is_empty() || text.contains(['\r', '\n'])) {
            return complain("a text is empty, or more than one line");
        }
        Ok(self)
    }
}

/// A value of a command line as the TOML value it stands for.
fn value_of(key: &str, value: &str) -> toml::Value {
    if key == "listen" {
        return toml::Value::Array(vec![value.into()]);
    }
    let number = || value.parse().map(toml::Value::Integer).ok();
    let float = || value.parse().map(toml::Value::Float).ok();
    let truth = || value.parse().map(toml::Value::Boolean).ok();
    match key {
        "defer" | "fail" => float(),
        _ => number().or_else(truth),
    }
    .unwrap_or_else(|| value.into())
}

/// Decides, and remembers how often it has said no to whom.
#[derive(Debug)]
pub struct Judge {
    provider: Provider,
    seed: u64,
    /// How often the deferred ones were deferred. Others are not in it.
    deferred: Mutex<HashMap<u64, u16>>,
}

impl Judge {
    /// The judge of `provider`. The same seed decides the same.
    #[must_use]
    pub fn new(provider: Provider, seed: u64) -> Self {
        Self { provider, seed, deferred: Mutex::default() }
    }

    /// Whose judge it is.
    #[must_use]
    pub const fn provider(&self) -> &Provider {
        &self.provider
    }

    /// What to say about message `id` to `recipient` at this stage: `Delivered` is yes.
    #[must_use]
    pub fn decide(&self, stage: Stage, id: u64, recipient: u64) -> Verdict {
        let provider = &self.provider;
        if stage != provider.verdict_at || provider.defer + provider.fail <= 0.0 {
            return Verdict::Delivered;
        }
        let case = scatter(self.seed ^ scatter(id).wrapping_add(recipient));
        let fate = share(case);
        if fate < provider.fail {
            return Verdict::Failed;
        }
        if fate >= provider.fail + provider.defer {
            return Verdict::Delivered;
        }
        let mut deferred = self.deferred.lock().unwrap_or_else(PoisonError::into_inner);
        let times = deferred.entry(case).or_insert(0);
        if *times >= provider.defer_times {
            return Verdict::Delivered;
        }
        *times += 1;
        Verdict::Deferred
    }
}

#[cfg(test)]
mod tests {
    use super::{Close, Judge, Provider, Stage, Verdict};
    use crate::hash::scatter;

    const LISTEN: &str = "listen=127.0.0.1:2526";

    #[test]
    fn a_line_and_a_file_say_the_same() {
        let line =
            format!("name=slow,{LISTEN},delay_ms=50,defer=0.25,close=say421,pipelining=false");
        let file = "[[provider]]\nname = 'slow'\nlisten = ['127.0.0.1:2526']\ndelay_ms = 50\n\
                    defer = 0.25\nclose = 'say421'\npipelining = false\n";
        let provider = Provider::read_line(&line).unwrap();
        assert_eq!(Provider::read_file(file).unwrap(), std::slice::from_ref(&provider));
        assert_eq!((provider.close, provider.delay_ms), (Close::Say421, 50));
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        for (line, reason) in [
            ("name=x", "listen names no address"),
            ("listen=here", "invalid socket address"),
            ("listen=127.0.0.1:1,defer=1.5", "shares from 0.0 to 1.0"),
            ("listen=127.0.0.1:1,defer=0.6,fail=0.6", "more than all"),
            ("listen=127.0.0.1:1,speed=9", "unknown field `speed`"),
            ("listen=127.0.0.1:1,delay_ms=soon", "invalid type"),
            ("listen=127.0.0.1:1,fail_text=", "a text is empty"),
            ("slow", "not key=value"),
        ] {
            let refused = Provider::read_line(line).unwrap_err().to_string();
            assert!(refused.contains(reason), "{line}: {refused}");
        }
    }

    #[test]
    fn shares_are_kept_and_the_deferred_are_taken_later() {
        let line = format!("{LISTEN},defer=0.3,defer_times=2,fail=0.1");
        let judge = Judge::new(Provider::read_line(&line).unwrap(), 1);
        let mut first = [0; 3];
        for id in 0..2_000 {
            let recipient = scatter(id);
            let decide = || judge.decide(Stage::Recipient, id, recipient);
            assert_eq!(judge.decide(Stage::Final, id, recipient), Verdict::Delivered);
            let said = [decide(), decide(), decide(), decide()];
            let kind = match said[0] {
                Verdict::Delivered => 0,
                Verdict::Deferred => 1,
                _ => 2,
            };
            first[kind] += 1;
            let expected = match kind {
                0 => [Verdict::Delivered; 4],
                1 => [Verdict::Deferred, Verdict::Deferred, Verdict::Delivered, Verdict::Delivered],
                _ => [Verdict::Failed; 4],
            };
            assert_eq!(said, expected);
        }
        assert!((1_100..1_300).contains(&first[0]) && (520..680).contains(&first[1]), "{first:?}");
    }
}
