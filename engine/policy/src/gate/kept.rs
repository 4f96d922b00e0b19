//! A gate as it is kept over a restart: in times of the wall clock.

use super::tempo::{self, Phase, Tempo};
use super::{Cause, Ceiling, Gate, Gates, Pace, Quota, State, Then};
use crate::rate::Rate;
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
    /// How it goes on then: `open`, `one-more`, `a-part-more`, `one-more-of-all` or `faster`.
    then: Way,
    /// How many messages may go in a time, or may behind that, if that is what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_rate: Option<String>,
    most: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_beyond: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_until: Option<u64>,
    /// How often more was refused, where it is tried seldom.
    #[serde(default, skip_serializing_if = "is_none")]
    refused_times: u8,
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
    OneMoreOfAll,
    Faster,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_none(times: &u8) -> bool {
    *times == 0
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
        Pace::Probe => Way::OneMoreOfAll,
    };
    let (connections, next, then) = match gate.state {
        State::Shut { until, then: Then::Open } => (0, until, Way::Open),
        State::Shut { until, then: Then::Climb(pace) } => (0, until, way(pace)),
        State::Shut { until, then: Then::Go(_) } => (0, until, Way::Faster),
        State::Narrow { connections, pace, next, .. } => (connections, next, way(pace)),
        State::Paced(tempo) => (gate.most, tempo.next_at(), Way::Faster),
    };
    let tempo = match gate.state {
        State::Paced(tempo) | State::Shut { then: Then::Go(tempo), .. } => Some(tempo),
        _ => None,
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
        message_rate: tempo.map(|tempo| tempo::shown(tempo.goes()).to_string()),
        most: gate.most,
        refused_beyond: gate.ceiling.map(|ceiling| ceiling.connections),
        refused_until: gate.ceiling.map(|ceiling| moment(ceiling.until)),
        refused_times: match tempo.map(|tempo| tempo.phase) {
            Some(Phase::Holding { times, .. } | Phase::Probing { times, .. }) => times,
            Some(Phase::Waiting { .. } | Phase::Seeking) => 0,
            None => gate.ceiling.map_or(0, |ceiling| ceiling.times),
        },
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
        (None, None) if kept.then == Way::Faster => Quota::Messages,
        (None, None) => Quota::Site,
    }
}

fn found(kept: &Kept, now: Tick, wall: Wall) -> Option<Gate> {
    let tick = |moment| now + Wall(moment).since(wall);
    let pace = match kept.then {
        Way::Open | Way::Faster => None,
        Way::OneMore => Some(Pace::Ladder),
        Way::APartMore => Some(Pace::Additive),
        Way::OneMoreOfAll => Some(Pace::Probe),
    };
    let next = tick(kept.next);
    let state = match (kept.connections, pace) {
        (connections, None) if kept.then == Way::Faster => {
            let tempo = pace_of(kept, next, now)?;
            if connections == 0 {
                State::Shut { until: next, then: Then::Go(tempo) }
            } else {
                State::Paced(tempo)
            }
        }
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
        ceiling: ceiling.map(|(connections, until)| {
            let (until, times) = (tick(until), kept.refused_times);
            Ceiling { connections, until, times }
        }),
        paid: Tick::ZERO,
    })
}

/// What was found to be taken holds on, and is exceeded when it would have been.
fn pace_of(kept: &Kept, next: Tick, now: Tick) -> Option<Tempo> {
    let rate = Rate::parse(kept.message_rate.as_deref()?).ok()?;
    let every = rate.span() / u32::try_from(rate.count()).ok()?;
    let mut tempo = Tempo::held(every, kept.refused_times, now);
    tempo.next = tempo.next.max(next);
    Some(tempo)
}
