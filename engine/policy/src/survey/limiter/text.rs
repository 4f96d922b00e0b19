//! What keeps mail from moving, in the words that operators read.

use super::Limiter;
use crate::survey::About;
use std::fmt;

impl fmt::Display for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("nothing is ready"),
            Self::Paused { by, reason, .. } => write!(f, "paused by {by}: {reason}"),
            Self::FlowPaused { tenant, campaign, by, reason, .. } => {
                let (tenant, campaign) = (tenant.clone(), campaign.clone());
                let about = About { tenant, campaign, ..About::default() };
                write!(f, "{about} paused by {by}: {reason}")
            }
            Self::Draining => f.write_str("the program is stopping"),
            Self::ShardConnections { most } => {
                write!(f, "its shard has {most} connections, the most to all sites together")
            }
            Self::Served { connections } => {
                write!(f, "nothing: {} takes what is ready", count(*connections, "connection"))
            }
            Self::Asked { rule, scope, value, said, most, message_rate, .. } => {
                let share = share(*most, message_rate.as_deref(), scope, value.as_deref());
                write!(f, "{share} by the rule {rule}: {said}")
            }
            Self::SiteConnections { most, .. } => {
                write!(f, "it has {}, all it may have", count(*most, "connection"))
            }
            Self::SharedConnections { most, .. } => {
                write!(f, "all {} in use that are for this mail", count(*most, "connection"))
            }
            Self::Rate { counted, rate, .. } => {
                write!(f, "it has had the {counted} it may have: {rate}")
            }
            Self::SourceRate { .. }
            | Self::SourceConnections { .. }
            | Self::Warmup { .. }
            | Self::SourcesOut { .. }
            | Self::SourceDisabled { .. } => self.tell_of_sources(f),
            Self::Probing { failures } => {
                write!(f, "{} failed, and one finds out", count(*failures, "dial"))
            }
            Self::Unanswered { dials } => {
                write!(f, "{} for an answer", waits(*dials, "dial"))
            }
            Self::Resting { failures, .. } => {
                write!(f, "no host could be reached, {} in a row", count(*failures, "time"))
            }
            Self::Retry { attempts, .. } => f.write_str(&put_off(*attempts)),
            Self::PutOff { waiting, .. } => {
                write!(f, "all of it, {waiting} deliveries, was put off and waits for its time")
            }
            Self::DnsAsked => f.write_str("DNS was asked where it goes, and has not answered"),
            Self::Unroutable { cause, .. } => f.write_str(cause),
            Self::UnknownPool => f.write_str("no [[pool]] of the settings has the name it bears"),
            Self::Unreadable => f.write_str("it cannot be read back from the spool now"),
        }
    }
}

impl Limiter {
    fn tell_of_sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceRate { pool: Some(pool), counted, rate, .. } => {
                write!(f, "each source of the pool {pool} has had its {counted}: {rate}")
            }
            Self::SourceRate { pool: None, counted, rate, .. } => {
                write!(f, "it has had its {counted} from one source: {rate}")
            }
            Self::SourceConnections { pool, .. } => {
                write!(f, "every source of the pool {pool} has all its connections there")
            }
            Self::Warmup { pool, source, most, .. } => {
                write!(f, "{source} of the pool {pool} has had its {most} messages of today")
            }
            Self::SourcesOut { pool, until: Some(_) } => {
                write!(f, "no source of the pool {pool} is in use there now")
            }
            Self::SourcesOut { pool, until: None } => {
                write!(f, "no source of the pool {pool} has an address of the hosts' family")
            }
            Self::SourceDisabled { pool, source, by, reason, .. } => {
                write!(f, "{source} of the pool {pool} is disabled by {by}: {reason}")
            }
            _ => Ok(()),
        }
    }
}

fn put_off(attempts: u16) -> String {
    match attempts {
        0 => "put off before it was tried, by an order to schedule".to_owned(),
        attempts => format!("put off after {}", count(attempts, "attempt")),
    }
}

fn share(most: u16, rate: Option<&str>, scope: &str, which: Option<&str>) -> String {
    let many = rate.map_or_else(|| format!("{most} at once"), ToOwned::to_owned);
    format!("{many} for the {scope} ({})", which.unwrap_or("all of it"))
}

fn count(number: u16, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn waits(number: u16, thing: &str) -> String {
    format!("{} {}", count(number, thing), if number == 1 { "waits" } else { "wait" })
}
