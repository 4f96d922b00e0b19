//! From a recipient's domain to the hosts that take its mail.
//!
//! A delivery goes this way:
//!
//! 1. [`domain_of`] finds the recipient's domain, in the one spelling we use;
//! 2. [`Table::find`] says whether the settings know its hosts, or DNS must be asked;
//! 3. [`Cache::look`] says what DNS said before, or that it is to be asked now;
//! 4. [`plan`] makes of DNS's [`Answer`] a [`SitePlan`]: a site, and its hosts in order;
//! 5. [`home`] says which shard serves the site.
//!
//! Domains whose mail goes to the same set of hosts are one site, with one queue and one set
//! of limits. So are all domains of a provider, if the settings name it; but each set of hosts has
//! connections of its own then. Mail that leaves by different pools of our addresses is for different
//! sites ([`SitePlan::through`]), so that each pool has the limits for itself; and so does mail whose
//! sender requires TLS ([`SitePlan::needing`]), so that all other mail pays nothing for it.
//!
//! Nothing here asks DNS, reads a clock or draws a random number.

#![warn(clippy::indexing_slicing)]

mod answer;
mod cache;
mod dane;
mod domain;
mod failure;
mod home;
mod host;
mod need;
mod plan;
mod sts;
mod tls;

pub use answer::{ADDRESSES_MAX, Answer, HOSTS_MAX, MxHost};
pub use cache::{Cache, Cached, DOMAINS_MAX};
pub use dane::Dane;
pub use domain::{domain_of, in_our_spelling};
pub use failure::RouteFailure;
pub use home::home;
pub use host::{Host, HostPort, NotAHost, SMTP_PORT};
pub use need::Need;
pub use plan::{
    BadPattern, Hops, NamedSites, Place, PlanHost, Pools, Question, RouteSetting, Rules, SitePlan,
    SiteSetting, Sts, TRIED_MAX, Table, Target, is_public, plan,
};
pub use sts::{
    BadPolicy, STS_AGE_MAX, STS_AGE_MIN, STS_BYTES_MAX, STS_PATTERNS_MAX, StsMode, StsPolicy,
    StsRecord,
};
pub use tls::{LeastTls, Tls};
