//! Orders by which mail goes elsewhere, or later.

use super::order::{Fits, Order, Span, Terms, named};
use serde_json::json;

/// Mail that goes elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What waits and fits all that is said is sent on at once, a slice at a time: by the other pool, to the \
other hosts, or both; what waited for a retry is tried now. So does all that comes while the order \
holds, also over a restart. What is on a connection is not touched. The hosts are as in a [[route]], \
so no MX records and no MTA-STS policy of the domain count; if they have no address, the mail waits.

Of several orders that fit, one holds: that of the message, then of the campaign, the tenant, the \
domain, the site. When it ends, by itself or by `ringpost end-reroute`, what still waits for a \
connection by it goes its usual way again, and what waits for a retry does when it is due.")]
pub(crate) struct Reroute {
    #[command(flatten)]
    what: Fits,
    #[command(flatten)]
    elsewhere: Elsewhere,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    terms: Terms,
}

/// Where mail goes.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Elsewhere {
    /// From the sources of this [[pool]]
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// To these hosts, tried in this order, such as 192.0.2.1:2525 or mx1.example.com,mx2.example.com
    #[arg(long, value_name = "HOSTS")]
    to: Option<String>,
}

/// Mail that goes its usual way again.
#[derive(Debug, clap::Args)]
pub(crate) struct EndReroute {
    #[command(flatten)]
    what: Fits,
    #[command(flatten)]
    terms: Terms,
}

/// Mail that goes later.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What waits now and fits all that is said, ready or for a retry, is due at that time and not before, also \
after a restart. No attempt is counted, but on disk one where it is due earlier than it was. Mail whose own time is up before then has its \
last try when that is, as ever: the answer says how much. What is on a connection is not touched, \
and what comes later goes as it comes. `ringpost flush` has it tried sooner.")]
pub(crate) struct Schedule {
    #[command(flatten)]
    what: Fits,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    terms: Terms,
}

/// When mail is due.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct When {
    /// At this time, with its zone, such as 2030-05-01T08:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// So long from now, such as 30m or 2h
    #[arg(long = "in", value_name = "DURATION")]
    span: Option<String>,
}

impl Reroute {
    pub(crate) fn order(&self) -> Order<'_> {
        let Elsewhere { pool, to } = &self.elsewhere;
        let body = named(self.what.body(json!({})), &[("pool", pool), ("to", to)]);
        self.span.of(self.terms.order("/reroute", body))
    }
}

impl EndReroute {
    pub(crate) fn order(&self) -> Order<'_> {
        self.terms.order("/end-reroute", self.what.body(json!({})))
    }
}

impl Schedule {
    pub(crate) fn order(&self) -> Order<'_> {
        let When { at, span } = &self.when;
        let body = named(self.what.body(json!({})), &[("at", at), ("in", span)]);
        self.terms.order("/schedule", body)
    }
}
