//! What a plan makes of a policy.

use crate::{MxHost, RouteFailure, StsMode, StsPolicy};
use std::fmt::Write as _;

/// What stands behind the name of a site all of whose mail is under an enforced policy.
pub(super) const SUFFIX: &str = ";mta-sts";

/// The most names of hosts, and of patterns, that somebody is told of.
const TOLD_MAX: usize = 4;

/// What the policy of a domain says of its hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sts {
    /// What it asks for; [`StsMode::None`] is no policy.
    pub mode: StsMode,
    /// Hosts of the domain that it does not name. Of an enforced policy they are none of the
    /// plan's.
    unnamed: Box<[Box<str>]>,
}

impl Sts {
    /// Whether it names this host of the domain.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        !self.unnamed.iter().any(|unnamed| **unnamed == *host)
    }

    pub(super) fn is_enforced(&self) -> bool {
        self.mode == StsMode::Enforce
    }
}

/// The hosts that mail for `domain` may go to, and what to remember of the policy. Whoever has to
/// show a certificate that DNS proves need not be named as well: what is proven says more.
///
/// [RFC 8461 §5](https://www.rfc-editor.org/rfc/rfc8461#section-5)
pub(super) fn heeded<'h>(
    domain: &str,
    hosts: Vec<&'h MxHost>,
    policy: &StsPolicy,
) -> Result<(Vec<&'h MxHost>, Option<Sts>), RouteFailure> {
    if policy.mode == StsMode::None {
        return Ok((hosts, None));
    }
    let (named, unnamed): (Vec<_>, Vec<_>) =
        hosts.iter().copied().partition(|host| is_named(host, policy));
    let others = unnamed.iter().map(|host| host.name.as_str().into()).collect();
    let sts = Sts { mode: policy.mode, unnamed: others };
    match policy.mode {
        StsMode::Enforce if named.is_empty() => {
            Err(RouteFailure::Policy(nowhere(domain, &unnamed, policy).into()))
        }
        StsMode::Enforce => Ok((named, Some(sts))),
        StsMode::Testing | StsMode::None => Ok((hosts, Some(sts))),
    }
}

fn is_named(host: &MxHost, policy: &StsPolicy) -> bool {
    policy.names(&host.name) || host.dane.proves()
}

fn nowhere(domain: &str, hosts: &[&MxHost], policy: &StsPolicy) -> String {
    let mut text = format!("the MTA-STS policy of {domain} (enforce, id {}) names ", policy.id);
    list(&mut text, policy.patterns().iter().map(|pattern| &**pattern));
    text.push_str(", and none of the MX hosts: ");
    list(&mut text, hosts.iter().map(|host| host.name.as_str()));
    text
}

fn list<'n>(text: &mut String, names: impl Iterator<Item = &'n str> + Clone) {
    for (index, name) in names.clone().take(TOLD_MAX).enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        text.push_str(name);
    }
    let more = names.count().saturating_sub(TOLD_MAX);
    if more > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, " and {more} more");
    }
}

#[cfg(test)]
mod tests;
