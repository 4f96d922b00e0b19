//! The document: every field of a report, with its unit. The JSON Schema is made of this.

use super::distribution::Distribution;
use super::origin::Origin;
use super::record::{ProviderPoint, Providers, Relay, UsagePoint};
use crate::latency::Latency;
use crate::ledger::Rule;
use crate::send::{Generator, Phase, Point, Report};
use crate::sink::Simulated;
use crate::sink::provider::{Provider, RECIPIENTS_MAX};
use crate::sink::rate::{Rate, Span};
use crate::verify::Proof;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The version of this model: higher where a reader of the last one would misread it.
pub const FORMAT: u32 = 1;

/// The report of a run. Each part may be missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of this format: 1.
    pub format: u32,
    /// What the generator found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<Sent>,
    /// What the provider simulator found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<Received>,
    /// What the join of both ledgers found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verified>,
}

impl Default for Document {
    fn default() -> Self {
        Self { format: FORMAT, send: None, sink: None, verify: None }
    }
}

/// What the generator found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Where this comes from.
    pub origin: Origin,
    /// Messages with at least one accepted recipient.
    pub messages: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Recipients accepted.
    pub accepted: u64,
    /// Answers 4xx, each of which was followed by another attempt or a refusal.
    pub postponed: u64,
    /// Recipients refused for good.
    pub refused: u64,
    /// Recipients with the text out and no answer.
    pub unanswered: u64,
    /// Messages that were never offered: stopped, or no connection.
    pub unsent: u64,
    /// Connections made.
    pub connections: u64,
    /// Connections that ended before the generator ended them.
    pub lost: u64,
    /// Attempts to connect that failed.
    pub dials_failed: u64,
    /// From the start to the end of the last session, in seconds.
    pub seconds: f64,
    /// Accepted messages a second.
    pub rate: f64,
    /// CPU the generator's threads used, in seconds.
    pub cpu_secs: f64,
    /// What drove its sockets.
    pub driver: String,
    /// The last thing that went wrong, if anything did.
    pub trouble: Option<String>,
    /// How well the generator itself kept up.
    pub generator: Generator,
    /// Each wait of a client by itself, in the order of a conversation; those that did not
    /// occur are left out.
    pub phases: Vec<NamedDistribution>,
    /// Of accepted messages, from MAIL to the answer to the text.
    pub transaction: Option<Distribution>,
    /// The same from the moment at which the message was to start; only in an open loop.
    pub corrected: Option<Distribution>,
    /// How long a start waited for a free session; only in an open loop.
    pub session_wait: Option<Distribution>,
    /// How long a start waited although a session was free; only in an open loop.
    pub own_lateness: Option<Distribution>,
    /// How late the generator's own timers were.
    pub timer_lag: Option<Distribution>,
    /// What became of messages, over time.
    pub series: Vec<Point>,
    /// What the relay used of the machine; only if it was watched.
    pub relay: Option<Used>,
}

/// How long one phase took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedDistribution {
    /// The phase.
    pub name: String,
    /// How long it took.
    #[serde(flatten)]
    pub distribution: Distribution,
}

/// What the relay used of the machine while the generator ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// The processes that were watched, with their descendants.
    pub pids: Vec<u32>,
    /// When one of them was found to have ended, in seconds since the start; it was not
    /// watched from there on.
    pub gone_at_secs: Option<f64>,
    /// Processor time in seconds, user and system.
    pub cpu_secs: f64,
    /// The same by accepted message, in microseconds.
    pub cpu_micros_per_message: f64,
    /// The most memory at any look, in bytes (PSS).
    pub memory_max_bytes: u64,
    /// What each look saw.
    pub series: Vec<UsagePoint>,
}

/// What the provider simulator found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// Where this comes from.
    pub origin: Origin,
    /// CPU the simulator's threads used, in seconds.
    pub cpu_secs: f64,
    /// Each provider.
    pub providers: Vec<Taken>,
}

/// What happened at one provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub about: String,
    /// Connections taken.
    pub connections: u64,
    /// The most connections open at a look, once a second.
    pub open_max: u64,
    /// Messages received in full.
    pub messages: u64,
    /// Bytes of their texts.
    pub bytes: u64,
    /// Recipients answered with 250 after the final dot.
    pub accepted: u64,
    /// Recipients answered with 4xx, each time.
    pub deferred: u64,
    /// Recipients answered with 5xx.
    pub failed: u64,
    /// Reports received from the null sender.
    pub reported: u64,
    /// Recipients of messages that are not the generator's.
    pub strangers: u64,
    /// Messages whose body was not the one their header promised.
    pub corrupt: u64,
    /// Connections and commands answered with 421.
    pub turned_away: u64,
    /// Times a rule of its contract was broken.
    pub broken: u64,
    /// What it allows.
    pub limits: Vec<Limit>,
    /// What happened there, over time.
    pub series: Vec<ProviderPoint>,
}

/// What a provider allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The rule, as profiles spell it.
    pub rule: String,
    /// How much it allows, in words.
    pub allows: String,
    /// Whether senders can know it, so that breaking it is a fault.
    pub contract: bool,
}

/// What the join of both ledgers found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Where this comes from.
    pub origin: Origin,
    /// Duplicates that were allowed: the relay was killed.
    pub duplicates_allowed: u64,
    /// Recipients last seen deferred were allowed to be in the relay's queue still.
    pub may_be_queued: bool,
    /// The verdict, and what it rests on.
    pub proof: Proof,
}

impl Sent {
    /// What `report` says, and what `relay` has seen of the relay.
    #[must_use]
    pub fn new(report: &Report, relay: &Relay, origin: Origin) -> Self {
        let measured = &report.measured;
        let phase = |phase: Phase| {
            let distribution = Distribution::of(measured.phases.of(phase))?;
            Some(NamedDistribution { name: phase.name().to_owned(), distribution })
        };
        let of = |latency: &Latency| Distribution::of(latency);
        Self {
            origin,
            messages: report.messages,
            bytes: report.bytes,
            accepted: report.accepted,
            postponed: report.postponed,
            refused: report.refused,
            unanswered: report.unanswered,
            unsent: report.unsent,
            connections: report.connections,
            lost: report.lost,
            dials_failed: report.dials_failed,
            seconds: report.seconds,
            rate: report.rate,
            cpu_secs: report.cpu_seconds,
            driver: report.driver.to_owned(),
            trouble: report.trouble.clone(),
            generator: report.generator.clone(),
            phases: Phase::ALL.into_iter().filter_map(phase).collect(),
            transaction: of(&measured.transaction),
            corrected: of(&measured.corrected),
            session_wait: of(&measured.session_wait),
            own_lateness: of(&measured.own_lateness),
            timer_lag: of(&measured.timer_lag),
            series: measured.series.points().collect(),
            relay: relay.used(report.messages),
        }
    }
}

impl Received {
    /// What these providers counted, and what `watched` saw of them over time.
    #[must_use]
    pub fn new(
        providers: &[Arc<Simulated>],
        watched: &Providers,
        cpu: Duration,
        origin: Origin,
    ) -> Self {
        let taken = |(index, one): (usize, &Arc<Simulated>)| Taken::new(one, watched.series(index));
        let providers = providers.iter().enumerate().map(taken).collect();
        Self { origin, cpu_secs: cpu.as_secs_f64(), providers }
    }
}

impl Taken {
    fn new(simulated: &Simulated, series: Vec<ProviderPoint>) -> Self {
        let (provider, counters) = (simulated.site.provider(), &simulated.counters);
        Self {
            name: provider.name.clone(),
            about: provider.about.clone(),
            connections: counters.connections.load(Relaxed),
            open_max: series.iter().map(|point| point.open).max().unwrap_or(0),
            messages: counters.messages.load(Relaxed),
            bytes: counters.bytes.load(Relaxed),
            accepted: counters.delivered.load(Relaxed),
            deferred: counters.deferred.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            reported: counters.reported.load(Relaxed),
            strangers: counters.strangers.load(Relaxed),
            corrupt: counters.corrupt.load(Relaxed),
            turned_away: counters.turned_away.load(Relaxed),
            broken: counters.broken.load(Relaxed),
            limits: limits(provider),
            series,
        }
    }
}

/// What a provider allows, one for each rule it has.
fn limits(provider: &Provider) -> Vec<Limit> {
    let allows = |rule| allowance(provider, rule).map(|allows| (rule, allows));
    let limit = |(rule, allows): (Rule, String)| Limit {
        rule: rule.name().to_owned(),
        allows,
        contract: provider.is_in_contract(rule),
    };
    Rule::ALL.into_iter().filter_map(allows).map(limit).collect()
}

fn allowance(provider: &Provider, rule: Rule) -> Option<String> {
    let count = |count: u32| (count > 0).then(|| count.to_string());
    let rate = |rate: Option<Rate>| rate.map(spelled);
    match rule {
        Rule::Connections => count(provider.connections_per_source),
        Rule::Messages => count(provider.messages_per_connection),
        Rule::Recipients => (provider.recipients_per_message < RECIPIENTS_MAX)
            .then(|| provider.recipients_per_message.to_string()),
        Rule::ConnectionRate => rate(provider.connection_rate),
        Rule::MessageRate => rate(provider.message_rate),
        Rule::RecipientRate => rate(provider.recipient_rate),
        Rule::Backoff => (!provider.backoff.is_zero()).then(|| span(provider.backoff)),
        Rule::Quota => {
            let quota = provider.quota.as_ref()?;
            rate(quota.mail_from.or(quota.dkim))
        }
        Rule::Tls => provider.is_in_contract(rule).then(|| "demanded".to_owned()),
        Rule::Domains => provider.one_domain_per_message.then(|| "1".to_owned()),
    }
}

fn spelled(rate: Rate) -> String {
    format!("{}/{}", rate.count, span(rate.span))
}

/// In the largest unit that leaves no remainder.
fn span(span: Span) -> String {
    let millis = span.0.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let unit = units.into_iter().find(|(unit, _)| millis.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, "ms"));
    format!("{} {name}", millis / unit)
}
