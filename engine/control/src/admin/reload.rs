//! New settings, put in force while we run.

use super::Door;
use super::gate::{By, Refusal, refuse};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long it may take: files are read, and perhaps a disk is slow.
const PATIENCE: Duration = Duration::from_secs(10);

/// `POST /reload`
pub(super) async fn reload(
    State(door): State<Arc<Door>>,
    Extension(by): Extension<By>,
    Json(said): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let is_dry = read(&said).map_err(|wrong| refuse(StatusCode::BAD_REQUEST, &wrong))?;
    let Some(shards) = &door.shards else {
        return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "nobody here reads settings"));
    };
    let (heard, told) = oneshot::channel();
    // Whoever asked may have gone.
    shards.reload(&by.0, is_dry, Box::new(move |outcome| drop(heard.send(outcome))));
    let Ok(Ok(outcome)) = timeout(PATIENCE, told).await else {
        let words = format!("nothing was heard of it within {PATIENCE:?}: GET /livez");
        return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, &words));
    };
    let done = outcome.map_err(|wrong| refuse(StatusCode::UNPROCESSABLE_ENTITY, &wrong))?;
    Ok(Json(json!({
        "order": "reload",
        "dry_run": is_dry,
        "changed": done.changed,
        "warnings": done.warnings,
        "by": by.0,
    })))
}

/// Whether it is only asked what would change.
fn read(said: &Value) -> Result<bool, String> {
    let fields = said.as_object().ok_or("what is said with it is a JSON object")?;
    if let Some(stranger) = fields.keys().find(|key| *key != "dry_run") {
        return Err(format!("`{stranger}` is no part of a reload; there is dry_run"));
    }
    match fields.get("dry_run") {
        None => Ok(false),
        Some(said) => said.as_bool().ok_or_else(|| "`dry_run` is true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use serde_json::json;

    #[test]
    fn what_is_said_with_a_reload_is_understood_or_refused() {
        assert_eq!(read(&json!({})), Ok(false));
        assert_eq!(read(&json!({ "dry_run": true })), Ok(true));
        for (said, word) in [
            (json!([]), "object"),
            (json!({ "dry": true }), "`dry`"),
            (json!({ "dry_run": 1 }), "true or false"),
        ] {
            assert!(read(&said).unwrap_err().contains(word), "{said}");
        }
    }
}
