//! `<smtp-pattern-list>`: rules for replies.

use super::domain::Queue;
use super::file::Directive;
use super::{Config, Origin};
use crate::import::quantity::time;
use crate::import::rules::Deed;
use crate::import::sites::{Target, why_asleep};
use std::time::Duration;

/// How long a site or an address stays slowed or out of use where nothing says when that ends.
const PAUSE: Duration = Duration::from_hours(1);
/// How long a host is passed over.
const SKIP: Duration = Duration::from_mins(10);

impl Config<'_> {
    /// The list that a queue names.
    pub(super) fn pattern_list(&mut self, queue: &Queue<'_>, directive: &Directive) {
        let origin = directive.origin();
        let name = directive.value.to_ascii_lowercase();
        let Some(section) = self.names.patterns.get(&name).copied() else {
            return self.left_out(&origin, "no <smtp-pattern-list> of this name");
        };
        self.names.used.insert(name);
        let hosts = match &queue.target {
            Target::Usual => Vec::new(),
            Target::Hosts(hosts) => hosts.clone(),
            Target::Unknown(domains) => {
                let why = why_asleep(domains);
                return self.left_out(&origin, &why);
            }
        };
        for directive in section.directives() {
            match directive.name.as_str() {
                "reply" => self.pattern(queue, &hosts, directive),
                _ => self.left_out(&directive.origin(), "`reply /.../ action` was expected"),
            }
        }
    }

    /// Tells of lists that no domain names.
    pub(super) fn unused_patterns(&mut self) {
        let unused =
            self.names.patterns.iter().filter(|(name, _)| !self.names.used.contains(*name));
        let unused: Vec<_> =
            unused.map(|(_, section)| Origin::new(section.line, section.title())).collect();
        for origin in unused {
            self.left_out(&origin, "no <domain> that came over names it");
        }
    }

    /// `reply /expression/ action`
    fn pattern(&mut self, queue: &Queue<'_>, hosts: &[String], directive: &Directive) {
        let origin = directive.origin();
        let Some((expression, actions)) = taken_apart(&directive.value) else {
            return self.left_out(&origin, "`reply /.../ action` was expected");
        };
        if let Some(deed) = self.deed(queue, &origin, actions) {
            self.made.rules.add(hosts, expression, deed, &origin, &mut self.made.notes);
        }
    }

    /// What is done about a reply; of several actions the first that there is.
    fn deed(&mut self, queue: &Queue<'_>, origin: &Origin, actions: &str) -> Option<Deed> {
        let words: Vec<&str> = actions
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|w| !w.is_empty())
            .collect();
        let said = |name: &str| {
            words.iter().find_map(|word| time(word.strip_prefix(name)?.strip_prefix('=')?))
        };
        let mut deed = None;
        for word in &words {
            let (action, scope, pause) = match *word {
                "mode=backoff" => {
                    let name = "backoff-to-normal-after";
                    let pause = said(name).or_else(|| self.pause_of(queue, name));
                    ("back-off", "site", Some((pause, PAUSE)))
                }
                "disable-source-ip" => {
                    let pause = said("reenable-after");
                    let pause = pause.or_else(|| self.pause_of(queue, "reenable-source-ip-after"));
                    ("pull-source", "source-address", Some((pause, PAUSE)))
                }
                "skip-mx" => ("skip-host", "host", Some((None, SKIP))),
                "bounce-rcpt" => ("fail", "recipient", None),
                word => {
                    if let Some(why) = why_not(word) {
                        self.left_out(origin, why);
                    }
                    continue;
                }
            };
            let pause = pause.map(|(said, usual)| self.pause(origin, said, usual));
            deed = deed.or(Some(Deed { action, scope, pause }));
        }
        if words.is_empty() {
            self.left_out(
                origin,
                "an action was expected behind the expression, such as mode=backoff",
            );
        }
        deed
    }

    fn pause(&mut self, origin: &Origin, said: Option<Duration>, usual: Duration) -> Duration {
        said.filter(|pause| !pause.is_zero()).unwrap_or_else(|| {
            let usual_text = crate::import::quantity::shown(usual);
            let why = format!("nothing says when it ends: it is set to {usual_text}");
            self.made.notes.differs(origin.line, &origin.what, why);
            usual
        })
    }
}

/// Why there is nothing for an action; `None` if it belongs to another.
fn why_not(word: &str) -> Option<&'static str> {
    match word.split_once('=').map_or(word, |(name, _)| name) {
        "backoff-to-normal-after" | "reenable-after" => None,
        "mode" => Some("no equivalent: a site comes back by steps, as mail is taken"),
        "bounce-queue" => {
            Some("no equivalent: what waits is not failed for a reply that another got")
        }
        _ => Some("no equivalent to this action"),
    }
}

/// The expression between the slashes, and what is behind it.
fn taken_apart(value: &str) -> Option<(&str, &str)> {
    let inside = value.strip_prefix('/')?;
    let mut is_escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'/' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    Some((&inside[..end], &inside[end + 1..]))
}
