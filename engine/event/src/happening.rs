//! The one enum from which logs and metrics derive.
//!
//! Every line is one JSON object with `event` (the kind) and `at` first. Field names are
//! stable: fields may be added, none is renamed or dropped. A field is always there; where
//! there is nothing to say it is `null`. Only `tenant`, `pool`, `job`, `campaign` and
//! `connection` are left out where a message has none. `at`, `accepted`, `asked`, `due` and `next` are milliseconds since the Unix
//! epoch, UTC.
//!
//! | event | fields |
//! |---|---|
//! | accepted | id, sender, recipients, bytes, peer, listener, source, user, protocol, tls, cipher, client (whose certificate); connection if a balancer has named it; tenant, pool, job, campaign if there are such; all from peer to client null if we wrote it ourselves |
//! | header_faulty | id, source, peer, rules |
//! | refused | peer, source (null: nobody looked), rule, code, enhanced, text |
//! | login_failed | peer, user (null: no user has the name that was given), mechanism |
//! | attempt | id, sender, recipient, site, peer, host (what it is called), source_address (of ours), ehlo (how we introduced ourselves), tls, cipher, verified (it proved to be that host), in_clear (why there is no TLS although it was wanted), mta_sts (what the policy of the domain asks for), mta_sts_failure (why that would not have let the mail go there), outcome, code, enhanced, text, local (we say it, not the peer), class (why it said no, if it did), category (one of seventeen, by which what was not taken is sorted: its class, or `message-expired` where its time was up; null if it was taken), attempt, bytes, next, duplicate_possible, accepted, and milliseconds from accept, with microseconds as decimals: queued, started, sent, answered, settled; tenant, pool (by which it left, also the default one), job, campaign if there are such |
//! | bounced | id, bounce, recipient, recipients, action (failed, delayed or relayed) |
//! | bounce_dropped | id, recipients |
//! | suppression_advised | id (of the last that bounced), recipient, site, bounces (hard ones lately: `suppress_after` or more), category, code, enhanced, text; once for each recipient, and nothing is done about it |
//! | dial_failed | site, peer, source_address (null: whichever the system takes), category, code, enhanced, text; also when a handshake failed and the host is dialled again in the clear |
//! | gate | site, scope (whose quota is meant: site, source-address, mail-from-domain or host), value (which; null for the site), step (shut, narrowed, widened or opened), connections (there may be now; null: as many as ever), next (when that changes, if mail goes until then), rule (that read the reply), provider, class, asked (when the reply came), code, enhanced, text |
//! | spool_unread | log, text |
//! | spool_damaged | log, segment, start, end, flaw, messages (names, the first 100), messages_total, copy, text |
//! | ordered | verb (pause, resume, flush, disable-source, enable-source, drop, bounce, reroute, end-reroute, schedule), what it is about (null where nothing is said of it): site, domain, tenant, campaign, message, source (address or name of one of ours); by, reason, until (null: it does not end by itself), pool, to (where mail goes that is to go elsewhere), due (when, if mail was put off), ready, waiting (deliveries it was counted to be about) |
//! | order_failed | shard (which has not done it to its end: it is to be ordered again), and all of `ordered` but what was counted, which is 0 |
//! | reloaded | by, changed (the keys, with commas between) |
//! | shard_started | shard, messages, recipients |
//! | shard_stopped | shard, recipients |

mod accepted;
mod advice;
mod attempt;
mod gate;
mod line;
mod ordered;

pub use accepted::{Accepted, Encryption, Entrance};
pub use advice::Advice;
pub use attempt::{Attempt, Labels, Passage, Stages, Sts};
pub use gate::Gate;
pub use line::FIELD_BYTES_MAX;
pub use ordered::{Ordered, Subject};

use crate::{EnhancedCode, MessageId, ReplyClass, Response, ShardMeters, Wall};
use line::Line;
use std::net::{IpAddr, SocketAddr};

/// The most messages a log line names.
pub const MESSAGES_MAX: usize = 100;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A message became durable with us: from now on it is ours.
    Accepted(Accepted<'a>),
    /// A message was taken although its header breaks rules.
    HeaderFaulty {
        /// Its identity.
        id: MessageId,
        /// The source it came from; empty if nothing was said of it.
        source: &'a str,
        /// Who gave it to us.
        peer: SocketAddr,
        /// The rules, with spaces between.
        rules: &'a str,
    },
    /// A connection, a command or a message was turned down at the door.
    Refused {
        /// Who was turned down.
        peer: SocketAddr,
        /// The source it is of, empty if nothing was said of it; `None` if it was not asked yet.
        source: Option<&'a str>,
        /// The limit or rule that was broken.
        rule: &'a str,
        /// The code it was told.
        code: u16,
        /// The enhanced code.
        enhanced: Option<EnhancedCode>,
        /// The words behind them.
        text: &'a str,
    },
    /// A peer could not prove who it says it is. What it gave for a password is nowhere.
    LoginFailed {
        /// Who came.
        peer: SocketAddr,
        /// Whom it named; `None` if there is no such user, since a password may have slipped
        /// into the name's place.
        user: Option<&'a str>,
        /// By which mechanism.
        mechanism: &'a str,
    },
    /// A recipient was tried, or given up.
    Attempt(Attempt<'a>),
    /// The sender is told that recipients failed; or, as it asked to be, that they are late or
    /// were passed on. The report is accepted by an event of its own.
    Bounced {
        /// The message it is about.
        id: MessageId,
        /// The message that says so.
        bounce: MessageId,
        /// Who is told.
        recipient: &'a str,
        /// How many recipients it tells of.
        recipients: u32,
        /// What it says became of them: `failed`, `delayed` or `relayed`.
        action: &'a str,
    },
    /// Recipients of a bounce failed. Nobody is told, or bounces would beget bounces.
    /// [RFC 5321 §4.5.5](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.5)
    BounceDropped {
        /// The bounce.
        id: MessageId,
        /// How many of its recipients failed.
        recipients: u32,
    },
    /// A recipient had better not be written to any more.
    SuppressionAdvised(Advice<'a>),
    /// No connection to a host of a site came about.
    DialFailed {
        /// The site.
        site: &'a str,
        /// The host.
        peer: SocketAddr,
        /// The address of ours it was to see, if that was not left to the system.
        source_address: Option<IpAddr>,
        /// Why.
        category: ReplyClass,
        /// What we say for it.
        response: &'a Response,
    },
    /// A provider has asked for less, or gets more again. Told once a step, not once a message.
    Gate(Gate<'a>),
    /// A segment of a log cannot be read. Mail is taken and delivered, but what lies in that
    /// log from before the start waits until it can.
    SpoolUnread {
        /// The log's number.
        log: u16,
        /// Which file, and what the machine says.
        text: &'a str,
    },
    /// Bytes of a log are not what was written. Told once in the life of a process for each
    /// flaw found at start, and for each message found damaged later.
    SpoolDamaged {
        /// The log's number.
        log: u16,
        /// The segment's number.
        segment: u64,
        /// The first bad byte, counted from the start of the segment's file.
        start: u64,
        /// The byte behind the last; where all of the file is missing, both are 0.
        end: u64,
        /// What is wrong: `damaged`, or `missing`.
        flaw: &'a str,
        /// Messages known to have been hit. The line names the first [`MESSAGES_MAX`].
        messages: &'a [MessageId],
        /// The file that keeps the bad bytes, below the log's directory.
        copy: Option<&'a str>,
        /// Why there is no such file.
        text: Option<&'a str>,
    },
    /// An operator ordered something.
    Ordered(Ordered<'a>),
    /// What an operator ordered was not done to its end by this shard: it is to be ordered again.
    OrderFailed(u16, Ordered<'a>),
    /// New settings are in force.
    Reloaded {
        /// Who wanted it.
        by: &'a str,
        /// The keys that were changed, with commas between.
        changed: &'a str,
    },
    /// A shard has read its logs and works.
    ShardStarted {
        /// Its number.
        shard: u16,
        /// Live messages found on disk.
        messages: u64,
        /// Their open recipients.
        recipients: u64,
    },
    /// A shard has synced everything and ends.
    ShardStopped {
        /// Its number.
        shard: u16,
        /// Open recipients it leaves on disk.
        recipients: u64,
    },
}

impl Event<'_> {
    /// Appends its log line, line ending included. About 5 KiB at most after typical
    /// escaping, 20 KiB if every character must be escaped.
    pub fn json(&self, at: Wall, out: &mut Vec<u8>) {
        let line = Line::new(out, self.kind()).number("at", at.0);
        self.fields(line, at).end();
    }

    /// Moves the counters that follow from it, all at once as [`ShardMeters::balance`] sees it.
    /// Call it on the shard that owns the message, once. What a shard finds on disk is counted
    /// by [`ShardMeters::resumed`], a message at a time.
    pub fn count(&self, meters: &ShardMeters) {
        meters.turn(|meters| match *self {
            Self::Accepted(Accepted { recipients, bytes, .. }) => meters.accept(recipients, bytes),
            Self::HeaderFaulty { .. } => meters.header_faults.add(1),
            Self::Refused { code, .. } => meters.refuse(code),
            Self::LoginFailed { .. } => meters.logins_failed.add(1),
            Self::Attempt(Attempt { outcome, class, duplicate_possible, sts, .. }) => {
                meters.settle(outcome, class, duplicate_possible);
                let unmet = sts.is_some_and(|sts| sts.failure.is_some());
                meters.mta_sts_unmet.add(u64::from(unmet));
            }
            Self::Bounced { .. } => meters.bounces.add(1),
            Self::BounceDropped { .. } => meters.bounces_dropped.add(1),
            Self::SuppressionAdvised(_) => meters.suppressions_advised.add(1),
            Self::DialFailed { .. } => meters.dial_failures.add(1),
            Self::Gate(gate) if gate.is_less() => {
                meters.slowed.name(&ReplyClass::NAMES);
                meters.slowed.add(gate.class as usize);
            }
            Self::SpoolDamaged { .. } => meters.spool_damage.add(1),
            Self::Ordered(_)
            | Self::OrderFailed(..)
            | Self::Reloaded { .. }
            | Self::Gate(_)
            | Self::SpoolUnread { .. }
            | Self::ShardStarted { .. }
            | Self::ShardStopped { .. } => (),
        });
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::HeaderFaulty { .. } => "header_faulty",
            Self::Refused { .. } => "refused",
            Self::LoginFailed { .. } => "login_failed",
            Self::Attempt(_) => "attempt",
            Self::Bounced { .. } => "bounced",
            Self::BounceDropped { .. } => "bounce_dropped",
            Self::SuppressionAdvised(_) => "suppression_advised",
            Self::DialFailed { .. } => "dial_failed",
            Self::Gate(_) => "gate",
            Self::SpoolUnread { .. } => "spool_unread",
            Self::SpoolDamaged { .. } => "spool_damaged",
            Self::Ordered(_) => "ordered",
            Self::OrderFailed(..) => "order_failed",
            Self::Reloaded { .. } => "reloaded",
            Self::ShardStarted { .. } => "shard_started",
            Self::ShardStopped { .. } => "shard_stopped",
        }
    }

    fn fields<'o>(&self, line: Line<'o>, at: Wall) -> Line<'o> {
        match *self {
            Self::Accepted(accepted) => accepted.fields(line),
            Self::HeaderFaulty { id, source, peer, rules } => line
                .id("id", id)
                .text("source", source)
                .peer("peer", Some(peer))
                .text("rules", rules),
            Self::Refused { peer, source, rule, code, enhanced, text } => line
                .peer("peer", Some(peer))
                .text_or_null("source", source)
                .text("rule", rule)
                .number("code", u64::from(code))
                .enhanced("enhanced", enhanced)
                .text("text", text),
            Self::LoginFailed { peer, user, mechanism } => line
                .peer("peer", Some(peer))
                .text_or_null("user", user)
                .text("mechanism", mechanism),
            Self::Attempt(attempt) => attempt.fields(line, at),
            Self::Bounced { id, bounce, recipient, recipients, action } => line
                .id("id", id)
                .id("bounce", bounce)
                .text("recipient", recipient)
                .number("recipients", u64::from(recipients))
                .text("action", action),
            Self::BounceDropped { id, recipients } => {
                line.id("id", id).number("recipients", u64::from(recipients))
            }
            Self::SuppressionAdvised(advice) => advice.fields(line),
            Self::DialFailed { site, peer, source_address, category, response } => {
                let line = line.text("site", site).peer("peer", Some(peer));
                let line = line.address("source_address", source_address);
                reply(line.text("category", category.name()), response)
            }
            Self::Gate(gate) => gate.fields(line),
            Self::SpoolUnread { log, text } => {
                line.number("log", u64::from(log)).text("text", text)
            }
            Self::SpoolDamaged { log, segment, start, end, flaw, messages, copy, text } => line
                .number("log", u64::from(log))
                .number("segment", segment)
                .number("start", start)
                .number("end", end)
                .text("flaw", flaw)
                .ids("messages", &messages[..messages.len().min(MESSAGES_MAX)])
                .number("messages_total", messages.len() as u64)
                .text_or_null("copy", copy)
                .text_or_null("text", text),
            Self::Ordered(ordered) => ordered.fields(line),
            Self::OrderFailed(shard, ordered) => ordered.failed(shard, line),
            Self::Reloaded { by, changed } => line.text("by", by).text("changed", changed),
            Self::ShardStarted { shard, messages, recipients } => line
                .number("shard", u64::from(shard))
                .number("messages", messages)
                .number("recipients", recipients),
            Self::ShardStopped { shard, recipients } => {
                line.number("shard", u64::from(shard)).number("recipients", recipients)
            }
        }
    }
}

fn reply<'o>(line: Line<'o>, response: &Response) -> Line<'o> {
    line.number("code", u64::from(response.code))
        .enhanced("enhanced", response.enhanced)
        .text("text", &response.text)
}

#[cfg(test)]
mod tests;
