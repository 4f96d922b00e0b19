//! PowerMTA's configuration file: directives, in sections for domains, virtual MTAs and sources.
//!
//! Limits there are for a queue, which is a domain and a virtual MTA; several domains share one by
//! `queue-to` or by `<mx-rollup-list>`. Here they are for a `[[site]]`, which is known by its MX hosts,
//! and each `[[pool]]` has them for itself; a limit of a virtual MTA is one of its addresses'.

mod domain;
mod egress;
mod file;
mod inbound;
mod names;
mod patterns;
mod route;

use super::Translation;
use super::draft::Origin;
use crate::settings::Faults;
use file::{Directive, Item, Section, directives, sections};
use names::Names;

/// What is otherwise in all of it.
const PREFACE: &str = "\
A limit is for each source of a [[pool]], as it was for each virtual MTA; what a [[site]] says is for
all domains at its hosts together.";

/// Translates a file.
///
/// # Errors
/// Its sections are not whole; where, and what was expected.
pub(super) fn translate(name: &str, text: &str) -> Result<Translation, Faults> {
    let items = file::parse(name, text)?;
    let mut made = Translation::default();
    made.draft.preface = PREFACE;
    let names = Names::of(&items, &mut made.notes);
    let usual = sections(&items).filter(|section| section.name == "domain" && section.value == "*");
    let mut config = Config { names, usual: usual.collect(), made };
    config.read(&items);
    Ok(config.made)
}

/// A configuration being translated.
struct Config<'f> {
    names: Names<'f>,
    /// What is said of all domains.
    usual: Vec<&'f Section>,
    made: Translation,
}

impl<'f> Config<'f> {
    fn read(&mut self, items: &'f [Item]) {
        for directive in directives(items) {
            self.global(directive);
        }
        self.listeners(items);
        self.sources(items);
        self.egress(items);
        for section in sections(items) {
            match section.name.as_str() {
                "domain" => self.domain(section),
                // Read for their names, or above.
                "smtp-pattern-list" | "mx-rollup-list" | "source" | "virtual-mta"
                | "virtual-mta-pool" | "smtp-user" => (),
                _ => self.section_left_out(section),
            }
        }
        self.unused_patterns();
        self.drop_needless_routes();
    }

    /// A line outside of all sections.
    fn global(&mut self, directive: &Directive) {
        let origin = directive.origin();
        match directive.name.as_str() {
            "host-name" => {
                let name = directive.value.trim_end_matches('.');
                let table = self.made.draft.table("");
                table.add("hostname", name, &origin, &mut self.made.notes);
            }
            // Read for their names, or with those of sources.
            "domain-macro" | "smtp-listener" => (),
            // What may stand here may stand in <domain *> as well.
            name if domain::is_known(name) => self.usual(directive),
            name => self.left_out(&origin, why_not(name, &directive.value)),
        }
    }

    fn section_left_out(&mut self, section: &Section) {
        let count = section.items.len();
        let why = match section.name.as_str() {
            "bounce-category-patterns" => {
                "refusals are sorted by the rules of Ringpost, which know what to do about them besides: \
                 `ringpost reply` shows what one means"
            }
            "spool" => "[spool] says where mail is kept: nothing of another's can be read",
            "acct-file" => "every attempt is a line of JSON, in the file that [log] names",
            "feedback-loop-processor" | "bounce-processor" => "mail that comes back is not read",
            "domain-key" | "dkim" => domain::UNSIGNED,
            _ => "no equivalent",
        };
        let title = format!("{} ({count} lines)", section.title());
        self.left_out(&Origin::new(section.line, title), why);
    }

    fn left_out(&mut self, origin: &Origin, why: &str) {
        self.made.notes.left_out(origin.line, &origin.what, why);
    }
}

impl Directive {
    fn origin(&self) -> Origin {
        Origin::new(self.line, self.name.as_str())
    }

    /// Whether it says yes; `None` if it says neither.
    fn switch(&self) -> Option<bool> {
        match self.value.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Some(true),
            "no" | "false" | "off" | "0" => Some(false),
            _ => None,
        }
    }
}

/// Why there is nothing for a line outside of all sections.
fn why_not(name: &str, value: &str) -> &'static str {
    match name {
        "include" => "that file has to be imported by itself",
        "postmaster" => "no equivalent: `contact` of [tls_report] is for reports of TLS",
        "http-mgmt-port" | "http-access" | "http-redirect-to-https" => {
            "the operator's door is [admin] `address`, on this host, with `tokens`"
        }
        "log-file" | "log-rotate" | "log-auto-rotation" => {
            "what happens is a line of JSON, in the file that [log] names"
        }
        "spool" | "pickup" => "[spool] says where mail is kept; mail comes in by SMTP only",
        "run-as-root" | "run-as-user" => {
            "whoever starts Ringpost says as whom: tuning/ has a unit file"
        }
        "sync-msg-create" if matches!(value, "false" | "no") => {
            "mail is on the disk before a 250, unless [spool] `durability` says less"
        }
        "sync-msg-create" | "sync-msg-update" => "no setting: mail is on the disk before a 250",
        "domain-key" | "dkim-sign" => domain::UNSIGNED,
        "total-max-smtp-in" => "`connections_max` of a [[listener]] bounds connections",
        "total-max-smtp-out" => "no equivalent: connections are bounded for each site",
        "smtp-server-tls-certificate" | "smtp-server-tls-ciphers" => {
            "a [[certificate]] has `chain` and `key` in files of their own, and a [[listener]] its `tls`"
        }
        "edns-udp-length" | "name-server" => "the resolvers are `servers` of [dns]",
        _ => "no equivalent",
    }
}
