//! Every page of the door: where, who may have it, what it is for. The router, the index, the
//! document for programs and the check of tokens are made from this one list.

use super::{Door, Role, gate, openapi, orders, queue, reload};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

/// A page.
pub(super) struct Page {
    pub(super) method: &'static str,
    /// With what varies in braces.
    pub(super) path: &'static str,
    /// Who may have it, where tokens are asked for; `None`: everybody.
    pub(super) role: Option<Role>,
    pub(super) help: &'static str,
    /// What is said with it: the schemas of its body's fields, and those that must be there.
    pub(super) body: Option<fn() -> Value>,
    handler: fn() -> MethodRouter<Arc<Door>>,
}

const fn open(
    path: &'static str,
    help: &'static str,
    handler: fn() -> MethodRouter<Arc<Door>>,
) -> Page {
    Page { method: "get", path, role: None, help, body: None, handler }
}

const fn look(
    path: &'static str,
    help: &'static str,
    handler: fn() -> MethodRouter<Arc<Door>>,
) -> Page {
    Page { role: Some(Role::Monitor), ..open(path, help, handler) }
}

const fn order(
    path: &'static str,
    help: &'static str,
    body: fn() -> Value,
    handler: fn() -> MethodRouter<Arc<Door>>,
) -> Page {
    let (method, role) = ("post", Some(Role::Operator));
    Page { method, path, role, help, body: Some(body), handler }
}

/// All pages.
pub(super) const PAGES: [Page; 13] = [
    open("/", "this page", || get(async || index())),
    open("/metrics", "numbers, for Prometheus", || get(super::metrics)),
    open("/replies", "what hosts said that no rule knows, and how often", || get(super::replies)),
    open("/livez", "200 while every shard's loop turns; else 503 and which one does not", || {
        get(super::livez)
    }),
    open("/readyz", "200 while new mail is welcome; else 503 and why it is not", || {
        get(super::readyz)
    }),
    open("/openapi.json", "all of this for programs (OpenAPI 3.1)", || {
        get(async || axum::Json(openapi::document()))
    }),
    look("/queue", "sites with most mail; ?limit=50", || get(queue::sites)),
    look("/queue/{site}", "one site: its mail and whose it is, hosts and last replies", || {
        get(queue::site)
    }),
    look("/why/{what}", "why mail for a message, domain or site does not move", || get(queue::why)),
    order("/pause", "sends nothing more to a site for a while", pause_body, || post(orders::pause)),
    order("/resume", "ends a pause", order_body, || post(orders::resume)),
    order("/flush", "tries what waits for a site now", order_body, || post(orders::flush)),
    Page {
        role: Some(Role::Admin),
        ..order(
            "/reload",
            "reads the settings again and puts them in force, all or none",
            reload_body,
            || post(reload::reload),
        )
    },
];

fn order_body() -> Value {
    json!({
        "site": { "type": "string", "description": "the site's name, as /queue has it" },
        "reason": { "type": "string", "description": "why, for the delivery log; required but for a resume" },
        "dry_run": { "type": "boolean", "description": "only counts what it would be about" },
    })
}

fn reload_body() -> Value {
    json!({
        "dry_run": { "type": "boolean", "description": "only says what would change" },
    })
}

fn pause_body() -> Value {
    let mut body = order_body();
    body["for"] = json!({ "type": "string", "description": "how long, such as 30m; 1h if left out, 30d at most" });
    body
}

/// The whole door.
pub(super) fn router(door: &Arc<Door>) -> Router {
    let mut router = Router::new();
    for page in &PAGES {
        let mut handler = (page.handler)();
        if let Some(role) = page.role {
            handler = handler.layer(from_fn_with_state((Arc::clone(door), role), gate::admit));
        }
        router = router.route(page.path, handler);
    }
    router.with_state(Arc::clone(door))
}

fn index() -> String {
    let mut text = "Ringpost\n\n".to_owned();
    for page in PAGES.iter().filter(|page| page.path != "/") {
        let word = if page.method == "get" { "" } else { "POST " };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{:<14} {}", format!("{word}{}", page.path), page.help);
    }
    text
}
