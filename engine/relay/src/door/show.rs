//! What an engine tells, for people: at most 80 columns, the answer first.

mod orders;

pub(super) use orders::{order, orders};

use event::Wall;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// The widest line.
const COLUMNS: usize = 80;
/// Where a table's words begin.
const INDENT: usize = 12;
/// How much of a name a table shows.
const NAME: usize = 26;

/// All sites.
pub(super) fn sites(told: &Value, now: Wall) -> String {
    let sites = list(&told["sites"]);
    let mut text = String::new();
    if !sites.is_empty() {
        text = row("site", ["ready", "waiting", "flying", "conns"], "held by");
    }
    for site in sites {
        let name = match word(&site["site"]) {
            "" => "(not known yet)",
            name => name,
        };
        let conns = format!(
            "{}/{}",
            number(&site["open"]) + number(&site["opening"]),
            number(&site["connections_max"])
        );
        let counts = [&site["ready"], &site["waiting"], &site["in_flight"]].map(thousands);
        let [ready, waiting, flying] = counts;
        text += &row(name, [&ready, &waiting, &flying, &conns], &held(&site["limiter"], now));
    }
    let total = number(&told["sites_total"]);
    let (ready, waiting) = (thousands(&told["ready"]), thousands(&told["waiting"]));
    let (flying, unrouted) = (thousands(&told["in_flight"]), number(&told["unrouted"]));
    let _ = writeln!(
        text,
        "{}; deliveries: {ready} ready, {waiting} waiting for a retry, {flying} on connections",
        count(total, "site")
    );
    if unrouted > 0 {
        let _ = writeln!(text, "{unrouted} more wait to hear from DNS where they go");
    }
    for shut in list(&told["takes_no_mail"]) {
        let _ =
            writeln!(text, "shard {} takes no new mail: {}", shut["shard"], word(&shut["cause"]));
    }
    text + &silence(told)
}

fn row(name: &str, counts: [&str; 4], held: &str) -> String {
    let [ready, waiting, flying, conns] = counts;
    let name = short(name);
    let line = format!("{name:NAME$}{ready:>9}{waiting:>9}{flying:>7}{conns:>8}  {held}");
    line.trim_end().to_owned() + "\n"
}

/// The beginning and the end of a name that is too long.
fn short(name: &str) -> String {
    let length = name.chars().count();
    if length < NAME {
        return name.to_owned();
    }
    let first: String = name.chars().take(NAME / 2 - 2).collect();
    let last: String = name.chars().skip(length - (NAME / 2 - 1)).collect();
    format!("{first}..{last}")
}

/// What keeps a site, in a word or two; nothing that is no trouble.
fn held(limiter: &Value, now: Wall) -> String {
    match word(&limiter["name"]) {
        "" | "idle" | "served" => "-".to_owned(),
        name => match until(limiter, now) {
            Some(left) => format!("{name} {left}"),
            None => name.to_owned(),
        },
    }
}

fn until(limiter: &Value, now: Wall) -> Option<String> {
    let at = limiter["next_at"].as_u64()?;
    Some(span(Wall(at).since(now)))
}

/// Why something does not move.
pub(super) fn why(told: &Value, now: Wall) -> String {
    let mut text = String::new();
    if word(&told["kind"]) == "message" {
        text += &message(told, now);
    }
    if let Some(domain) = told["domain"].as_object().filter(|_| word(&told["kind"]) == "domain") {
        text += &of_domain(&Value::Object(domain.clone()), now);
    }
    if word(&told["kind"]) == "flow" {
        let sites = count(list(&told["sites"]).len() as u64, "site");
        text += &wrap(0, &format!("{}: waits for {sites}", word(&told["asked"])));
    }
    for site in list(&told["sites"]) {
        text += &of_site(site, now);
    }
    text + &silence(told)
}

fn of_domain(domain: &Value, now: Wall) -> String {
    let name = word(&domain["domain"]);
    let mut text = match domain["site"].as_str() {
        Some(site) => wrap(0, &format!("{name}: its mail goes to the site {site}")),
        None => wrap(0, &format!("{name}: where its mail goes is not known")),
    };
    text += &rerouted(&domain["rerouted"], now);
    if number(&domain["unrouted"]) > 0 {
        let waits = format!("{} wait to hear where they go", number(&domain["unrouted"]));
        text += &field("mail", &waits);
    }
    text + &limited(&domain["limiter"], now)
}

fn message(told: &Value, now: Wall) -> String {
    let open = number(&told["open_total"]);
    let expires = told["expires"].as_u64().map_or_else(String::new, |at| {
        format!(", its time is up in {}", span(Wall(at).since(now)))
    });
    let id = word(&told["message"]);
    let mut text = format!("message {id}: {}{expires}\n", count(open, "open recipient"));
    for recipient in list(&told["open"]) {
        let site = recipient["site"]
            .as_str()
            .map_or_else(String::new, |site| format!(", by the site {site}"));
        let tried = count(number(&recipient["attempts"]), "attempt");
        text += &wrap(0, &format!("<{}>: {tried}{site}", word(&recipient["recipient"])));
        text += &rerouted(&recipient["rerouted"], now);
        text += &limited(&recipient["limiter"], now);
    }
    let told = list(&told["open"]).len() as u64;
    if told < open {
        let _ = writeln!(text, "and {} more", open - told);
    }
    text
}

fn of_site(site: &Value, now: Wall) -> String {
    let mut text = wrap(0, &format!("site {}", word(&site["site"])));
    let [ready, waiting, flying] =
        [&site["ready"], &site["waiting"], &site["in_flight"]].map(thousands);
    let connections = format!(
        "{} of at most {}",
        count(number(&site["open"]) + number(&site["opening"]), "connection"),
        number(&site["connections_max"])
    );
    // Connections carry everybody's mail: of a tenant's nobody knows how much.
    let carried = match &site["in_flight"] {
        Value::Null => format!("{connections} for all mail"),
        _ => format!("{flying} on {connections}"),
    };
    text += &field("mail", &format!("{ready} ready, {waiting} waiting for a retry, {carried}"));
    for order in list(&site["rerouted"]) {
        text += &rerouted(order, now);
    }
    // One flow without a name is all there is as a rule.
    let flows = list(&site["flows"]);
    let is_named = |flow: &&Value| {
        flows.len() > 1 || ["tenant", "campaign"].iter().any(|what| !word(&flow[what]).is_empty())
    };
    for flow in flows.iter().filter(is_named) {
        text += &field("flow", &of_flow(flow));
    }
    text += &limited(&site["limiter"], now);
    for then in list(&site["then"]) {
        text += &field("then", &format!("{}: {}", word(&then["name"]), word(&then["text"])));
    }
    for host in list(&site["hosts"]) {
        if let Some(at) = host["rests_until"].as_u64() {
            let (name, left) = (word(&host["host"]), span(Wall(at).since(now)));
            text += &field("host", &format!("{name} could not be reached, rests for {left}"));
        }
    }
    for said in list(&site["replies"]) {
        text += &field("said", &reply(said, now));
    }
    text
}

fn of_flow(flow: &Value) -> String {
    let named = |what: &str| match word(&flow[what]) {
        "" => format!("no {what}"),
        name => format!("{what} {name}"),
    };
    let weight = match number(&flow["weight"]) {
        1 => String::new(),
        weight => format!(" with weight {weight}"),
    };
    let (class, ready) = (word(&flow["class"]), thousands(&flow["ready"]));
    let held = match word(&flow["limiter"]["text"]) {
        "" => String::new(),
        text => format!(": {text}"),
    };
    format!("{ready} ready of {}{weight}, {}, {class}{held}", named("tenant"), named("campaign"))
}

/// The order by which mail goes elsewhere, if there is one.
fn rerouted(order: &Value, now: Wall) -> String {
    let Some(by) = order["by"].as_str() else { return String::new() };
    let until = Wall(number(&order["until"]));
    let words = format!(
        "{} {}, by {by}: {}; it ends in {} ({})",
        word(&order["about"]),
        word(&order["text"]),
        word(&order["reason"]),
        span(until.since(now)),
        clock(until)
    );
    field("rerouted", &words)
}

fn limited(limiter: &Value, now: Wall) -> String {
    let Some(name) = limiter["name"].as_str() else { return String::new() };
    let mut text = field("held by", &format!("{name}: {}", word(&limiter["text"])));
    if let Some(key) = limiter["setting"]["key"].as_str() {
        let place = limiter["setting"]["place"].as_str();
        let place = place.unwrap_or("a default");
        text += &field("set by", &format!("{place}: {key}"));
    }
    let next = word(&limiter["next"]);
    text += &match limiter["next_at"].as_u64() {
        Some(at) => {
            let left = span(Wall(at).since(now));
            field("next", &format!("{next}, in {left} ({})", clock(Wall(at))))
        }
        None => field("next", next),
    };
    text + &field("change", word(&limiter["change"]))
}

fn reply(said: &Value, now: Wall) -> String {
    let at = said["at"].as_u64().unwrap_or_default();
    let ago = span(now.since(Wall(at)));
    let mut text = format!("{ago} ago");
    if let Some(peer) = said["peer"].as_str() {
        let _ = write!(text, ", {peer}");
    }
    let times = number(&said["times"]);
    if times > 1 {
        let _ = write!(text, ", {times} times");
    }
    let _ = write!(text, ": {}", said["code"]);
    if let Some(enhanced) = said["enhanced"].as_str() {
        let _ = write!(text, " {enhanced}");
    }
    let _ = write!(text, " {} ({}", word(&said["text"]), word(&said["class"]));
    if let Some(rule) = said["rule"].as_str() {
        let _ = write!(text, " by {rule}");
    }
    text + ")"
}

/// What new settings are about.
pub(super) fn reload(told: &Value) -> String {
    let keys: Vec<&str> = list(&told["changed"]).iter().filter_map(Value::as_str).collect();
    let is_dry = told["dry_run"] == true;
    let mut text = match (keys.is_empty(), is_dry) {
        (true, _) => {
            "nothing has changed; files that the settings name are read again\n".to_owned()
        }
        (false, true) => wrap(0, &format!("would be in force: {}", keys.join(", "))),
        (false, false) => wrap(0, &format!("in force: {}", keys.join(", "))),
    };
    for warning in list(&told["warnings"]).iter().filter_map(Value::as_str) {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

/// Shards that did not answer.
fn silence(told: &Value) -> String {
    let silent = list(&told["silent_shards"]);
    let names: Vec<String> = silent.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("no answer in time from shard {}: what it has is missing here\n", names.join(", "))
}

/// A line of a table, and more if it is long.
fn field(name: &str, words: &str) -> String {
    let lines = wrap(INDENT, words);
    format!("  {name:<width$}{}", &lines[INDENT..], width = INDENT - 2)
}

/// Words in lines, each behind so many spaces.
fn wrap(indent: usize, words: &str) -> String {
    let (mut text, mut line) = (String::new(), String::new());
    for word in words.split(' ') {
        let room = COLUMNS - indent;
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            let _ = writeln!(text, "{:indent$}{line}", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{:indent$}{line}", "");
    text
}

/// A span of time in its largest units.
fn span(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0 if span.is_zero() => "no time".to_owned(),
        0..60 => format!("{} s", span.as_millis().div_ceil(1_000)),
        60..3_600 => format!("{} min", secs / 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs / 60 % 60),
        _ => format!("{} d {} h", secs / 86_400, secs / 3_600 % 24),
    }
}

/// The time of a day.
fn clock(at: Wall) -> String {
    let secs = at.0 / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02} UTC", secs / 3_600, secs / 60 % 60, secs % 60)
}

fn thousands(value: &Value) -> String {
    let digits = number(value).to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests;
