//! What domains are told of TLS with their hosts, and by whom.

use super::mail::is_host_name;
use super::value::Text;
use super::{Place, Reader, Section, Settings};

/// `[tls_report]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsReport {
    /// Whether anybody is told anything.
    pub enabled: bool,
    /// Who reports. Never missing where somebody is told.
    pub organization: Option<String>,
    /// Whom to ask about a report. Never missing where somebody is told.
    pub contact: Option<String>,
    /// Whose the mail is that brings reports.
    pub sender: Option<String>,
}

impl TlsReport {
    pub(super) fn read(report: &mut Section<'_, '_>) -> Self {
        let enabled = report.key(
            "enabled",
            false,
            "Whether each domain that asks for it in DNS is told once a day what TLS with its \
             hosts came to (TLS-RPT, RFC 8460): by HTTPS as [https] says, or by mail, whose \
             receivers want it signed by DKIM, which somebody behind us must do.",
        );
        let organization =
            report.optional::<Words>("organization", "Who reports, as domains are told.");
        let contact = report.optional::<Mailbox>(
            "contact",
            "The mail address of whoever can be asked about a report.",
        );
        let sender = report.optional::<Mailbox>(
            "sender",
            "The sender of reports that go by mail, who hears if one fails. Left out: `contact`.",
        );
        Self {
            enabled,
            organization: organization.map(|words| words.0),
            contact: contact.map(|mailbox| mailbox.0),
            sender: sender.map(|mailbox| mailbox.0),
        }
    }

    /// Whose the mail is that brings reports; empty where there is none.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.sender.as_ref().or(self.contact.as_ref()).map_or("", |sender| sender)
    }
}

impl Settings {
    pub(super) fn check_tls_report(&self, reader: &mut Reader<'_>) {
        let report = &self.tls_report;
        let place = Place { table: "tls_report", index: None, name: "enabled" };
        for (name, what) in [("organization", "who reports"), ("contact", "whom a domain can ask")]
        {
            if report.enabled && !reader.is_written(Place { name, ..place }) {
                let wrong = format!("`enabled` needs `{name}`: {what}");
                reader.refuse(place, wrong, format!("`{name}` beside it, or false"));
            }
        }
    }
}

/// Some words in ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words(String);

/// The longest of them: they stand in a line of mail.
const WORDS_BYTES_MAX: usize = 200;

impl Text for Words {
    fn allowed() -> String {
        format!("1 to {WORDS_BYTES_MAX} printable ASCII characters, such as \"Example, Inc.\"")
    }

    fn parse(text: &str) -> Option<Self> {
        let fits = (1..=WORDS_BYTES_MAX).contains(&text.len()) && text.trim() == text;
        let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        (fits && is_plain).then(|| Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// A mail address that needs no quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mailbox(String);

impl Text for Mailbox {
    fn allowed() -> String {
        "a mail address, such as \"postmaster@example.com\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let inside =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(inside);
        let fits = local.len() <= 64 && local.split('.').all(is_atom) && is_host_name(domain);
        fits.then(|| Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}
