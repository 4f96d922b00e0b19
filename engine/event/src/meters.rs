//! What one shard counts.
//!
//! Each shard writes its own meters and no others; anybody reads them. They lie on cache
//! lines of their own, so that shards do not slow each other by counting.

use crate::{Count, Flag, Histogram, Outcome, ReplyClass, Shut, Tally, Tick, Undelivered};
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Whether a number only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from zero at start.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One number, ready to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its stable name, without prefix or suffix.
    pub name: &'static str,
    /// What it counts, in one sentence.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// The number.
    pub value: u64,
}

/// One list makes the fields, their documentation, and the rows of a scrape.
macro_rules! meters {
    ($($kind:ident $name:ident: $help:literal;)*) => {
        /// What one shard counts. One writer: the shard.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct ShardMeters {
            $(#[doc = $help] pub $name: Count,)*
            /// How long the sync of a commit took.
            pub sync: Histogram,
            /// How long a message waited from its last byte to being durable.
            pub durable_wait: Histogram,
            /// What was refused at the door, by limit or rule.
            pub refusals: Tally,
            /// What providers have asked to be spared, by why: times that something was slowed.
            pub slowed: Tally,
            /// What was not taken, by what became of it and why: tries, not recipients.
            pub undelivered: Undelivered,
            /// All messages on disk are known again.
            pub recovered: Flag,
            /// New mail is taken.
            pub accepting: Flag,
            /// A 250 means that the message is on the disk.
            pub durable: Flag,
            /// Why new mail is not taken: its place in [`Shut::ALL`], counted from 1.
            shut: Count,
            /// When the shard last turned its loop, on its own clock.
            heartbeat: Count,
            /// Odd while a shard is in the middle of counting one event.
            turns: AtomicU64,
        }

        impl ShardMeters {
            /// All counters and gauges, in a stable order.
            #[must_use]
            pub fn rows(&self) -> Vec<Row> {
                vec![$(Row {
                    name: stringify!($name),
                    help: $help.trim_ascii(),
                    kind: Kind::$kind,
                    value: self.$name.get(),
                },)*]
            }
        }
    };
}

meters! {
    Gauge connections_in: " Incoming connections open.";
    Counter connections_in_total: " Incoming connections taken since start, those by which a balancer looked whether we are well left out.";
    Counter connections_turned_away: " Incoming connections told 421 at once: the listener was full, or no descriptor was left.";
    Counter balancer_probes: " Incoming connections by which a balancer only looked whether we are well.";
    Counter proxy_strangers: " Incoming connections closed because they came from elsewhere than the listed balancers.";
    Counter proxy_faults: " Incoming connections from a balancer closed for want of a right PROXY header in time.";
    Gauge connection_bytes: " Memory of incoming connections: what each takes up at rest, and receive buffers.";
    Counter header_faults: " Messages taken although their header breaks a rule.";
    Gauge tls_connections: " Connections under TLS, its handshake included.";
    Gauge tls_bytes: " Bytes of memory that TLS holds for them, buffers included.";
    Counter tls_handshakes: " TLS handshakes of incoming connections that were completed.";
    Counter tls_resumed: " Those of them that built on an earlier one.";
    Counter tls_failed_timeout: " TLS handshakes that took too long.";
    Counter tls_failed_lost: " TLS handshakes that the peer left.";
    Counter tls_failed_alert: " TLS handshakes that the peer gave up with an alert.";
    Counter tls_failed_offer: " TLS handshakes with nothing in common: version, cipher suite or protocol.";
    Counter tls_failed_certificate: " TLS handshakes in which the client showed no certificate that is trusted.";
    Counter tls_failed_protocol: " TLS handshakes that broke the rules of TLS.";
    Counter tls_out_handshakes: " TLS handshakes with hosts that were completed.";
    Counter tls_out_resumed: " Those of them that built on an earlier one.";
    Counter tls_out_verified: " Those of them in which the host proved to be the one that was meant.";
    Counter tls_out_dane: " Those of them in which it did so by TLSA records (DANE).";
    Counter tls_out_dane_failed: " TLS handshakes in which a host showed a certificate that its TLSA records (DANE) do not know.";
    Counter mta_sts_unmet: " Tries by which mail went where an MTA-STS policy in testing would not have let it.";
    Counter tls_out_in_clear: " Connections to hosts in the clear although TLS was wanted.";
    Counter tls_out_missing: " Connections to hosts given up because TLS is required and not to be had.";
    Counter tls_out_failed_timeout: " TLS handshakes with hosts that took too long.";
    Counter tls_out_failed_lost: " TLS handshakes that the host left.";
    Counter tls_out_failed_alert: " TLS handshakes that the host gave up with an alert.";
    Counter tls_out_failed_offer: " TLS handshakes with hosts with nothing in common.";
    Counter tls_out_failed_certificate: " TLS handshakes in which the host did not prove to be the one that was meant.";
    Counter tls_out_failed_protocol: " TLS handshakes that the host broke the rules of TLS in.";
    Counter accepted_messages: " Messages made durable and acknowledged, bounces included.";
    Counter accepted_recipients: " Recipients of those messages.";
    Counter accepted_bytes: " Bytes of those messages.";
    Counter recovered_recipients: " Open recipients found on disk at start.";
    Counter refused_for_now: " Refusals with a 4xx code at the door.";
    Counter refused_for_good: " Refusals with a 5xx code at the door.";
    Counter logins: " Peers that proved which user they are.";
    Counter logins_failed: " Logins that proved nothing.";
    Counter logins_put_off: " Logins that nobody could check at the time.";
    Gauge queued_recipients: " Recipients without a final outcome yet.";
    Gauge queued_recipients_max: " Recipients that may be; past it MAIL hears 452.";
    Gauge intake_bytes: " Memory in use for message text in reception.";
    Gauge intake_bytes_max: " Memory there is for it; past it MAIL hears 452.";
    Gauge spool_free_bytes: " Bytes free to us on the spool's filesystem.";
    Gauge spool_free_bytes_min: " Bytes that are left free of it; nearer to full, MAIL hears 452.";
    Counter delivered: " Recipients the next host took.";
    Counter deferred: " Tries that ended with a later try. Not recipients.";
    Counter failed: " Recipients refused for good.";
    Counter expired: " Recipients given up because their time was up.";
    Counter dropped: " Recipients taken out by an operator.";
    Counter possible_duplicates: " Tries after which a peer may hold the message although it is tried again.";
    Counter replies_unknown: " Refusals in words that no reply rule knows: classified by their codes alone.";
    Gauge gates: " Keys at sites (the site itself, an address of ours, a sender's domain) that are slowed because a host asked for it.";
    Gauge set_aside: " Deliveries whose sender's domain is slowed at their site.";
    Counter flows_shared: " Messages of a tenant or campaign beyond those told apart: they share the turns of mail that names none.";
    Counter bounces: " Bounces written.";
    Gauge bounces_waiting: " Reports to senders that are yet to be written.";
    Counter suppressions_advised: " Recipients that hard-bounced so often that it was told, once each.";
    Counter bounces_dropped: " Failed bounces, of which nobody is told.";
    Gauge lanes: " Outgoing connections open or opening.";
    Gauge connections_lent: " Connections of sites at home here that other shards may have.";
    Gauge hosts_at_rest: " Hosts that are passed over, as long as there is another: they could not be reached, or asked for it.";
    Counter dials: " Outgoing connections tried.";
    Counter dial_failures: " Outgoing connections that did not come about.";
    Counter commits: " Group commits.";
    Counter commit_bytes: " Bytes in those commits, padding included.";
    Counter commit_records: " Records in those commits.";
    Counter panics: " Tasks that ended in a panic.";
    Counter log_lines_lost: " Lines of the delivery log that could not be written.";
    Gauge spool_segments: " Segment files in use.";
    Gauge spool_pool_segments: " Segment files ready for use.";
    Gauge spool_live_bytes: " Bytes of messages with an open recipient, on disk.";
    Gauge spool_reclaim_debt_bytes: " Bytes written to segment files that no open recipient needs.";
    Gauge spool_closed_logs: " Logs that take no mail: their disk is full, fails or is slow.";
    Counter spool_write_failures: " Writes to the spool that failed. Each gives up its segment file.";
    Counter spool_copies: " Messages copied forward so that the segment they were in can be reused.";
    Counter spool_damage: " Parts of logs found damaged or missing; each is named in the delivery log.";
    Counter spool_messages_damaged: " Open messages whose envelope or text on disk was found damaged when it was read.";
    Gauge oldest_age_seconds: " Seconds since the oldest message with an open recipient was accepted, to ten; 0 if there is none.";
}

/// The two sides of the promise that nothing is lost: what came in, and where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Recipients accepted since start.
    pub accepted: u64,
    /// Open recipients found on disk at start.
    pub recovered: u64,
    /// Recipients delivered.
    pub delivered: u64,
    /// Recipients refused for good.
    pub failed: u64,
    /// Recipients whose time was up.
    pub expired: u64,
    /// Recipients taken out.
    pub dropped: u64,
    /// Recipients still open.
    pub queued: u64,
}

impl Balance {
    /// Whether every recipient that came in is accounted for.
    #[must_use]
    pub const fn holds(&self) -> bool {
        let came = self.accepted + self.recovered;
        came == self.delivered + self.failed + self.expired + self.dropped + self.queued
    }

    /// Both taken together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            recovered: self.recovered + other.recovered,
            delivered: self.delivered + other.delivered,
            failed: self.failed + other.failed,
            expired: self.expired + other.expired,
            dropped: self.dropped + other.dropped,
            queued: self.queued + other.queued,
        }
    }
}

impl ShardMeters {
    /// Says that the shard's loop turns.
    pub fn beat(&self, now: Tick) {
        self.heartbeat.set(now.0);
    }

    /// When the shard's loop last turned, on its own clock.
    #[must_use]
    pub fn heartbeat(&self) -> Tick {
        Tick(self.heartbeat.get())
    }

    /// Says whether new mail is taken, and if not, why.
    pub fn open_or_shut(&self, shut: Option<Shut>) {
        self.accepting.set(shut.is_none());
        let place = shut.and_then(|why| Shut::ALL.iter().position(|other| *other == why));
        self.shut.set(place.map_or(0, |place| place as u64 + 1));
    }

    /// Why no new mail is taken; `None` also of a shard that has not begun.
    #[must_use]
    pub fn shut(&self) -> Option<Shut> {
        let place = usize::try_from(self.shut.get()).ok()?.checked_sub(1)?;
        Shut::ALL.get(place).copied()
    }

    /// Counts the open recipients of a message found on disk at start.
    pub fn resumed(&self, recipients: u64) {
        self.turn(|meters| {
            meters.recovered_recipients.add(recipients);
            meters.queued_recipients.add(recipients);
        });
    }

    /// The balance of whole events: never of one that is half counted. Waits, at most for
    /// as long as the shard takes to count one event, and is for readers, not for the shard
    /// while it counts.
    #[must_use]
    pub fn balance(&self) -> Balance {
        loop {
            let before = self.turns.load(Ordering::Acquire);
            let balance = self.glance();
            // Keeps the loads above from being done after the one below.
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.turns.load(Ordering::Relaxed) == before {
                return balance;
            }
            std::hint::spin_loop();
        }
    }

    /// Counts one event as a whole. One writer.
    pub(crate) fn turn(&self, count: impl FnOnce(&Self)) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns + 1, Ordering::Relaxed);
        // Keeps the stores of `count` from being seen before the odd number.
        fence(Ordering::Release);
        count(self);
        self.turns.store(turns + 2, Ordering::Release);
    }

    pub(crate) fn accept(&self, recipients: u32, bytes: u64) {
        self.accepted_messages.add(1);
        self.accepted_recipients.add(u64::from(recipients));
        self.accepted_bytes.add(bytes);
        self.queued_recipients.add(u64::from(recipients));
    }

    pub(crate) fn refuse(&self, code: u16) {
        if code < 500 { self.refused_for_now.add(1) } else { self.refused_for_good.add(1) }
    }

    pub(crate) fn settle(
        &self,
        outcome: Outcome,
        why: Option<ReplyClass>,
        duplicate_possible: bool,
    ) {
        self.of(outcome).add(1);
        self.undelivered.add(outcome, why);
        self.possible_duplicates.add(u64::from(duplicate_possible));
        self.queued_recipients.sub(u64::from(outcome.is_final()));
    }

    const fn of(&self, outcome: Outcome) -> &Count {
        match outcome {
            Outcome::Delivered => &self.delivered,
            Outcome::Deferred => &self.deferred,
            Outcome::Failed => &self.failed,
            Outcome::Expired => &self.expired,
            Outcome::Dropped => &self.dropped,
        }
    }

    fn glance(&self) -> Balance {
        Balance {
            accepted: self.accepted_recipients.get(),
            recovered: self.recovered_recipients.get(),
            delivered: self.delivered.get(),
            failed: self.failed.get(),
            expired: self.expired.get(),
            dropped: self.dropped.get(),
            queued: self.queued_recipients.get(),
        }
    }
}

#[cfg(test)]
mod tests;
