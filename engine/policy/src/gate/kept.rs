//! A gate as it is kept over a restart: in times of the wall clock.

use super::{Cause, Ceiling, Gate, Gates, Pace, Quota, State, Then};
use event::{EnhancedCode, ReplyClass, Response, Tick, Wall};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// A gate, to be written down. Moments are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The site it is at.
    pub site: String,
    /// The address of ours it stands before; neither of the two: it stands before the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_address: Option<std::net::IpAddr>,
    /// Or the sender's domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mail_from_domain: Option<String>,
    /// How many connections there may be.
    connections: u16,
    /// When that changes.
    next: u64,
    /// How it goes on then: `open`, `one-more` or `a-part-more`.
    then: Way,
    most: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_beyond: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_until: Option<u64>,
    rule: String,
    provider: String,
    class: String,
    code: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enhanced: Option<String>,
    text: String,
    asked: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    Open,
    OneMore,
    APartMore,
}

impl Gates {
    /// All of them, as they stand.
    #[must_use]
    pub fn kept(&self, now: Tick, wall: Wall) -> Vec<Kept> {
        let sites = self.all();
        let all = sites.flat_map(|(site, gates)| gates.all().map(move |gate| (site, gate)));
        all.map(|(site, (quota, gate))| keep(site, &quota, gate, now, wall)).collect()
    }

    /// Puts one back that was kept. One that nobody understands is left out.
    pub fn restore(&mut self, kept: &Kept, now: Tick, wall: Wall) {
        let site = Arc::from(kept.site.as_str());
        if let Some(gate) = found(kept, now, wall) {
            self.put_back(&site, &quota(kept), gate);
        }
    }
}

fn keep(site: &str, quota: &Quota<'_>, gate: &Gate, now: Tick, wall: Wall) -> Kept {
    let moment = |tick: Tick| (wall + tick.since(now)).0;
    let way = |pace| match pace {
        Pace::Ladder => Way::OneMore,
        Pace::Additive => Way::APartMore,
    };
    let (connections, next, then) = match gate.state {
        State::Shut { until, then: Then::Open } => (0, until, Way::Open),
        State::Shut { until, then: Then::Climb(pace) } => (0, until, way(pace)),
        State::Narrow { connections, pace, next, .. } => (connections, next, way(pace)),
    };
    let Cause { rule, provider, class, response, at } = &gate.cause;
    Kept {
        site: site.to_owned(),
        source_address: match quota {
            Quota::Source(address) => Some(*address),
            _ => None,
        },
        mail_from_domain: match quota {
            Quota::Sender(domain) => Some(domain.clone().into_owned()),
            _ => None,
        },
        connections,
        next: moment(next),
        then,
        most: gate.most,
        refused_beyond: gate.ceiling.map(|ceiling| ceiling.connections),
        refused_until: gate.ceiling.map(|ceiling| moment(ceiling.until)),
        rule: rule.to_string(),
        provider: provider.to_string(),
        class: class.name().to_owned(),
        code: response.code,
        enhanced: response.enhanced.map(|code| code.to_string()),
        text: response.text.to_string(),
        asked: at.0,
    }
}

fn quota(kept: &Kept) -> Quota<'static> {
    match (kept.source_address, &kept.mail_from_domain) {
        (Some(address), _) => Quota::Source(address),
        (None, Some(domain)) => Quota::Sender(Cow::Owned(domain.clone())),
        (None, None) => Quota::Site,
    }
}

fn found(kept: &Kept, now: Tick, wall: Wall) -> Option<Gate> {
    let tick = |moment| now + Wall(moment).since(wall);
    let pace = match kept.then {
        Way::Open => None,
        Way::OneMore => Some(Pace::Ladder),
        Way::APartMore => Some(Pace::Additive),
    };
    let next = tick(kept.next);
    let state = match (kept.connections, pace) {
        (0, pace) => State::Shut { until: next, then: pace.map_or(Then::Open, Then::Climb) },
        (connections, pace) => {
            State::Narrow { connections, pace: pace?, settled: now, next, is_used: false }
        }
    };
    let enhanced = kept.enhanced.as_deref().and_then(|code| code.parse::<EnhancedCode>().ok());
    let ceiling = kept.refused_beyond.zip(kept.refused_until);
    let cause = Cause {
        rule: kept.rule.as_str().into(),
        provider: kept.provider.as_str().into(),
        class: kept.class.parse().unwrap_or(ReplyClass::Other),
        response: Arc::new(Response::new(kept.code, enhanced, &kept.text)),
        at: Wall(kept.asked),
    };
    Some(Gate {
        cause,
        state,
        most: kept.most.max(1),
        ceiling: ceiling.map(|(connections, until)| Ceiling { connections, until: tick(until) }),
        paid: Tick::ZERO,
    })
}
