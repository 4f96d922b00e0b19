//! What an operator ordered.

use super::line::Line;
use crate::{MessageId, Wall};

/// An order.
#[derive(Clone, Copy, Debug)]
pub struct Ordered<'a> {
    /// What.
    pub verb: &'a str,
    /// About what.
    pub about: Subject<'a>,
    /// Who ordered it.
    pub by: &'a str,
    /// And why.
    pub reason: &'a str,
    /// Until when it holds, if it ends by itself.
    pub until: Option<Wall>,
    /// The pool by which mail goes, if it is to go by another.
    pub pool: Option<&'a str>,
    /// The hosts it goes to, if it is to go to others.
    pub to: Option<&'a str>,
    /// When mail is due, if that is ordered.
    pub due: Option<Wall>,
    /// Deliveries that waited for a connection, of those it is about.
    pub ready: u64,
    /// Those that waited for their time.
    pub waiting: u64,
}

/// What an order is about: what fits all that is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// Mail for this site.
    pub site: Option<&'a str>,
    /// Mail for this domain.
    pub domain: Option<&'a str>,
    /// Mail of this tenant.
    pub tenant: Option<&'a str>,
    /// Mail of this campaign.
    pub campaign: Option<&'a str>,
    /// This message.
    pub message: Option<MessageId>,
    /// A source of a pool.
    pub source: Option<&'a str>,
}

impl Ordered<'_> {
    /// That a shard has not done it to its end.
    pub(super) fn failed(self, shard: u16, line: Line<'_>) -> Line<'_> {
        self.fields(line.number("shard", u64::from(shard)))
    }

    pub(super) fn fields(self, line: Line<'_>) -> Line<'_> {
        let Subject { site, domain, tenant, campaign, message, source } = self.about;
        let message = message.map(|id| id.to_string());
        line.text("verb", self.verb)
            .text_or_null("site", site)
            .text_or_null("domain", domain)
            .text_or_null("tenant", tenant)
            .text_or_null("campaign", campaign)
            .text_or_null("message", message.as_deref())
            .text_or_null("source", source)
            .text("by", self.by)
            .text("reason", self.reason)
            .number_or_null("until", self.until.map(|until| until.0))
            .text_or_null("pool", self.pool)
            .text_or_null("to", self.to)
            .number_or_null("due", self.due.map(|due| due.0))
            .number("ready", self.ready)
            .number("waiting", self.waiting)
    }
}
