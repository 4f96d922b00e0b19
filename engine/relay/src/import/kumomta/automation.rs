//! Automation, as rules for replies: a site slows or waits, and comes back by itself.

use super::{Block, Shaping, in_order};
use crate::import::draft::Origin;
use crate::import::quantity::time;
use crate::import::rules::Deed;
use crate::import::sites::{Target, why_asleep};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Shaping {
    /// The rules of a block.
    pub(super) fn automation(&mut self, block: &Block<'_>, value: &Spanned<DeValue<'_>>) {
        let all = value.get_ref().as_array().map_or(std::slice::from_ref(value), |list| &list[..]);
        for rule in all {
            let origin = self.origin(rule.span().start, "automation");
            match rule.get_ref().as_table() {
                Some(table) => self.rule(block, &origin, table),
                None => {
                    self.left_out(&origin, "a table was expected: [[\"example.com\".automation]]");
                }
            }
        }
    }

    fn rule(&mut self, block: &Block<'_>, origin: &Origin, rule: &DeTable<'_>) {
        let hosts = match &block.target {
            Target::Usual => Vec::new(),
            Target::Hosts(hosts) => hosts.clone(),
            Target::Unknown(domains) => {
                let why = why_asleep(domains);
                return self.left_out(origin, &why);
            }
        };
        for (start, name, _) in in_order(rule) {
            if !matches!(name, "regex" | "action" | "duration" | "trigger" | "match_internal") {
                let origin = self.origin(start, format!("automation: {name}"));
                self.left_out(&origin, "no equivalent");
            }
        }
        let said = rule.get("duration").and_then(|value| value.get_ref().as_str());
        let Some(pause) = said.and_then(time).filter(|pause| !pause.is_zero()) else {
            return self.left_out(origin, "it needs a `duration`, such as \"2 hours\"");
        };
        let Some(deed) = self.deed(origin, rule, pause) else { return };
        if rule.get("trigger").is_some_and(|value| value.get_ref().is_table()) {
            let why = "a rule acts at the first such reply, and counts none";
            self.made.notes.differs(origin.line, &origin.what, why);
        }
        self.expressions(origin, rule, &hosts, deed);
    }

    fn expressions(&mut self, origin: &Origin, rule: &DeTable<'_>, hosts: &[String], deed: Deed) {
        let Some(value) = rule.get("regex") else {
            return self.left_out(origin, "it needs a `regex`");
        };
        let all = value.get_ref().as_array().map_or(std::slice::from_ref(value), |list| &list[..]);
        for expression in all {
            let origin = self.origin(expression.span().start, "automation: regex");
            let Some(text) = expression.get_ref().as_str() else {
                self.left_out(&origin, "a text was expected");
                continue;
            };
            if text.starts_with("KumoMTA internal") {
                let why = "it is about what that relay says itself, not about what hosts say";
                self.left_out(&origin, why);
                continue;
            }
            self.made.rules.add(hosts, text, deed, &origin, &mut self.made.notes);
        }
    }

    /// The strongest of what a rule wants done.
    fn deed(&mut self, origin: &Origin, rule: &DeTable<'_>, pause: Duration) -> Option<Deed> {
        let Some(value) = rule.get("action") else {
            self.left_out(origin, "it needs an `action`");
            return None;
        };
        let all = value.get_ref().as_array().map_or(std::slice::from_ref(value), |list| &list[..]);
        let mut deed: Option<Deed> = None;
        for action in all {
            let origin = self.origin(action.span().start, "automation: action");
            let name = match action.get_ref().as_str() {
                Some("Suspend") => "suspend",
                Some(name) => {
                    self.left_out(&origin, why_not(name));
                    continue;
                }
                None => match configured(action.get_ref()) {
                    Ok(()) => {
                        let why = "the site is slowed to half, and then comes back by steps: no value is \
                                   set";
                        self.made.notes.differs(origin.line, &origin.what, why);
                        "back-off"
                    }
                    Err(why) => {
                        self.left_out(&origin, why);
                        continue;
                    }
                },
            };
            if deed.is_none_or(|known| known.action == "back-off") {
                deed = Some(Deed { action: name, scope: "site", pause: Some(pause) });
            }
        }
        deed
    }
}

/// Whether an action sets something that slows a site.
fn configured(action: &DeValue<'_>) -> Result<(), &'static str> {
    let table = action.as_table();
    let set = |kind| table?.get(kind)?.get_ref().as_table();
    let set = set("SetConfig").or_else(|| set("SetDomainConfig"));
    match set.and_then(|set| set.get("name")?.get_ref().as_str()) {
        Some(
            "max_message_rate"
            | "max_connection_rate"
            | "connection_limit"
            | "max_deliveries_per_connection"
            | "provider_connection_limit"
            | "provider_max_message_rate",
        ) => Ok(()),
        Some("enable_tls") => Err(
            "needless: a host whose handshake fails is dialled in the clear at once, and for an hour",
        ),
        Some(_) => Err("no equivalent: a reply slows what it names, and sets nothing"),
        None => {
            Err("an action was expected, such as \"Suspend\" or {SetConfig={name=..., value=...}}")
        }
    }
}

/// Why there is nothing for an action.
fn why_not(action: &str) -> &'static str {
    match action {
        "SuspendTenant" | "SuspendCampaign" => {
            "no equivalent: a reply slows hosts, sites, our addresses and senders' domains, no tenants"
        }
        "Bounce" | "BounceTenant" | "BounceCampaign" => {
            "no equivalent: what waits is not failed for a reply that another message got"
        }
        _ => "an action was expected, such as \"Suspend\" or {SetConfig={name=..., value=...}}",
    }
}
