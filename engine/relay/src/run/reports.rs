//! TLS-RPT: who counts what TLS with hosts came to, who reports it, and how reports become mail.

use super::policies;
use crate::settings::{Loaded, TlsReport};
use control::dns::tls_report::{Mail, Post, Setup};
use kernel::Sender;
use mail::tls_report::{Report, write};
use policy::tls_report::Ledger;
use shard::{Letter, Submission};
use std::io;
use std::sync::Arc;

/// The folder of the spool that days are kept in.
const FOLDER: &str = "tls-report";

/// What control needs, if anybody is told.
///
/// # Errors
/// The file that `[https]` names cannot be used; with its line.
pub(super) fn reports(loaded: &Loaded) -> io::Result<Option<Setup>> {
    let settings = &loaded.settings;
    let report = &settings.tls_report;
    if !report.enabled {
        return Ok(None);
    }
    Ok(Some(Setup {
        folder: settings.spool.path.join(FOLDER),
        ledger: Ledger::new(settings.shards, report.sender()),
        organization: report.organization.clone().unwrap_or_default(),
        contact: report.contact.clone().unwrap_or_default(),
        hostname: settings.hostname.clone(),
        outfit: policies::outfit(loaded)?,
        private_allowed: settings.dns.allow_private_addresses,
    }))
}

/// How reports become mail: that of whichever shard the recipient's domain hashes to.
pub(super) fn post(report: &TlsReport, hostname: &str, shards: Vec<Sender<Letter>>) -> Post {
    let (report, hostname) = (report.clone(), hostname.to_owned());
    Post(Arc::new(move |mail| {
        let text = text(&report, &hostname, &mail);
        let domain = mail.recipient.rsplit('@').next().unwrap_or_default();
        let home = route::home(domain, shards.len());
        let submission = Submission {
            sender: report.sender().into(),
            recipient: mail.recipient.into(),
            text: text.into(),
            answer: mail.answer,
            taken: mail.taken,
        };
        shards[home].post(Letter::Submit(Box::new(submission)));
    }))
}

fn text(report: &TlsReport, hostname: &str, mail: &Mail) -> Vec<u8> {
    write(&Report {
        from: report.sender(),
        to: &mail.recipient,
        domain: &mail.domain,
        submitter: hostname,
        organization: report.organization.as_deref().unwrap_or_default(),
        id: &mail.report_id,
        file_name: &mail.file_name,
        file: &mail.file,
        now: mail.now,
    })
}
