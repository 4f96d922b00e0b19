//! Orders, as the command line has them.

use super::At;
use serde_json::{Value, json};

/// How an order is given.
#[derive(Debug, clap::Args)]
pub(super) struct Terms {
    /// Why, for the delivery log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Counts what it would be about, and does nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    at: At,
}

/// Something that is done to a site.
#[derive(Debug, clap::Args)]
pub(crate) struct Site {
    /// The site's name, as `ringpost queue` has it
    site: String,
    #[command(flatten)]
    terms: Terms,
}

/// What is paused: a site, or mail of a tenant, of a campaign, or of one that is a tenant's.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Paused {
    /// The site's name, as `ringpost queue` has it
    #[arg(conflicts_with_all = ["tenant", "campaign"])]
    site: Option<String>,
    /// Mail of this tenant, at all sites
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Mail of this campaign, else of this job, at all sites
    #[arg(long, value_name = "CAMPAIGN")]
    campaign: Option<String>,
}

/// What is to get nothing, or to send nothing, for a while.
#[derive(Debug, clap::Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    what: Paused,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    terms: Terms,
}

/// What goes on.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    what: Paused,
    #[command(flatten)]
    terms: Terms,
}

/// How long an order holds.
#[derive(Debug, clap::Args)]
pub(super) struct Span {
    /// How long, such as 30m or 2h: then it ends by itself
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    span: String,
}

/// A source of a pool.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    /// The address of a [[pool.source]], or its ehlo name: in every pool that has it
    #[arg(value_name = "SOURCE")]
    name: String,
    /// At this site only
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

/// A source that is to be out of use for a while.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Its open connections end behind what they carry. Others of the pool take its mail; without others it \
waits, and no attempt is counted.")]
pub(crate) struct Disable {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    span: Span,
}

/// Mail that is given up.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What waits and fits all that is said leaves the queue, a slice at a time: each recipient gets a final \
record, and a line in the delivery log with the reason and who gave the order. What is on a \
connection is not touched. Nobody is told, but with --bounce.")]
pub(crate) struct Drop {
    #[command(flatten)]
    what: Fits,
    /// Tells the senders, as of mail that failed
    #[arg(long)]
    bounce: bool,
    #[command(flatten)]
    terms: Terms,
}

/// What is meant: all that is said must fit.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Fits {
    /// Mail for this site, as `ringpost queue` names it
    site: Option<String>,
    /// Mail for this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Mail of this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Mail of this campaign, else of this job
    #[arg(long, value_name = "CAMPAIGN")]
    campaign: Option<String>,
    /// One message, as the delivery log names it (0-2-1f4)
    #[arg(long, value_name = "ID")]
    message: Option<String>,
}

/// An order, ready to be given.
pub(crate) struct Order<'v> {
    pub(super) at: &'v At,
    /// The page that takes it.
    pub(super) path: &'static str,
    pub(super) body: Value,
}

impl Terms {
    pub(super) fn order(&self, path: &'static str, mut body: Value) -> Order<'_> {
        body["dry_run"] = json!(self.dry_run);
        if let Some(reason) = &self.reason {
            body["reason"] = json!(reason);
        }
        Order { at: &self.at, path, body }
    }
}

impl Site {
    /// As the order that this page takes.
    pub(crate) fn order(&self, path: &'static str) -> Order<'_> {
        self.terms.order(path, json!({ "site": self.site }))
    }
}

impl Pause {
    pub(crate) fn order(&self) -> Order<'_> {
        self.span.of(self.terms.order("/pause", self.what.body()))
    }
}

impl Resume {
    pub(crate) fn order(&self) -> Order<'_> {
        self.terms.order("/resume", self.what.body())
    }
}

impl Paused {
    fn body(&self) -> Value {
        let Self { site, tenant, campaign } = self;
        named(json!({}), &[("site", site), ("tenant", tenant), ("campaign", campaign)])
    }
}

/// With those names that were given.
pub(super) fn named(mut body: Value, names: &[(&str, &Option<String>)]) -> Value {
    for (what, name) in names {
        if let Some(name) = name {
            body[*what] = json!(name);
        }
    }
    body
}

impl Source {
    /// As the order that this page takes.
    pub(crate) fn order(&self, path: &'static str) -> Order<'_> {
        let body = named(json!({ "source": self.name }), &[("site", &self.site)]);
        self.terms.order(path, body)
    }
}

impl Disable {
    pub(crate) fn order(&self) -> Order<'_> {
        self.span.of(self.source.order("/disable-source"))
    }
}

impl Drop {
    pub(crate) fn order(&self) -> Order<'_> {
        self.terms.order("/drop", self.what.body(json!({ "bounce": self.bounce })))
    }
}

impl Fits {
    /// With what is meant.
    pub(super) fn body(&self, body: Value) -> Value {
        let Self { site, domain, tenant, campaign, message } = self;
        let said = [
            ("site", site),
            ("domain", domain),
            ("tenant", tenant),
            ("campaign", campaign),
            ("message", message),
        ];
        named(body, &said)
    }
}

impl Span {
    pub(super) fn of<'v>(&self, mut order: Order<'v>) -> Order<'v> {
        order.body["for"] = json!(self.span);
        order
    }
}
