//! The pages for programs: an `OpenAPI` document, made from the same list as the pages.

use super::orders;
use super::pages::{Body, PAGES, Page};
use serde_json::{Map, Value, json};

/// All of it.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for page in PAGES.iter().filter(|page| page.path != "/") {
        let methods = paths.entry(page.path).or_insert_with(|| json!({}));
        methods[page.method] = operation(page);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ringpost",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What waits, why it does not move, and what an operator can do about \
                            it. Times are milliseconds since the Unix epoch; mail is counted in \
                            deliveries: a message to those of its recipients that share a domain.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Error": error() },
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "properties": { "error": { "type": "string" } },
        "required": ["error"],
    })
}

fn operation(page: &Page) -> Value {
    let is_json = page.role.is_some() || page.path == "/openapi.json";
    let media = if is_json { "application/json" } else { "text/plain" };
    let schema = if is_json { json!({ "type": "object" }) } else { json!({ "type": "string" }) };
    let mut operation = json!({
        "summary": page.help,
        "responses": { "200": { "description": "the answer", "content": { media: { "schema": schema } } } },
    });
    let parameters = parameters(page);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(role) = page.role {
        let refusal = json!({
            "description": "why not",
            "content": {
                "application/json": { "schema": { "$ref": "#/components/schemas/Error" } },
            },
        });
        operation["responses"]["default"] = refusal;
        operation["security"] = json!([{ "token": [] }]);
        operation["x-role"] = json!(role.name());
    }
    if let Some(schema) = body(page.body) {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        });
    }
    operation
}

/// What is said with a page.
fn body(body: Body) -> Option<Value> {
    let (fields, required) = match body {
        Body::Nothing => return None,
        Body::Reload => (&["dry_run"][..], Vec::new()),
        Body::Order(verb) => (orders::fields(verb), orders::required(verb)),
    };
    let common: &[&str] = if matches!(body, Body::Order(_)) { &["reason", "dry_run"] } else { &[] };
    let fields = fields.iter().chain(common);
    let properties: Map<_, _> = fields.map(|name| ((*name).to_owned(), field(name))).collect();
    let closed = json!({ "type": "object", "properties": properties, "required": required });
    Some(closed)
}

/// What is said under one name.
fn field(name: &str) -> Value {
    let (kind, help) = match name {
        "site" => ("string", "a site's name, as /queue has it"),
        "source" => ("string", "the address of a [[pool.source]], or its ehlo name"),
        "domain" => ("string", "mail for this domain"),
        "tenant" => ("string", "mail of this tenant"),
        "campaign" => ("string", "mail of this campaign, else of this job"),
        "message" => ("string", "one message, as the delivery log names it"),
        "bounce" => ("boolean", "its senders are told, as of mail that failed"),
        "pool" => ("string", "the [[pool]] by which it is to go"),
        "to" => (
            "string",
            "the hosts it is to go to, as a [[route]] has them: host:port, with commas between",
        ),
        "at" => ("string", "when it is due, such as 2030-05-01T08:00:00Z, within 30 days"),
        "in" => ("string", "when it is due from now, such as 2h, 30d at most"),
        "for" => ("string", "how long, such as 30m; 1h if left out, 30d at most"),
        "reason" => ("string", "why, for the delivery log"),
        "dry_run" => ("boolean", "only counts, and says what it would come to"),
        name => unreachable!("{name} is no part of an order"),
    };
    json!({ "type": kind, "description": help })
}

fn parameters(page: &Page) -> Vec<Value> {
    let braces = page.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = braces.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let limit = (page.path == "/queue").then(|| {
        json!({
            "name": "limit",
            "in": "query",
            "schema": { "type": "integer", "minimum": 1, "maximum": policy::survey::SITES_MAX },
        })
    });
    let names = ["tenant", "campaign"].into_iter().filter(|_| page.path == "/why");
    let names =
        names.map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } }));
    in_path.chain(limit).chain(names).collect()
}
