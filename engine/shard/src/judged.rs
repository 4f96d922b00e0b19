//! What the MTA-STS policy of a domain makes of the way its mail went.

use crate::letter::Report;
use crate::message::Message;
use crate::outbound::Passage;
use crate::shard::Shard;
use kernel::Kernel;
use route::Sts;

impl<K: Kernel> Shard<K> {
    /// What the policy of the recipients' domain, as it was last learnt, makes of an attempt; they
    /// have all the same.
    pub(crate) fn judged(&self, report: &Report, message: &Message) -> Option<event::Sts> {
        let domains = self.domains.borrow();
        if domains.is_empty() {
            return None;
        }
        let first = report.verdicts.first()?;
        let recipient = message.envelope.recipient(first.recipient);
        let at = recipient.iter().rposition(|byte| *byte == b'@')?;
        let raw = str::from_utf8(&recipient[at + 1..]).ok()?;
        let domain = route::in_our_spelling(raw)?;
        let sts = domains.last(&domain)?.sts.as_ref()?;
        let failure = report.passage.as_deref().and_then(|passage| failure(sts, passage));
        Some(event::Sts { mode: sts.mode.name(), failure })
    }
}

fn failure(sts: &Sts, passage: &Passage) -> Option<&'static str> {
    if !sts.names(&passage.host) {
        return Some("the policy does not name the host");
    }
    match &passage.tls {
        None => Some("there was no TLS"),
        Some(facts) if !facts.verified => Some("the host did not prove who it is"),
        Some(_) => None,
    }
}
