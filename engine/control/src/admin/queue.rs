//! How the queues stand, and why mail does not move.

use super::gate::{Refusal, refuse};
use super::{Door, told};
use crate::survey::{self, Known, PATIENCE, Round};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use event::MessageId;
use policy::survey::{About, FLOW_SITES_MAX, Limiter, Message, Question, SITES_MAX, Site};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Sites in an answer, if nobody says how many.
const SITES_USUAL: usize = 50;
/// Sites looked at for the sake of one message.
const SITES_OF_MESSAGE_MAX: usize = 8;

type Answered = Result<Json<Value>, Refusal>;

/// `GET /queue`
pub(super) async fn sites(
    State(door): State<Arc<Door>>,
    Query(said): Query<HashMap<String, String>>,
) -> Answered {
    let limit = said.get("limit").map_or(Some(SITES_USUAL), |limit| limit.parse().ok());
    let limit = limit.filter(|limit| (1..=SITES_MAX).contains(limit)).ok_or_else(|| {
        refuse(StatusCode::BAD_REQUEST, &format!("`limit` is a number from 1 to {SITES_MAX}"))
    })?;
    let round = door.ask(&Question::Sites(limit)).await?;
    Ok(Json(told::whole(&door, &round.whole(limit), &round)))
}

/// `GET /queue/{site}`
pub(super) async fn site(State(door): State<Arc<Door>>, Path(name): Path<String>) -> Answered {
    let round = door.ask(&Question::Name(name.as_str().into())).await?;
    let known = round.known();
    if known.sites.is_empty() {
        return Err(no_site(&name, &known, &round));
    }
    Ok(Json(with_silence(told::known(&door, &known), &round)))
}

/// `GET /why/{what}`
pub(super) async fn why(State(door): State<Arc<Door>>, Path(what): Path<String>) -> Answered {
    match what.parse::<MessageId>() {
        Ok(id) => why_message(&door, id).await,
        Err(_) => why_name(&door, &what).await,
    }
}

/// `GET /why?tenant=...&campaign=...`
pub(super) async fn why_flow(
    State(door): State<Arc<Door>>,
    Query(said): Query<HashMap<String, String>>,
) -> Answered {
    let name = |what: &str| {
        said.get(what).filter(|name| !name.is_empty()).map(|name| name.as_str().into())
    };
    let (tenant, campaign) = (name("tenant"), name("campaign"));
    if tenant.is_none() && campaign.is_none() {
        let words = "`tenant` and `campaign` name what is meant, or one of them";
        return Err(refuse(StatusCode::BAD_REQUEST, words));
    }
    let about = About { tenant, campaign, ..About::default() };
    let round = door.ask(&Question::Flows(Arc::new(about.clone()))).await?;
    let mut known = round.known();
    if known.sites.is_empty() {
        return Err(refuse(StatusCode::NOT_FOUND, &format!("no mail of {about} waits for a site")));
    }
    known.sites.sort_by_key(|site| std::cmp::Reverse(site.load.total()));
    known.sites.truncate(FLOW_SITES_MAX);
    let mut answer = with_silence(told::known(&door, &known), &round);
    for site in answer["sites"].as_array_mut().into_iter().flatten() {
        // Connections carry everybody's, and nobody counts whose.
        site["in_flight"] = Value::Null;
    }
    (answer["asked"], answer["kind"]) = (json!(about.to_string()), json!("flow"));
    Ok(Json(answer))
}

async fn why_name(door: &Door, name: &str) -> Answered {
    let round = door.ask(&Question::Name(name.into())).await?;
    let mut known = round.known();
    let led = known.domain.as_ref().and_then(|domain| domain.site.clone());
    let is_site = !known.sites.is_empty();
    if !is_site && let Some(site) = led {
        known.sites = door.ask(&Question::Name(site)).await?.known().sites;
    }
    let is_told = |domain: &policy::survey::Domain| {
        domain.limiter.is_some() || domain.site.is_some() || domain.unrouted > 0
    };
    if !is_site && !known.domain.as_ref().is_some_and(is_told) {
        return Err(no_site(name, &known, &round));
    }
    let kind = if is_site { "site" } else { "domain" };
    let mut answer = with_silence(told::known(door, &known), &round);
    (answer["asked"], answer["kind"]) = (json!(name), json!(kind));
    Ok(Json(answer))
}

async fn why_message(door: &Door, id: MessageId) -> Answered {
    let round = door.ask(&Question::Message(id)).await?;
    let Some(message) = round.message() else {
        let words = "no message of this name has an open recipient: it is through, or was never \
                     here; the delivery log tells";
        return Err(refuse(StatusCode::NOT_FOUND, words));
    };
    let sites = sites_of(door, message).await?;
    let of_site = |name: &str| sites.get(name).map(first);
    let mut answer = with_silence(told::message(door, message, &of_site), &round);
    let all = sites.values().flat_map(|known| &known.sites);
    let all: Vec<_> = all.map(|site| told::site(door, &of_message(site, id))).collect();
    answer["sites"] = json!(all);
    (answer["asked"], answer["kind"]) = (json!(id.to_string()), json!("message"));
    Ok(Json(answer))
}

/// What is known of the sites that a message's recipients wait for, or that put them off.
async fn sites_of(door: &Door, message: &Message) -> Result<BTreeMap<Arc<str>, Known>, Refusal> {
    let names: BTreeSet<_> =
        message.recipients.iter().filter_map(|recipient| recipient.site.clone()).collect();
    let mut sites = BTreeMap::new();
    for name in names.into_iter().take(SITES_OF_MESSAGE_MAX) {
        let known = door.ask(&Question::Name(Arc::clone(&name))).await?.known();
        sites.insert(name, known);
    }
    Ok(sites)
}

/// What keeps mail that is ready. Where nothing is, it is on a connection by now.
fn first(known: &Known) -> Limiter {
    let site = known.sites.first();
    let first = site.and_then(|site| site.limiters.first()).cloned();
    let connections = site.map_or(0, |site| site.open + site.opening);
    match first {
        Some(Limiter::Idle | Limiter::PutOff { .. }) | None => {
            Limiter::Served { connections: u16::try_from(connections).unwrap_or(u16::MAX) }
        }
        Some(limiter) => limiter,
    }
}

/// The site, with what was said of a message, if that is known; else with all of it.
fn of_message(site: &Site, id: MessageId) -> Site {
    let mut site = site.clone();
    if site.replies.iter().any(|said| said.message == Some(id)) {
        site.replies.retain(|said| said.message == Some(id));
    }
    site
}

fn no_site(name: &str, known: &Known, round: &Round) -> Refusal {
    let led = known.domain.as_ref().and_then(|domain| domain.site.as_deref());
    let words = match led {
        Some(site) => format!("{name} is a domain whose mail goes to the site {site}"),
        None if round.silent.is_empty() => {
            format!("no site {name} has mail or connections, and no mail for such a domain came")
        }
        None => format!("no site {name} is known to the shards that answered"),
    };
    refuse(StatusCode::NOT_FOUND, &words)
}

pub(super) fn with_silence(mut answer: Value, round: &Round) -> Value {
    answer["silent_shards"] = json!(round.silent);
    answer
}

impl Door {
    /// Asks all shards.
    ///
    /// # Errors
    /// If there are none to be asked, or too many ask at once.
    pub(super) async fn ask(&self, question: &Question) -> Result<Round, Refusal> {
        self.ask_for(question, PATIENCE).await
    }

    /// The same, and waits so long.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn ask_for(
        &self,
        question: &Question,
        patience: Duration,
    ) -> Result<Round, Refusal> {
        let unavailable = |words| refuse(StatusCode::SERVICE_UNAVAILABLE, words);
        let shards = self.shards.as_ref().ok_or_else(|| unavailable("there are no shards"))?;
        let Ok(_one_of_few) = self.questions.try_acquire() else {
            return Err(unavailable("too many questions at once"));
        };
        Ok(survey::ask(shards, question, patience).await)
    }
}
