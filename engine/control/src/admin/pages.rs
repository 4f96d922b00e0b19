//! Every page of the door: where, who may have it, what it is for. The router, the index, the
//! document for programs and the check of tokens are made from this one list.

use super::{Door, Role, gate, openapi, orders, queue, reload};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use policy::survey::Verb;
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
    /// What is said with it.
    pub(super) body: Body,
    handler: fn() -> MethodRouter<Arc<Door>>,
}

/// What is said with a page.
#[derive(Clone, Copy)]
pub(super) enum Body {
    Nothing,
    Order(Verb),
    Reload,
}

const fn open(
    path: &'static str,
    help: &'static str,
    handler: fn() -> MethodRouter<Arc<Door>>,
) -> Page {
    Page { method: "get", path, role: None, help, body: Body::Nothing, handler }
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
    verb: Verb,
    handler: fn() -> MethodRouter<Arc<Door>>,
) -> Page {
    let (method, role, body) = ("post", Some(Role::Operator), Body::Order(verb));
    Page { method, path, role, help, body, handler }
}

/// All pages.
pub(super) const PAGES: [Page; 21] = [
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
    look(
        "/why",
        "why mail of a tenant or a campaign does not move, by site; ?tenant=NAME&campaign=NAME",
        || get(queue::why_flow),
    ),
    look("/orders", "orders that hold now", || get(orders::held)),
    order(
        "/pause",
        "sends nothing more to a site, of a tenant or of a campaign for a while",
        Verb::Pause,
        || orders::page(Verb::Pause),
    ),
    order("/resume", "ends a pause", Verb::Resume, || orders::page(Verb::Resume)),
    order("/flush", "tries what waits for a site now", Verb::Flush, || orders::page(Verb::Flush)),
    order(
        "/disable-source",
        "has no connection leave from a source, at all sites or at one, for a while",
        Verb::DisableSource,
        || orders::page(Verb::DisableSource),
    ),
    order("/enable-source", "puts a source back", Verb::EnableSource, || {
        orders::page(Verb::EnableSource)
    }),
    order("/drop", "gives up what waits and fits all that is said", Verb::Drop, || {
        orders::page(Verb::Drop)
    }),
    order(
        "/reroute",
        "has what waits and fits go by another pool or to other hosts, and what comes while it holds",
        Verb::Reroute,
        || orders::page(Verb::Reroute),
    ),
    order("/end-reroute", "has it go its usual way again", Verb::EndReroute, || {
        orders::page(Verb::EndReroute)
    }),
    order(
        "/schedule",
        "has what waits and fits be due at a time, not before",
        Verb::Schedule,
        || orders::page(Verb::Schedule),
    ),
    Page {
        method: "post",
        path: "/reload",
        role: Some(Role::Admin),
        help: "reads the settings again and puts them in force, all or none",
        body: Body::Reload,
        handler: || post(reload::reload),
    },
];

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
        let _ = writeln!(text, "{:<20} {}", format!("{word}{}", page.path), page.help);
    }
    text
}
