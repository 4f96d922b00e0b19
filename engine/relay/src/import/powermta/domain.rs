//! `<domain>`: what is limited, and when it is tried again.

use super::file::{Directive, Section};
use super::{Config, Origin};
use crate::import::limits::{Limit, idle};
use crate::import::quantity::{byte_rate, rate, shown, time};
use crate::import::sites::{Target, why_asleep};
use policy::pace::Counted;
use std::time::Duration;

/// Why nothing about signatures comes over.
pub(super) const UNSIGNED: &str =
    "signing (DKIM) comes later: until then mail has to be signed before it is brought here";

/// A section for domains: whose mail, which hosts, and what it is called.
pub(super) struct Queue<'f> {
    pub(super) section: &'f Section,
    pub(super) target: Target,
    /// Empty for all.
    pub(super) domains: Vec<String>,
}

/// What a directive becomes.
type Become = fn(&mut Config<'_>, &Queue<'_>, &Directive);

/// The directives that a `<domain>` may have and that become something.
const KNOWN: [(&str, Become); 18] = [
    ("max-smtp-out", |config, queue, directive| {
        config.count(queue, directive, &Limit::CONNECTIONS);
    }),
    ("max-msg-per-connection", |config, queue, directive| {
        config.count(queue, directive, &Limit::MESSAGES);
    }),
    ("max-rcpt-per-message", |config, queue, directive| {
        config.count(queue, directive, &Limit::RECIPIENTS);
    }),
    ("max-rcpt-per-transaction", |config, queue, directive| {
        config.count(queue, directive, &Limit::RECIPIENTS);
    }),
    ("max-msg-rate", |config, queue, directive| {
        config.rate(queue, directive, Counted::Messages);
    }),
    ("max-connect-rate", |config, queue, directive| {
        config.rate(queue, directive, Counted::Connections);
    }),
    ("max-data-volume-rate", |config, queue, directive| {
        config.rate(queue, directive, Counted::Bytes);
    }),
    ("connection-idle-timeout", |config, queue, directive| config.idle(queue, directive)),
    ("retry-after", |config, queue, directive| config.retry_after(queue, directive)),
    ("bounce-after", |config, queue, directive| config.bounce_after(queue, directive)),
    ("use-starttls", |config, queue, directive| config.starttls(queue, directive)),
    ("require-starttls", |config, queue, directive| config.starttls(queue, directive)),
    ("smtp-hosts", |config, queue, directive| config.hosts(queue, directive)),
    ("route", |config, queue, directive| config.hosts(queue, directive)),
    ("default-smtp-port", |config, queue, directive| config.port(queue, directive)),
    ("smtp-pattern-list", |config, queue, directive| config.pattern_list(queue, directive)),
    // Read with the list of patterns, and for names.
    ("backoff-to-normal-after", |_, _, _| ()),
    ("queue-to", |_, _, _| ()),
];

/// Whether it is one of those.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| known.0 == name)
}

impl<'f> Config<'f> {
    /// A section of its own.
    pub(super) fn domain(&mut self, section: &'f Section) {
        let origin = Origin::new(section.line, section.title());
        for inner in section.sections() {
            self.section_left_out(inner);
        }
        let Some(queue) = self.queue(section, &origin) else { return };
        for directive in section.directives() {
            self.directive(&queue, directive);
        }
    }

    /// What becomes of a pause, if a list of patterns says none.
    pub(super) fn pause_of(&self, queue: &Queue<'_>, name: &str) -> Option<Duration> {
        let said = |section: &Section| {
            section
                .directives()
                .find(|directive| directive.name == name)
                .and_then(|d| time(&d.value))
        };
        said(queue.section).or_else(|| self.usual.iter().find_map(|section| said(section)))
    }

    /// A line that stands for all domains.
    pub(super) fn usual(&mut self, directive: &Directive) {
        let section =
            Section { line: 0, name: String::new(), value: "*".into(), items: Vec::new() };
        let queue = Queue { section: &section, target: Target::Usual, domains: Vec::new() };
        self.directive(&queue, directive);
    }

    fn queue(&mut self, section: &'f Section, origin: &Origin) -> Option<Queue<'f>> {
        if section.value == "*" {
            return Some(Queue { section, target: Target::Usual, domains: Vec::new() });
        }
        if section.value.starts_with('{') {
            self.left_out(origin, "no equivalent: a queue of the program's own");
            return None;
        }
        let own = self.names.domains(&section.value);
        let queued = self.names.of_queue(&section.value).map(<[String]>::to_vec);
        let domains = queued.unwrap_or(own);
        let rolled = self.names.hosts_of_queue(&section.value).map(<[String]>::to_vec);
        let leads_elsewhere = section.directives().any(|directive| directive.name == "queue-to");
        let target = match rolled.or_else(|| super::route::named_hosts(section)) {
            Some(hosts) => Target::Hosts(hosts),
            None if domains.is_empty() => {
                self.left_out(
                    origin,
                    "no domain-macro of this name, or one that comes to far too many",
                );
                return None;
            }
            // Its own limits would be those of nothing.
            None if leads_elsewhere => Target::Unknown(section.value.clone()),
            None => Target::of(&domains, origin, &mut self.made.notes),
        };
        Some(Queue { section, target, domains })
    }

    fn directive(&mut self, queue: &Queue<'_>, directive: &Directive) {
        match KNOWN.iter().find(|known| known.0 == directive.name) {
            Some((_, made)) => made(self, queue, directive),
            None if is_as_here(directive) => (),
            None => self.left_out(&directive.origin(), why_not(&directive.name)),
        }
    }

    fn count(&mut self, queue: &Queue<'_>, directive: &Directive, limit: &Limit) {
        let origin = directive.origin();
        let value = match directive.value.as_str() {
            "unlimited" | "0" => limit.unlimited(),
            text => match text.parse() {
                Ok(count) => limit.within(count, &origin, &mut self.made.notes),
                Err(_) => return self.left_out(&origin, "a whole number was expected"),
            },
        };
        self.set(queue, &origin, limit.name, value);
        let table = self.made.draft.limits(&queue.target, &queue.section.value, &queue.origin());
        table.leave_to_sources(&queue.target, limit, &origin);
    }

    fn rate(&mut self, queue: &Queue<'_>, directive: &Directive, counted: Counted) {
        let (origin, name) = (directive.origin(), counted.key_per_source());
        if matches!(directive.value.as_str(), "unlimited" | "0") {
            // Without the key there is none, but at a site there may be that of all.
            return match queue.target {
                Target::Usual => (),
                Target::Hosts(_) | Target::Unknown(_) => self.set(queue, &origin, name, "none"),
            };
        }
        let read = if counted == Counted::Bytes { byte_rate } else { rate };
        let Some(rate) = read(&directive.value) else {
            return self.left_out(&origin, "a rate was expected, such as 100/h");
        };
        if counted == Counted::Messages {
            let why = "a message counts as one, however many its recipients; these were counted";
            self.made.notes.differs(origin.line, &origin.what, why);
        }
        self.set(queue, &origin, name, rate.to_string());
    }

    fn idle(&mut self, queue: &Queue<'_>, directive: &Directive) {
        let origin = directive.origin();
        match time(&directive.value) {
            Some(time) => {
                let value = idle(time, &origin, &mut self.made.notes);
                self.set(queue, &origin, "idle", value);
            }
            None => self.left_out(&origin, "a time was expected, such as 30s"),
        }
    }

    /// Puts a limit where it belongs.
    fn set(
        &mut self,
        queue: &Queue<'_>,
        origin: &Origin,
        name: &'static str,
        value: impl Into<toml::Value>,
    ) {
        let notes = &mut self.made.notes;
        if let Target::Unknown(domains) = &queue.target {
            notes.left_out(origin.line, &origin.what, why_asleep(domains));
        }
        let table = self.made.draft.limits(&queue.target, &queue.section.value, &queue.origin());
        table.add(name, value, origin, notes);
    }

    /// `10m`, or `10m,30m,1h`: each wait, the last one for ever.
    fn retry_after(&mut self, queue: &Queue<'_>, directive: &Directive) {
        let origin = directive.origin();
        let waits: Option<Vec<Duration>> = directive.value.split(',').map(time).collect();
        let Some((first, last)) =
            waits.as_deref().and_then(|waits| Some((*waits.first()?, *waits.last()?)))
        else {
            return self
                .left_out(&origin, "a time was expected, such as 10m, or several: 10m,30m,1h");
        };
        if !matches!(queue.target, Target::Usual) {
            let waits: Vec<String> = waits.into_iter().flatten().map(shown).collect();
            return self.set(queue, &origin, "retry", waits);
        }
        let factor = match waits.as_deref() {
            Some([first, second, ..]) if !first.is_zero() => {
                let why = "further waits grow by one factor, which is that of the first two";
                self.made.notes.differs(origin.line, &origin.what, why);
                (second.as_secs_f64() / first.as_secs_f64()).clamp(1.0, 10.0)
            }
            _ => 1.0,
        };
        let retry = self.made.draft.table("[retry]");
        let notes = &mut self.made.notes;
        retry.add("first", shown(first), &origin, notes);
        retry.add("factor", (factor * 100.0).round() / 100.0, &origin, notes);
        retry.add("longest", shown(last.max(first)), &origin, notes);
    }

    fn bounce_after(&mut self, queue: &Queue<'_>, directive: &Directive) {
        let origin = directive.origin();
        let Some(time) = time(&directive.value) else {
            return self.left_out(&origin, "a time was expected, such as 4d12h");
        };
        if !matches!(queue.target, Target::Usual) {
            return self.set(queue, &origin, "expire", shown(time));
        }
        let retry = self.made.draft.table("[retry]");
        retry.add("expire", shown(time), &origin, &mut self.made.notes);
    }
}

impl Queue<'_> {
    fn origin(&self) -> Origin {
        Origin::new(self.section.line, self.section.title())
    }
}

/// Whether it says what is so anyway.
fn is_as_here(directive: &Directive) -> bool {
    let on = directive.switch();
    match directive.name.as_str() {
        // A host that says 421 is left, and another one tried.
        "smtp-421-means-mx-unavailable" => on == Some(true),
        "dkim-sign"
        | "dk-sign"
        | "ignore-8bitmime"
        | "ignore-chunking"
        | "ignore-pipelining"
        | "ignore-dsn"
        | "log-commands"
        | "log-connections"
        | "log-data"
        | "log-resolution"
        | "log-transfer-failures"
        | "bounce-upon-transfer-failure"
        | "check-spf-outbound"
        | "assume-delivery-upon-data-termination-timeout"
        | "use-unencrypted-plain-auth"
        | "bounce-upon-5xx-greeting"
        | "disable-mx-rollup" => on == Some(false),
        _ => false,
    }
}

/// Why there is nothing for a line of a `<domain>`.
fn why_not(name: &str) -> &'static str {
    match name {
        name if name.starts_with("dk-") || name.starts_with("dkim-") || name == "domain-key" => {
            UNSIGNED
        }
        name if name.starts_with("log-") => "every attempt is in the log, with what was said",
        "backoff-max-msg-rate"
        | "backoff-max-smtp-out"
        | "backoff-max-connect-rate"
        | "backoff-max-data-volume-rate"
        | "backoff-max-msg-per-hour" => {
            "no value: a site that is told to slow is slowed to half, and comes back by steps"
        }
        "backoff-retry-after" | "retry-recipients-after" | "retry-after-dns-error" => {
            "no equivalent: `retry` of a [[site]] is the schedule for all that is put off there"
        }
        "backoff-to-normal-after-delivery" | "backoff-upon-all-sources-disabled" => {
            "no setting: a site comes back by steps, as mail is taken"
        }
        "backoff-notify" | "disabled-source-ip-notify" => {
            "no mail is sent: each step is a `gate` event"
        }
        "auth-username" | "auth-password" => "nobody logs in at the next host",
        "connect-timeout"
        | "smtp-greeting-timeout"
        | "data-send-timeout"
        | "smtp-data-termination-timeout" => {
            "how long answers are waited for is as RFC 5321 has it, and no setting"
        }
        "smtp-421-means-mx-unavailable" => {
            "no setting: a host that says 421 is left, and another tried"
        }
        "source-ip-max-smtp-out"
        | "max-smtp-out-per-source-ip"
        | "source-ip-max-msg-rate"
        | "source-ip-max-connect-rate" => {
            "`connections_per_source`, `message_rate_per_source` and `connection_rate_per_source` of a \
             [[site]] limit each address"
        }
        "reroute-to-virtual-mta"
        | "backoff-reroute-to-virtual-mta"
        | "max-cold-virtual-mta-msg" => "no equivalent: mail keeps the [[pool]] that it came for",
        "deliver-local-dsn" | "dsn-format" => "who is told of what, says NOTIFY, by RFC 3461",
        "notify-of-delay-every" => "`delay_notice` of [retry] says when a sender is told, once",
        "queue-priority" | "delivery-priority" | "allow-priority-interruption" => {
            "`class` of a [[source]] and `weight` of a [[tenant]] say whose mail goes first"
        }
        "include" => "that file has to be imported by itself",
        "type" | "file-format" | "pipe" => "no equivalent: mail goes out by SMTP only",
        _ => "no equivalent",
    }
}
