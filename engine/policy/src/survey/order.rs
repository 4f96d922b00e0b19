//! What operators order, and about what mail.

use super::Load;
use event::{MessageId, Wall};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The longest an order may hold.
pub const ORDER_MAX: Duration = Duration::from_hours(30 * 24);
/// The most orders that hold at one time.
pub const ORDERS_MAX: usize = 1_000;
/// The most of them by which mail goes elsewhere: all are looked at for each delivery.
pub const REROUTES_MAX: usize = 100;
const _: () = assert!(REROUTES_MAX <= ORDERS_MAX, "some of all");

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub verb: Verb,
    /// To what.
    pub about: About,
    /// Who orders it.
    pub by: Box<str>,
    /// And why.
    pub reason: Box<str>,
    /// Until when, if it ends by itself.
    pub until: Option<Wall>,
    /// Where mail goes, if it is to go elsewhere.
    pub elsewhere: Elsewhere,
    /// When mail is due, if that is what is ordered.
    pub due: Option<Wall>,
    /// Nothing is done: what it would be about is counted.
    pub is_dry: bool,
    /// What it was counted to be about; nothing where nobody has counted.
    pub counted: Load,
}

/// Where mail goes that is to go elsewhere. What is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// From the addresses of the pool of this name.
    pub pool: Option<Arc<str>>,
    /// To these hosts, with commas between, as a route names them.
    pub to: Option<Arc<str>>,
}

/// An order by which mail goes elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rerouted {
    /// What mail.
    pub about: About,
    /// Where it goes.
    pub elsewhere: Elsewhere,
    /// It ends then.
    pub until: Wall,
    /// Who ordered it.
    pub by: Box<str>,
    /// And why.
    pub reason: Box<str>,
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Nothing goes there, or nothing of it; what is on its way is not stopped.
    Pause,
    /// A pause ends.
    Resume,
    /// What waits goes now: for the end of a back-off, and for a retry.
    Flush,
    /// No connection leaves from a source any more; what is on its way is not stopped.
    DisableSource,
    /// It is of use again.
    EnableSource,
    /// What waits is given up, without a word to its senders; what is on its way is not stopped.
    Drop,
    /// The same, and its senders are told that it failed.
    Bounce,
    /// What waits, and what comes while it holds, goes elsewhere; what is on its way is not stopped.
    Reroute,
    /// That is over: what still waits goes its usual way.
    EndReroute,
    /// What waits is due at a time, and not before; what is on its way is not stopped.
    Schedule,
}

impl Order {
    /// Whether all that waits has to be looked at to know what it is about.
    #[must_use]
    pub fn is_counted_by_sweep(&self) -> bool {
        self.verb.sweeps() || self.about.tenant.is_some() || self.about.campaign.is_some()
    }
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pause,
        Self::Resume,
        Self::Flush,
        Self::DisableSource,
        Self::EnableSource,
        Self::Drop,
        Self::Bounce,
        Self::Reroute,
        Self::EndReroute,
        Self::Schedule,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Flush => "flush",
            Self::DisableSource => "disable-source",
            Self::EnableSource => "enable-source",
            Self::Drop => "drop",
            Self::Bounce => "bounce",
            Self::Reroute => "reroute",
            Self::EndReroute => "end-reroute",
            Self::Schedule => "schedule",
        }
    }

    /// Whether what it orders holds for a time, and over a restart.
    #[must_use]
    pub const fn holds(self) -> bool {
        matches!(self, Self::Pause | Self::DisableSource | Self::Reroute)
    }

    /// Whether it goes through all that waits.
    #[must_use]
    pub const fn sweeps(self) -> bool {
        matches!(
            self,
            Self::Drop | Self::Bounce | Self::Reroute | Self::EndReroute | Self::Schedule
        )
    }

    /// What it ends, if it ends what another one has ordered.
    #[must_use]
    pub const fn ends(self) -> Option<Self> {
        match self {
            Self::Resume => Some(Self::Pause),
            Self::EnableSource => Some(Self::DisableSource),
            Self::EndReroute => Some(Self::Reroute),
            _ => None,
        }
    }

    /// Whether it ends what another one has ordered.
    #[must_use]
    pub const fn lifts(self) -> bool {
        self.ends().is_some()
    }
}

/// What mail, or which of our sources, an order is about: what fits all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// Mail for this site.
    pub site: Option<Arc<str>>,
    /// Mail for this domain.
    pub domain: Option<Arc<str>>,
    /// Mail of this tenant.
    pub tenant: Option<Arc<str>>,
    /// Mail of this campaign.
    pub campaign: Option<Arc<str>>,
    /// This message.
    pub message: Option<MessageId>,
    /// The source of this address or name; at the site, if one is said.
    pub source: Option<Arc<str>>,
}

impl About {
    /// All mail for a site.
    #[must_use]
    pub fn site(name: impl Into<Arc<str>>) -> Self {
        Self { site: Some(name.into()), ..Self::default() }
    }

    /// The site, if nothing else is said.
    #[must_use]
    pub fn only_site(&self) -> Option<&Arc<str>> {
        let site = self.site.as_ref()?;
        (*self == Self::site(Arc::clone(site))).then_some(site)
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.to, &self.pool) {
            (Some(to), Some(pool)) => write!(f, "to {to} by the pool {pool}"),
            (Some(to), None) => write!(f, "to {to}"),
            (None, Some(pool)) => write!(f, "by the pool {pool}"),
            (None, None) => f.write_str("where it goes as a rule"),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, domain, tenant, campaign, message, source } = self;
        let message = message.map(|id| id.to_string());
        let said = [
            ("message", message.as_deref()),
            ("source", source.as_deref()),
            ("tenant", tenant.as_deref()),
            ("campaign", campaign.as_deref()),
            ("domain", domain.as_deref()),
            ("site", site.as_deref()),
        ];
        let mut comma = "";
        for (what, name) in said.iter().filter_map(|(what, name)| Some((what, (*name)?))) {
            write!(f, "{comma}{what} {name}")?;
            comma = ", ";
        }
        Ok(())
    }
}

/// Whether a site of this name is meant by another: the same, or what leaves for it by a pool, or has
/// to be under TLS there.
#[must_use]
pub fn is_of_site(name: &str, meant: &str) -> bool {
    let rest = name.strip_prefix(meant);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
}
