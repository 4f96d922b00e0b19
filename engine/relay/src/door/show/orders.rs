//! Orders, for people.

use super::{clock, field, list, silence, span, thousands, word, wrap};
use event::Wall;
use serde_json::Value;
use std::fmt::Write as _;

/// What an order is about.
pub(in crate::door) fn order(told: &Value, now: Wall) -> String {
    let (verb, about) = (word(&told["order"]), about(told) + &elsewhere(told));
    let begun = if told["dry_run"] == true { "would be about" } else { "is about" };
    let (ready, waiting) = (thousands(&told["ready"]), thousands(&told["waiting"]));
    let flying = match &told["in_flight"] {
        Value::Null => String::new(),
        count => format!(", {} on connections", thousands(count)),
    };
    let about =
        format!("{verb} {about} {begun} {ready} ready, {waiting} waiting for a retry{flying}");
    let mut text = wrap(0, &about);
    if let Some(at) = told["due"].as_u64() {
        let left = span(Wall(at).since(now));
        let _ = writeln!(text, "it is due in {left} ({})", clock(Wall(at)));
    }
    if told["expiring"].as_u64().is_some_and(|count| count > 0) {
        let count = thousands(&told["expiring"]);
        let words = format!("{count} of these are tried for the last time before: theirs is up");
        text += &wrap(0, &words);
    }
    if let Some(at) = told["until"].as_u64() {
        let left = span(Wall(at).since(now));
        let _ = writeln!(text, "it ends by itself in {left} ({})", clock(Wall(at)));
    }
    text + &silence(told)
}

/// Orders that hold.
pub(in crate::door) fn orders(told: &Value, now: Wall) -> String {
    let all = list(&told["orders"]);
    if all.is_empty() {
        return "no order holds\n".to_owned();
    }
    let told = |order: &Value| {
        let words = format!("{} {}{}", word(&order["order"]), about(order), elsewhere(order));
        let mut text = wrap(0, &words);
        text += &field("by", &format!("{}: {}", word(&order["by"]), word(&order["reason"])));
        let until = Wall(order["until"].as_u64().unwrap_or_default());
        text + &field("ends", &format!("in {} ({})", span(until.since(now)), clock(until)))
    };
    all.iter().map(told).collect()
}

/// Where mail goes that is to go elsewhere.
fn elsewhere(told: &Value) -> String {
    let to = told["to"].as_str().map_or_else(String::new, |to| format!(" to {to}"));
    let pool =
        told["pool"].as_str().map_or_else(String::new, |pool| format!(" by the pool {pool}"));
    to + &pool
}

/// What it is about: a site goes without saying so.
fn about(told: &Value) -> String {
    let all = ["message", "source", "tenant", "campaign", "domain", "site"];
    let said: Vec<_> =
        all.into_iter().filter_map(|what| Some((what, told[what].as_str()?))).collect();
    match said.as_slice() {
        [("site", name)] => (*name).to_owned(),
        all => {
            all.iter().map(|(what, name)| format!("{what} {name}")).collect::<Vec<_>>().join(", ")
        }
    }
}
