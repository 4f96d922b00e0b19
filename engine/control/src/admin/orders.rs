//! What an operator orders: counted first, done by every shard, told in the delivery log.

use super::Door;
use super::gate::{By, Refusal, refuse};
use super::queue::with_silence;
use crate::survey::PATIENCE;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, post};
use axum::{Extension, Json};
use event::Wall;
use jiff::Timestamp;
use policy::survey::{About, Elsewhere, Load, ORDER_MAX, Order, Question, Verb};
use route::Hops;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long shards are waited for that count what they have to go through: some ten million deliveries.
const COUNT_PATIENCE: Duration = Duration::from_secs(8);
/// How long an order holds if nobody says how long.
const HOLDS_USUAL: Duration = Duration::from_hours(1);
/// The longest reason.
const REASON_BYTES_MAX: usize = 500;
/// The longest name of anything that an order may be about.
const NAME_BYTES_MAX: usize = 500;
/// The longest list of hosts: each name may have 255 bytes, and there are 16 at most.
const HOPS_BYTES_MAX: usize = 5_000;

type Answered = Result<Json<Value>, Refusal>;

/// What the body of an order may say besides why and whether it is only counted.
pub(super) const fn fields(verb: Verb) -> &'static [&'static str] {
    match verb {
        Verb::Pause => &["site", "tenant", "campaign", "for"],
        Verb::Resume => &["site", "tenant", "campaign"],
        Verb::Flush => &["site"],
        Verb::DisableSource => &["source", "site", "for"],
        Verb::EnableSource => &["source", "site"],
        Verb::Drop | Verb::Bounce => &["site", "domain", "tenant", "campaign", "message", "bounce"],
        Verb::Reroute => &["site", "domain", "tenant", "campaign", "message", "pool", "to", "for"],
        Verb::EndReroute => &["site", "domain", "tenant", "campaign", "message"],
        Verb::Schedule => &["site", "domain", "tenant", "campaign", "message", "at", "in"],
    }
}

/// What it must say.
pub(super) fn required(verb: Verb) -> Vec<&'static str> {
    let reason = (!verb.lifts()).then_some("reason");
    let what = match verb {
        Verb::Flush => Some("site"),
        Verb::DisableSource | Verb::EnableSource => Some("source"),
        // One of several.
        Verb::Pause
        | Verb::Resume
        | Verb::Drop
        | Verb::Bounce
        | Verb::Reroute
        | Verb::EndReroute
        | Verb::Schedule => None,
    };
    what.into_iter().chain(reason).collect()
}

/// `POST` of an order.
pub(super) fn page(verb: Verb) -> MethodRouter<Arc<Door>> {
    let obeyed =
        move |State(door): State<Arc<Door>>,
              Extension(by): Extension<By>,
              Json(said): Json<Value>| async move { obey(&door, verb, &by, &said).await };
    post(obeyed)
}

/// `GET /orders`
pub(super) async fn held(State(door): State<Arc<Door>>) -> Json<Value> {
    let orders = door.shards.as_ref().map(|shards| shards.orders()).unwrap_or_default();
    let told = |order: &Order| {
        let mut told = json!({
            "order": order.verb.name(),
            "by": order.by,
            "reason": order.reason,
            "until": order.until.map(|until| until.0),
        });
        tell_about(&mut told, &order.about);
        tell_elsewhere(&mut told, &order.elsewhere);
        told
    };
    Json(json!({ "orders": orders.iter().map(told).collect::<Vec<_>>() }))
}

async fn obey(door: &Door, verb: Verb, by: &By, said: &Value) -> Answered {
    let order =
        read(verb, by, said, now()).map_err(|wrong| refuse(StatusCode::BAD_REQUEST, &wrong))?;
    let counted = Order { is_dry: true, ..order.clone() };
    let patience = if order.is_counted_by_sweep() { COUNT_PATIENCE } else { PATIENCE };
    let round = door.ask_for(&Question::Order(Arc::new(counted)), patience).await?;
    let Some(counted) = round.counted() else {
        return Err(refuse(StatusCode::NOT_FOUND, &nothing(&order)));
    };
    let load = counted.load;
    let order = Order { counted: load, ..order };
    // What is on connections is counted by site.
    let is_carried_known = !order.is_counted_by_sweep() || order.about.only_site().is_some();
    let mut answer = json!({
        "order": order.verb.name(),
        "dry_run": order.is_dry,
        "ready": load.ready,
        "waiting": load.waiting,
        "in_flight": is_carried_known.then_some(load.in_flight),
        "until": order.until.map(|until| until.0),
        "by": by.0,
    });
    tell_about(&mut answer, &order.about);
    tell_elsewhere(&mut answer, &order.elsewhere);
    if let Some(due) = order.due {
        answer["due"] = json!(due.0);
        answer["expiring"] = json!(counted.expiring);
    }
    if order.is_dry {
        return Ok(Json(with_silence(answer, &round)));
    }
    let kept = door.shards.as_ref().map_or(Ok(()), |shards| shards.keep(&order));
    kept.map_err(|wrong| refuse(StatusCode::CONFLICT, &wrong))?;
    let round = door.ask(&Question::Order(Arc::new(order))).await?;
    Ok(Json(with_silence(answer, &round)))
}

/// Why there is nothing that an order is about.
fn nothing(Order { verb, about, elsewhere, .. }: &Order) -> String {
    match verb {
        Verb::Reroute => match &elsewhere.pool {
            Some(pool) => format!("no {about} is known, or no [[pool]] is called {pool}"),
            None => format!("no {about} is known: GET /queue tells the names of sites"),
        },
        Verb::EndReroute => {
            format!("no order reroutes {about}: GET /orders tells those there are")
        }
        Verb::DisableSource => format!(
            "no [[pool.source]] has the address or the ehlo name {}",
            about.source.as_deref().unwrap_or_default()
        ),
        Verb::EnableSource => {
            format!("no order disables {about}: GET /orders tells those there are")
        }
        Verb::Resume if about.site.is_none() => {
            format!("no order pauses {about}: GET /orders tells those there are")
        }
        _ => format!("no {about} is known: GET /queue tells the names of sites"),
    }
}

/// What an order is about, as it is said in one.
fn tell_about(told: &mut Value, about: &About) {
    let About { site, domain, tenant, campaign, message, source } = about;
    let message = message.map(|id| id.to_string());
    for (name, value) in [
        ("site", site.as_deref()),
        ("domain", domain.as_deref()),
        ("tenant", tenant.as_deref()),
        ("campaign", campaign.as_deref()),
        ("message", message.as_deref()),
        ("source", source.as_deref()),
    ] {
        told[name] = json!(value);
    }
}

/// Where mail goes, if it is to go elsewhere.
fn tell_elsewhere(told: &mut Value, elsewhere: &Elsewhere) {
    if *elsewhere != Elsewhere::default() {
        told["pool"] = json!(elsewhere.pool.as_deref());
        told["to"] = json!(elsewhere.to.as_deref());
    }
}

/// What is ordered.
///
/// # Errors
/// What is wrong with it.
fn read(verb: Verb, by: &By, said: &Value, now: Wall) -> Result<Order, String> {
    let said = said.as_object().ok_or("an order is a JSON object")?;
    let known: Vec<_> = fields(verb).iter().chain(&["reason", "dry_run"]).copied().collect();
    if let Some(stranger) = said.keys().find(|key| !known.contains(&key.as_str())) {
        let known = known.join(", ");
        return Err(format!("`{stranger}` is no part of a {}; there are {known}", verb.name()));
    }
    let text = |name: &str| said.get(name).map(|value| value.as_str().unwrap_or_default());
    let reason = text("reason").unwrap_or_default();
    if reason.trim().is_empty() && !verb.lifts() {
        return Err("`reason` says why, for the delivery log".to_owned());
    }
    if reason.len() > REASON_BYTES_MAX {
        return Err(format!("`reason` has at most {REASON_BYTES_MAX} bytes"));
    }
    let until = match text("for") {
        None => verb.holds().then(|| now + HOLDS_USUAL),
        Some(span) => Some(now + read_span("for", span)?),
    };
    let is_dry = match said.get("dry_run") {
        None => false,
        Some(said) => said.as_bool().ok_or("`dry_run` is true or false")?,
    };
    let about = about(verb, said)?;
    let elsewhere = elsewhere(verb, text)?;
    let due = due(verb, text, now)?;
    let verb = match said.get("bounce").map(Value::as_bool) {
        None | Some(Some(false)) => verb,
        Some(Some(true)) => Verb::Bounce,
        Some(None) => return Err("`bounce` is true or false".to_owned()),
    };
    let (by, reason, counted) = (by.0.clone(), reason.into(), Load::default());
    Ok(Order { verb, about, by, reason, until, elsewhere, due, is_dry, counted })
}

fn about(verb: Verb, said: &Map<String, Value>) -> Result<About, String> {
    let name = |name: &str| {
        let Some(said) = said.get(name) else { return Ok(None) };
        let text = said.as_str().filter(|text| !text.is_empty() && text.len() <= NAME_BYTES_MAX);
        text.map(|text| Some(Arc::from(text))).ok_or_else(|| format!("`{name}` is a name"))
    };
    let message = name("message")?.map(|id: Arc<str>| id.parse());
    let about = About {
        site: name("site")?,
        domain: name("domain")?,
        tenant: name("tenant")?,
        campaign: name("campaign")?,
        message: message.transpose().map_err(|_| "`message` is a name such as 0-2-1f4")?,
        source: name("source")?,
    };
    let (is_said, wanted) = match verb {
        Verb::DisableSource | Verb::EnableSource => (about.source.is_some(), "`source` names one"),
        Verb::Drop | Verb::Bounce | Verb::Reroute | Verb::EndReroute | Verb::Schedule => (
            about != About::default(),
            "`site`, `domain`, `tenant`, `campaign` or `message` names what is meant",
        ),
        Verb::Pause | Verb::Resume => (
            about.site.is_some() != (about.tenant.is_some() || about.campaign.is_some()),
            "`site` names what is meant, or `tenant` and `campaign` do, or one of them",
        ),
        Verb::Flush => (about.site.is_some(), "`site` names a site"),
    };
    is_said.then_some(about).ok_or_else(|| wanted.to_owned())
}

/// Where mail is to go that goes elsewhere.
fn elsewhere<'s>(verb: Verb, text: impl Fn(&str) -> Option<&'s str>) -> Result<Elsewhere, String> {
    let pool = text("pool").map(|name| {
        let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
        is_name.then(|| name.into()).ok_or("`pool` is the name of a [[pool]]")
    });
    let to = text("to").map(|hosts| {
        let hops = Some(hosts).filter(|hosts| hosts.len() <= HOPS_BYTES_MAX)?.parse::<Hops>();
        hops.ok().map(|hops| hops.to_string().into())
    });
    let hosts = "`to` is a host or several with commas between, such as mx.example.com:2525";
    let to = to.map(|to| to.ok_or(hosts)).transpose()?;
    let elsewhere = Elsewhere { pool: pool.transpose()?, to };
    let is_said = verb != Verb::Reroute || elsewhere != Elsewhere::default();
    is_said.then_some(elsewhere).ok_or_else(|| "`pool` or `to` says where mail goes".to_owned())
}

/// When mail is to be due.
fn due<'s>(
    verb: Verb,
    text: impl Fn(&str) -> Option<&'s str>,
    now: Wall,
) -> Result<Option<Wall>, String> {
    let due = match (text("at"), text("in")) {
        (None, None) if verb != Verb::Schedule => return Ok(None),
        (Some(at), None) => {
            let at: Timestamp = at.parse().map_err(|_| {
                "`at` is a time with its zone, such as 2030-05-01T08:00:00Z".to_owned()
            })?;
            Wall(u64::try_from(at.as_millisecond()).unwrap_or_default())
        }
        (None, Some(span)) => now + read_span("in", span)?,
        _ => return Err("`at` or `in` says when mail is due, and not both".to_owned()),
    };
    let is_ahead = now < due && due.since(now) <= ORDER_MAX;
    is_ahead.then_some(Some(due)).ok_or_else(|| "`at` is to come, within 30 days".to_owned())
}

fn read_span(name: &str, text: &str) -> Result<Duration, String> {
    let span = policy::span::parse(text).map_err(|wrong| format!("`{name}`: {wrong}"))?;
    let fits = !span.is_zero() && span <= ORDER_MAX;
    fits.then_some(span).ok_or_else(|| format!("`{name}` is from 1ms to 30d"))
}

#[expect(clippy::disallowed_methods, reason = "an order's end is on everybody's clock")]
fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
