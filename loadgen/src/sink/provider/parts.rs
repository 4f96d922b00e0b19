//! The parts of a profile that have keys of their own.

use crate::sink::rate::{Rate, Span};
use serde::Deserialize;

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

/// What a provider does about TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Nothing.
    #[default]
    Off,
    /// It offers STARTTLS.
    Offered,
    /// It offers STARTTLS, and answers MAIL without it with 530.
    Demanded,
}

/// Greylisting: what a (network, sender, recipient) triplet first brings is deferred.
///
/// [RFC 6647 §2](https://www.rfc-editor.org/rfc/rfc6647#section-2)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Greylist {
    /// How long a triplet waits.
    pub delay: Span,
    /// How long after its first try it may come again; later it is new.
    pub window: Span,
    /// How long a triplet that came again is known.
    pub memory: Span,
}

impl Default for Greylist {
    /// A minute to a day to come again is what RFC 6647 section 5 recommends (2012), and a week
    /// the memory it asks for at least; five minutes is what most software ships with.
    fn default() -> Self {
        let day = 86_400;
        Self { delay: Span::secs(300), window: Span::secs(day), memory: Span::secs(7 * day) }
    }
}

/// Messages taken of one sending domain in a time, over all sources. A domain that had its share
/// is told so and sends nothing until it has recovered; what it sends all the same makes it
/// start anew. Recovered, it starts with one message and then what the rate lets flow in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Of one domain in MAIL FROM.
    pub mail_from: Option<Rate>,
    /// Of one domain in the d= of a DKIM signature. The signature is not checked.
    pub dkim: Option<Rate>,
    /// How long a domain must be silent.
    pub recovery: Span,
}

impl Quota {
    pub(super) fn flaw(&self) -> Option<String> {
        let none = self.mail_from.is_none() && self.dkim.is_none();
        none.then(|| "quota sets neither mail_from nor dkim".to_owned())
    }
}

/// How a provider takes to a source: points from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reputation {
    /// What a source nobody has seen begins with.
    pub start: f64,
    /// Won by each recipient that is taken.
    pub good: f64,
    /// Won by a minute that passes.
    pub minute: f64,
    /// Lost by each connection or MAIL of a source that was told to stay away.
    pub hammer: f64,
    /// Lost by each recipient that does not exist. With `good` it sets the share of these that
    /// is borne: good / (good + unknown).
    pub unknown: f64,
    /// Lost by each connection that brought no message.
    pub churn: f64,
    /// Lost by each recipient tried again sooner than `patience` after it was deferred.
    pub impatient: f64,
    /// How long a sender waits that does not ignore deferrals.
    pub patience: Span,
    /// Below this, `slow_percent` of the connections and rates are left.
    pub slow_below: f64,
    /// So many of a hundred, 1 to 100.
    pub slow_percent: u32,
    /// Below this, everything is answered with 421 (the reply `poor`).
    pub defer_below: f64,
    /// Below this, everything is answered with 5xx (the reply `blocked`).
    pub refuse_below: f64,
}

impl Default for Reputation {
    /// All ours: no provider publishes its own. An established sender that errs now and then
    /// stays above 50; one that goes on in spite of a 421 is blocked after some sixty tries.
    fn default() -> Self {
        Self {
            start: 80.0,
            good: 0.05,
            minute: 0.5,
            hammer: 1.0,
            unknown: 0.5,
            churn: 0.2,
            impatient: 0.2,
            patience: Span::secs(60),
            slow_below: 60.0,
            slow_percent: 50,
            defer_below: 40.0,
            refuse_below: 15.0,
        }
    }
}

impl Reputation {
    pub(super) fn flaw(&self) -> Option<String> {
        let Self { start, slow_below, defer_below, refuse_below, slow_percent, .. } = *self;
        let points = [start, slow_below, defer_below, refuse_below];
        let moves = [self.good, self.minute, self.hammer, self.unknown, self.churn, self.impatient];
        if points.iter().chain(&moves).any(|points| !(0.0..=100.0).contains(points)) {
            return Some("reputation counts in points from 0 to 100".to_owned());
        }
        if !(refuse_below <= defer_below && defer_below <= slow_below) {
            return Some(
                "reputation: refuse_below, defer_below and slow_below must rise".to_owned(),
            );
        }
        (!(1..=100).contains(&slow_percent))
            .then(|| "reputation: slow_percent is 1 to 100".to_owned())
    }
}

/// What goes wrong with a share of the connections, once a number of bytes has been received.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// The share of connections, above 0.0 to 1.0.
    #[serde(default = "every_one")]
    pub share: f64,
    /// Behind how many received bytes; 0 is before the greeting.
    #[serde(default)]
    pub at_byte: u64,
    /// The pause between two bytes of a tarpit, or two lines of an endless reply.
    #[serde(default = "a_second")]
    pub pause: Span,
}

const fn every_one() -> f64 {
    1.0
}

const fn a_second() -> Span {
    Span::secs(1)
}

impl Fault {
    pub(super) fn flaw(&self) -> Option<String> {
        if self.pause.is_zero() {
            return Some("fault: a pause of 0 would spin".to_owned());
        }
        (!(self.share > 0.0 && self.share <= 1.0))
            .then(|| "fault: share is above 0.0 and at most 1.0".to_owned())
    }
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The connection is reset; what was answered to the last bytes is lost.
    Reset,
    /// Replies come byte by byte.
    Tarpit,
    /// A reply begins and never ends.
    Endless,
    /// Nothing is answered any more, and nothing closed.
    HalfOpen,
}
