//! What operators are told, as JSON. Names of fields are a promise: some may come, none goes.

use super::Door;
use crate::survey::{Known, Round, Whole};
use event::Wall;
use policy::survey::{Domain, Host, Key, Limiter, Message, Part, Recipient, Rerouted, Said, Site};
use serde_json::{Value, json};

/// All sites.
pub(super) fn whole(door: &Door, whole: &Whole, round: &Round) -> Value {
    let sites: Vec<_> = whole.sites.iter().map(|site| line(door, site)).collect();
    let shut = whole.shut.iter().map(|(shard, why)| json!({ "shard": shard, "cause": why }));
    json!({
        "sites": sites,
        "sites_total": whole.sites_total,
        "ready": whole.load.ready,
        "waiting": whole.load.waiting,
        "in_flight": whole.load.in_flight,
        "unrouted": whole.unrouted,
        "takes_no_mail": shut.collect::<Vec<_>>(),
        "silent_shards": round.silent,
    })
}

/// A site among others.
fn line(door: &Door, site: &Site) -> Value {
    let mut limiters = site.limiters.iter().map(|one| limiter(door, one));
    json!({
        "site": *site.name,
        "ready": site.load.ready,
        "waiting": site.load.waiting,
        "in_flight": site.load.in_flight,
        "open": site.open,
        "opening": site.opening,
        "connections_max": site.connections_max,
        "limiter": limiters.next(),
        "then": limiters.collect::<Vec<_>>(),
    })
}

/// A site by itself.
pub(super) fn site(door: &Door, site: &Site) -> Value {
    let mut told = line(door, site);
    told["flows"] = site.parts.iter().map(|one| part(door, one)).collect();
    told["hosts"] = site.hosts.iter().map(host).collect();
    told["replies"] = site.replies.iter().map(said).collect();
    told["rerouted"] = site.reroutes.iter().map(rerouted).collect();
    told
}

/// What there is under a name.
pub(super) fn known(door: &Door, known: &Known) -> Value {
    let sites: Vec<_> = known.sites.iter().map(|one| site(door, one)).collect();
    json!({ "sites": sites, "domain": known.domain.as_ref().map(|one| domain(door, one)) })
}

fn domain(door: &Door, domain: &Domain) -> Value {
    json!({
        "domain": domain.name,
        "site": domain.site.as_deref(),
        "unrouted": domain.unrouted,
        "limiter": domain.limiter.as_ref().map(|one| limiter(door, one)),
        "rerouted": domain.rerouted.as_ref().map(rerouted),
    })
}

/// A message, and what keeps each of its open recipients: `of_site` says it of those that only wait
/// for their site.
pub(super) fn message(
    door: &Door,
    message: &Message,
    of_site: &dyn Fn(&str) -> Option<Limiter>,
) -> Value {
    let date = |at: Wall| (at.0 > 0).then_some(at.0);
    let recipient = |one: &Recipient| {
        let keeps = || one.limiter.clone().or_else(|| of_site(one.site.as_deref()?));
        json!({
            "recipient": one.address,
            "attempts": one.attempts,
            "expires": date(one.expires),
            "site": one.site.as_deref(),
            "limiter": keeps().as_ref().map(|one| limiter(door, one)),
            "rerouted": one.rerouted.as_ref().map(rerouted),
        })
    };
    json!({
        "message": message.id.to_string(),
        "accepted": date(message.accepted),
        "expires": date(message.expires),
        "open_total": message.recipients_total,
        "open": message.recipients.iter().map(recipient).collect::<Vec<_>>(),
    })
}

/// What keeps mail.
pub(super) fn limiter(door: &Door, limiter: &Limiter) -> Value {
    json!({
        "name": limiter.name(),
        "text": limiter.to_string(),
        "setting": limiter.key().map(|key| setting(door, key)),
        "next": limiter.next(),
        "next_at": limiter.until().map(|until| until.0),
        "change": limiter.remedy(),
    })
}

/// A key of the settings, and where it stands; nowhere, if it is as it comes.
fn setting(door: &Door, key: Key) -> Value {
    let place = door.shards.as_ref().and_then(|shards| shards.place(key));
    json!({ "key": key.to_string(), "place": place })
}

/// An order by which mail goes elsewhere.
fn rerouted(order: &Rerouted) -> Value {
    json!({
        "about": order.about.to_string(),
        "pool": order.elsewhere.pool.as_deref(),
        "to": order.elsewhere.to.as_deref(),
        "text": order.elsewhere.to_string(),
        "until": order.until.0,
        "by": order.by,
        "reason": order.reason,
    })
}

fn part(door: &Door, part: &Part) -> Value {
    json!({
        "class": part.class.name(),
        "tenant": *part.tenant,
        "campaign": *part.campaign,
        "weight": part.weight,
        "ready": part.ready,
        "limiter": part.limiter.as_ref().map(|one| limiter(door, one)),
    })
}

fn host(host: &Host) -> Value {
    json!({
        "host": host.name,
        "address": host.address.to_string(),
        "rests_until": host.rests_until.map(|until| until.0),
    })
}

fn said(said: &Said) -> Value {
    json!({
        "at": said.at.0,
        "peer": said.peer.map(|peer| peer.to_string()),
        "message": said.message.map(|id| id.to_string()),
        "code": said.response.code,
        "enhanced": said.response.enhanced.map(|enhanced| enhanced.to_string()),
        "text": said.response.text,
        "local": said.response.local,
        "times": said.times,
        "class": said.class.name(),
        "rule": said.rule,
    })
}
