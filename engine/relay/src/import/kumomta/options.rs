//! What the options of a block become.

use super::{Block, Kind, Shaping};
use crate::import::draft::Origin;
use crate::import::limits::{Limit, idle};
use crate::import::quantity::{rate, time};
use crate::import::sites::Target;
use policy::pace::Counted;
use toml::de::DeValue;

impl Shaping {
    /// One option.
    pub(super) fn option(&mut self, block: &Block<'_>, origin: &Origin, value: &DeValue<'_>) {
        match origin.what.as_str() {
            "connection_limit" | "provider_connection_limit" => {
                if origin.what == "connection_limit" && block.kind == Kind::Provider {
                    let why =
                        "it is for all hosts of the provider together, there for each set of them";
                    self.made.notes.differs(origin.line, &origin.what, why);
                }
                self.count(block, origin, value, &Limit::CONNECTIONS);
            }
            "max_deliveries_per_connection" => self.count(block, origin, value, &Limit::MESSAGES),
            "max_recipients_per_batch" => self.count(block, origin, value, &Limit::RECIPIENTS),
            "idle_timeout" => self.idle(block, origin, value),
            "max_message_rate" | "provider_max_message_rate" => {
                self.rate(block, origin, value, Counted::Messages);
            }
            "max_connection_rate" => self.rate(block, origin, value, Counted::Connections),
            "enable_tls" => self.tls(block, origin, value),
            "enable_mta_sts" => {
                self.switch(block, origin, value, ("mta_sts", [false.into(), true.into()]));
            }
            "enable_dane" => {
                self.switch(block, origin, value, ("dane", ["off".into(), "auto".into()]));
            }
            "smtp_port" => self.port(block, origin, value),
            name => self.left_out(origin, why_not(name)),
        }
    }

    fn count(&mut self, block: &Block<'_>, origin: &Origin, value: &DeValue<'_>, limit: &Limit) {
        let count = number(value);
        let Some(count) = count else {
            return self.left_out(origin, "a whole number was expected");
        };
        self.asleep(block, origin);
        let value = limit.within(count, origin, &mut self.made.notes);
        let table = self.made.draft.limits(&block.target, block.name, origin);
        table.set(limit.name, value, origin);
        table.leave_to_sources(&block.target, limit, origin);
    }

    fn idle(&mut self, block: &Block<'_>, origin: &Origin, value: &DeValue<'_>) {
        let Some(time) = text(value).as_deref().and_then(time) else {
            return self.left_out(origin, "a time was expected, such as \"60s\"");
        };
        self.asleep(block, origin);
        let value = idle(time, origin, &mut self.made.notes);
        self.made.draft.limits(&block.target, block.name, origin).set("idle", value, origin);
    }

    fn rate(&mut self, block: &Block<'_>, origin: &Origin, value: &DeValue<'_>, counted: Counted) {
        let rate = text(value).as_deref().and_then(rate);
        let Some(rate) = rate else {
            return self.left_out(origin, "a rate was expected, such as \"100/s\"");
        };
        self.asleep(block, origin);
        let table = self.made.draft.limits(&block.target, block.name, origin);
        table.set(counted.key_per_source(), rate.to_string(), origin);
    }

    fn tls(&mut self, block: &Block<'_>, origin: &Origin, value: &DeValue<'_>) {
        let (wanted, differs) = match value.as_str() {
            Some("Disabled") => ("off", None),
            Some("OpportunisticInsecure") => ("opportunistic", None),
            Some("Opportunistic") => (
                "opportunistic",
                Some("any certificate is taken, and the clear if there is no TLS to be had"),
            ),
            Some("RequiredInsecure") => ("required", None),
            Some("Required") => ("verified", None),
            _ => {
                let why = "Opportunistic, OpportunisticInsecure, Required, RequiredInsecure or Disabled \
                           was expected";
                return self.left_out(origin, why);
            }
        };
        if let Some(why) = differs {
            self.made.notes.differs(origin.line, &origin.what, why);
        }
        match block.kind {
            Kind::Default => self.made.draft.table("[delivery]").set("tls", wanted, origin),
            Kind::Domain => {
                let why = "it is for this domain, not for others with the same MX hosts";
                if matches!(block.target, Target::Hosts(_)) {
                    self.made.notes.differs(origin.line, &origin.what, why);
                }
                self.made.draft.route(block.name, origin).set("tls", wanted, origin);
            }
            Kind::Provider if wanted == "off" => self.left_out(
                origin,
                "a [[site]] may ask for TLS, but not for none: `tls` of [delivery] or a [[route]] can",
            ),
            Kind::Provider => {
                let table = self.made.draft.limits(&block.target, block.name, origin);
                table.set("tls", wanted, origin);
            }
        }
    }

    fn switch(
        &mut self,
        block: &Block<'_>,
        origin: &Origin,
        value: &DeValue<'_>,
        (name, [off, on]): (&'static str, [toml::Value; 2]),
    ) {
        let Some(wanted) = value.as_bool() else {
            return self.left_out(origin, "true or false was expected");
        };
        if block.kind != Kind::Default {
            let why = format!("`{name}` of [delivery] is for all mail");
            return self.left_out(origin, &why);
        }
        self.made.draft.table("[delivery]").set(name, if wanted { on } else { off }, origin);
    }

    fn port(&mut self, block: &Block<'_>, origin: &Origin, value: &DeValue<'_>) {
        let Some(port) = number(value).and_then(|port| i64::try_from(port).ok()) else {
            return self.left_out(origin, "a port was expected, such as 25");
        };
        match block.kind {
            Kind::Default => self.made.draft.route("*", origin).set("port", port, origin),
            Kind::Domain => self.made.draft.route(block.name, origin).set("port", port, origin),
            Kind::Provider => {
                self.left_out(origin, "a [[route]] has a `port`, for domains, not for hosts");
            }
        }
    }
}

/// Why there is nothing for an option.
fn why_not(name: &str) -> &'static str {
    match name {
        "connect_timeout"
        | "banner_timeout"
        | "ehlo_timeout"
        | "mail_from_timeout"
        | "rcpt_to_timeout"
        | "data_timeout"
        | "data_dot_timeout"
        | "rset_timeout"
        | "starttls_timeout"
        | "tls_handshake_timeout"
        | "auth_timeout" => "how long answers are waited for is as RFC 5321 has it, and no setting",
        "ehlo_domain" => {
            "how we introduce ourselves is `ehlo` of a [[pool.source]], else `hostname`"
        }
        "smtp_auth_plain_username"
        | "smtp_auth_plain_password"
        | "allow_smtp_auth_plain_without_tls"
        | "allow_smtp_auth_plain_without_valid_certificate" => "nobody logs in at the next host",
        "consecutive_connection_failures_before_delay" => {
            "a host that fails rests at once, for 5 seconds and then for longer, and others are tried"
        }
        "opportunistic_tls_reconnect_on_failed_handshake" | "remember_broken_tls" => {
            "no setting: a host whose handshake fails is dialled in the clear at once, and for an hour"
        }
        "suspended" => "no setting: `ringpost pause SITE` stops what goes to a site",
        "max_ready" => {
            "no equivalent: `queued_max` of [spool] bounds what waits, for all sites together"
        }
        "additional_connection_limits" | "additional_message_rate_throttles" => {
            "no equivalent: a limit is for a site, and for each pool by itself"
        }
        "skip_hosts" | "prohibited_hosts" => {
            "no equivalent: hosts with addresses that are not public are never used, others always"
        }
        "enable_pipelining" | "enable_rset" | "ignore_8bit_checks" | "use_lmtp" => {
            "no equivalent: a host is spoken to as it offers"
        }
        "tls_prefer_openssl"
        | "openssl_cipher_list"
        | "openssl_cipher_suites"
        | "openssl_options"
        | "rustls_cipher_suites" => {
            "no equivalent: TLS 1.2 and 1.3 by rustls, with its own choice of ciphers"
        }
        "tls_certificate" | "tls_private_key" => "no equivalent: hosts are shown no certificate",
        _ => "no equivalent",
    }
}

/// A whole number; also one that stands in quotes, as limits may.
fn number(value: &DeValue<'_>) -> Option<u64> {
    if let Some(number) = value.as_integer() {
        return u64::from_str_radix(number.as_str(), number.radix()).ok();
    }
    let text = value.as_str()?;
    text.strip_prefix("local:").unwrap_or(text).trim().parse().ok()
}

/// A text; a number as it is written.
fn text(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str().map(str::to_owned);
    text.or_else(|| Some(value.as_integer()?.as_str().to_owned()))
}
