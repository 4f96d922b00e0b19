//! One try at one recipient, and how long each part of it took.

use super::line::Line;
use crate::{MessageId, Outcome, ReplyClass, Response, Tick, Wall};
use std::net::{IpAddr, SocketAddr};

/// When a recipient passed each stage. A stage that was never reached is [`Tick::ZERO`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// When the message became durable with us.
    pub accepted: Wall,
    /// The same moment on the monotonic clock; `None` if that was before a restart. Timings
    /// are then good to a millisecond only.
    pub received: Option<Tick>,
    /// It was due, and put at the end of its site's queue.
    pub queued: Tick,
    /// A lane took it.
    pub started: Tick,
    /// The last byte of its text was handed to the system.
    pub sent: Tick,
    /// The verdict was read.
    pub answered: Tick,
    /// The settle record was handed to the spool.
    pub settled: Tick,
}

impl Stages {
    /// Microseconds from accept to `stage`, if it was reached. `at` is the wall clock now,
    /// and serves where the monotonic moment of acceptance is not known.
    fn micros(&self, stage: Tick, at: Wall) -> Option<u64> {
        if stage == Tick::ZERO {
            return None;
        }
        let span = match self.received {
            Some(received) => stage.since(received),
            None => at.since(self.accepted).saturating_sub(self.settled.since(stage)),
        };
        Some(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }
}

/// What whoever sent a message calls it, and on whose behalf it was sent. Most messages have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels<'a> {
    /// On whose behalf.
    pub tenant: Option<&'a str>,
    /// By which pool of addresses it leaves.
    pub pool: Option<&'a str>,
    /// Which mailing it belongs to.
    pub job: Option<&'a str>,
    /// Which campaign it belongs to.
    pub campaign: Option<&'a str>,
}

/// How a host was reached.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// What it is called, by DNS or by a route.
    pub host: &'a str,
    /// The address of ours it saw.
    pub source_address: IpAddr,
    /// How we introduced ourselves there.
    pub ehlo: &'a str,
    /// The version of TLS, if there was any.
    pub tls: Option<&'a str>,
    /// The cipher suite.
    pub cipher: Option<&'a str>,
    /// Whether the host proved to be the one that was meant.
    pub verified: Option<bool>,
    /// What DNS proved of its certificates, if anything: `usable` is what was checked, with
    /// `unusable` there had to be TLS, and any would do.
    pub dane: Option<&'a str>,
    /// Why there was no TLS although it was wanted: what the host did.
    pub in_clear: Option<&'a str>,
}

/// What the MTA-STS policy of a domain makes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sts {
    /// What the policy asks for: `enforce` or `testing`.
    pub mode: &'static str,
    /// Why it would not have let the mail go this way, if it would not.
    pub failure: Option<&'static str>,
}

/// One try at one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The message.
    pub id: MessageId,
    /// Its sender; empty for a bounce.
    pub sender: &'a str,
    /// The recipient.
    pub recipient: &'a str,
    /// The site it was sent to.
    pub site: &'a str,
    /// The host it was sent to, if a connection came about.
    pub peer: Option<SocketAddr>,
    /// How it was reached.
    pub passage: Option<Passage<'a>>,
    /// What the policy of its domain makes of that, if there is one.
    pub sts: Option<Sts>,
    /// What became of it.
    pub outcome: Outcome,
    /// What the peer said, or what we say for it.
    pub response: &'a Response,
    /// Why it said no, if it did.
    pub class: Option<ReplyClass>,
    /// Which try it was: the first is 1.
    pub attempt: u16,
    /// Bytes of message text, our own header fields included.
    pub bytes: u64,
    /// When it will be tried again, if it will.
    pub next: Option<Wall>,
    /// The peer may have the message although we try it again.
    pub duplicate_possible: bool,
    /// When each stage was passed.
    pub stages: Stages,
    /// What the message is called.
    pub labels: Labels<'a>,
}

impl Attempt<'_> {
    /// The fields of its log line, behind the event and the time.
    pub(super) fn fields<'o>(&self, line: Line<'o>, at: Wall) -> Line<'o> {
        let after = |stage| self.stages.micros(stage, at);
        let passage = self.passage;
        let category = ReplyClass::category(self.outcome, self.class);
        let Labels { tenant, pool, job, campaign } = self.labels;
        line.id("id", self.id)
            .text("sender", self.sender)
            .text("recipient", self.recipient)
            .text("site", self.site)
            .peer("peer", self.peer)
            .text_or_null("host", passage.map(|passage| passage.host))
            .address("source_address", passage.map(|passage| passage.source_address))
            .text_or_null("ehlo", passage.map(|passage| passage.ehlo))
            .text_or_null("tls", passage.and_then(|passage| passage.tls))
            .text_or_null("cipher", passage.and_then(|passage| passage.cipher))
            .truth_or_null("verified", passage.and_then(|passage| passage.verified))
            .text_or_null("dane", passage.and_then(|passage| passage.dane))
            .text_or_null("in_clear", passage.and_then(|passage| passage.in_clear))
            .text_or_null("mta_sts", self.sts.map(|sts| sts.mode))
            .text_or_null("mta_sts_failure", self.sts.and_then(|sts| sts.failure))
            .text("outcome", self.outcome.name())
            .number("code", u64::from(self.response.code))
            .enhanced("enhanced", self.response.enhanced)
            .text("text", &self.response.text)
            .truth("local", self.response.local)
            .text_or_null("class", self.class.map(ReplyClass::name))
            .text_or_null("category", category.map(ReplyClass::name))
            .number("attempt", u64::from(self.attempt))
            .number("bytes", self.bytes)
            .number_or_null("next", self.next.map(|next| next.0))
            .truth("duplicate_possible", self.duplicate_possible)
            .number("accepted", self.stages.accepted.0)
            .millis_or_null("queued", after(self.stages.queued))
            .millis_or_null("started", after(self.stages.started))
            .millis_or_null("sent", after(self.stages.sent))
            .millis_or_null("answered", after(self.stages.answered))
            .millis_or_null("settled", after(self.stages.settled))
            .text_if_any("tenant", tenant)
            .text_if_any("pool", pool)
            .text_if_any("job", job)
            .text_if_any("campaign", campaign)
    }
}

#[cfg(test)]
mod tests;
