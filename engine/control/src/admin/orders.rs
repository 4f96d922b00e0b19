//! What an operator orders: counted first, done by every shard, told in the delivery log.

use super::Door;
use super::gate::{By, Refusal, refuse};
use super::queue::with_silence;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use event::Wall;
use policy::survey::{ORDER_MAX, Order, Question, Verb};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a pause holds if nobody says how long.
const PAUSE_USUAL: Duration = Duration::from_hours(1);
/// The longest reason.
const REASON_BYTES_MAX: usize = 500;

type Answered = Result<Json<Value>, Refusal>;

/// `POST /pause`
pub(super) async fn pause(
    State(door): State<Arc<Door>>,
    Extension(by): Extension<By>,
    Json(said): Json<Value>,
) -> Answered {
    obey(&door, Verb::Pause, &by, &said).await
}

/// `POST /resume`
pub(super) async fn resume(
    State(door): State<Arc<Door>>,
    Extension(by): Extension<By>,
    Json(said): Json<Value>,
) -> Answered {
    obey(&door, Verb::Resume, &by, &said).await
}

/// `POST /flush`
pub(super) async fn flush(
    State(door): State<Arc<Door>>,
    Extension(by): Extension<By>,
    Json(said): Json<Value>,
) -> Answered {
    obey(&door, Verb::Flush, &by, &said).await
}

async fn obey(door: &Door, verb: Verb, by: &By, said: &Value) -> Answered {
    let order =
        read(verb, by, said, now()).map_err(|wrong| refuse(StatusCode::BAD_REQUEST, &wrong))?;
    let counted = Order { is_dry: true, ..order.clone() };
    let round = door.ask(&Question::Order(Arc::new(counted))).await?;
    let Some(load) = round.load() else {
        let words = format!("no site is called {}: GET /queue tells their names", order.site);
        return Err(refuse(StatusCode::NOT_FOUND, &words));
    };
    let (is_dry, until) = (order.is_dry, order.until);
    let answer = json!({
        "order": verb.name(),
        "site": *order.site,
        "dry_run": is_dry,
        "ready": load.ready,
        "waiting": load.waiting,
        "in_flight": load.in_flight,
        "until": until.map(|until| until.0),
        "by": by.0,
    });
    if is_dry {
        return Ok(Json(with_silence(answer, &round)));
    }
    door.shards.iter().for_each(|shards| shards.keep(&order));
    let round = door.ask(&Question::Order(Arc::new(order))).await?;
    Ok(Json(with_silence(answer, &round)))
}

/// What is ordered.
///
/// # Errors
/// What is wrong with it.
fn read(verb: Verb, by: &By, said: &Value, now: Wall) -> Result<Order, String> {
    let fields = said.as_object().ok_or("an order is a JSON object")?;
    let known = ["site", "reason", "for", "dry_run"];
    if let Some(stranger) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("`{stranger}` is no part of an order; there are {}", known.join(", ")));
    }
    let text = |name: &str| fields.get(name).map(|value| value.as_str().unwrap_or_default());
    let site = text("site").filter(|site| !site.is_empty()).ok_or("`site` names a site")?;
    let reason = text("reason").unwrap_or_default();
    if reason.trim().is_empty() && verb != Verb::Resume {
        return Err("`reason` says why, for the delivery log".to_owned());
    }
    if reason.len() > REASON_BYTES_MAX {
        return Err(format!("`reason` has at most {REASON_BYTES_MAX} bytes"));
    }
    let until = match (verb, text("for")) {
        (Verb::Pause, None) => Some(now + PAUSE_USUAL),
        (Verb::Pause, Some(span)) => Some(now + read_span(span)?),
        (_, None) => None,
        (_, Some(_)) => return Err("`for` is for a pause".to_owned()),
    };
    let is_dry = match fields.get("dry_run") {
        None => false,
        Some(said) => said.as_bool().ok_or("`dry_run` is true or false")?,
    };
    Ok(Order { verb, site: site.into(), by: by.0.clone(), reason: reason.into(), until, is_dry })
}

fn read_span(text: &str) -> Result<Duration, String> {
    let span = policy::span::parse(text).map_err(|wrong| format!("`for`: {wrong}"))?;
    let fits = !span.is_zero() && span <= ORDER_MAX;
    fits.then_some(span).ok_or_else(|| "`for` is from 1ms to 30d".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "an order's end is on everybody's clock")]
fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{By, PAUSE_USUAL, Verb, read};
    use event::Wall;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn an_order_says_what_where_why_and_how_long() {
        let by = By("anna".into());
        let now = Wall(1_000);
        let said = json!({ "site": "a", "reason": "a complaint", "for": "30m", "dry_run": true });
        let order = read(Verb::Pause, &by, &said, now).unwrap();
        assert_eq!((&*order.site, &*order.by, &*order.reason), ("a", "anna", "a complaint"));
        assert_eq!(order.until, Some(now + Duration::from_mins(30)));
        assert!(order.is_dry);
        let said = json!({ "site": "a", "reason": "b" });
        assert_eq!(read(Verb::Pause, &by, &said, now).unwrap().until, Some(now + PAUSE_USUAL));
        assert_eq!(read(Verb::Flush, &by, &said, now).unwrap().until, None);
        assert!(read(Verb::Resume, &by, &json!({ "site": "a" }), now).is_ok());
    }

    #[test]
    fn what_is_wrong_with_an_order_is_said() {
        let by = By("anna".into());
        for (verb, said, word) in [
            (Verb::Pause, json!([]), "object"),
            (Verb::Pause, json!({}), "`site`"),
            (Verb::Pause, json!({ "site": 7, "reason": "x" }), "`site`"),
            (Verb::Pause, json!({ "site": "a" }), "`reason`"),
            (Verb::Flush, json!({ "site": "a", "reason": " " }), "`reason`"),
            (Verb::Pause, json!({ "site": "a", "reason": "x".repeat(501) }), "`reason`"),
            (Verb::Pause, json!({ "site": "a", "reason": "x", "for": "soon" }), "`for`"),
            (Verb::Pause, json!({ "site": "a", "reason": "x", "for": "31d" }), "`for`"),
            (Verb::Pause, json!({ "site": "a", "reason": "x", "for": "0s" }), "`for`"),
            (Verb::Flush, json!({ "site": "a", "reason": "x", "for": "1h" }), "`for`"),
            (Verb::Pause, json!({ "site": "a", "reason": "x", "dry_run": 1 }), "`dry_run`"),
            (Verb::Pause, json!({ "site": "a", "reason": "x", "fro": "1h" }), "`fro`"),
        ] {
            let wrong = read(verb, &by, &said, Wall(0)).unwrap_err();
            assert!(wrong.contains(word), "{said}: {wrong}");
        }
    }
}
