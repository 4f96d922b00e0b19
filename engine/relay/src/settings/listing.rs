//! The settings shown: those in force, and those there could be.

use super::{Entry, Origin, every_key};
use serde_json::{Value as Json, json};

/// The settings in force as TOML, each with where it came from. It can be read back.
#[must_use]
pub fn show(entries: &[Entry], file: &str) -> String {
    let table = |entry: &Entry| (entry.table, entry.index);
    let same_table = |one: &Entry, next: &Entry| table(one) == table(next);
    entries.chunk_by(same_table).map(|keys| show_table(keys, file)).collect()
}

fn show_table(keys: &[Entry], file: &str) -> String {
    let header = match keys.first().map(|entry| (entry.table, entry.index)) {
        None | Some(("", _)) => String::new(),
        Some((name, None)) => format!("\n[{name}]\n"),
        Some((name, Some(_))) => format!("\n[[{name}]]\n"),
    };
    let shown = keys.iter().fold(header, |text, entry| text + &show_key(entry, file));
    // What is part of the program holds without being read back.
    let is_ours = keys.iter().all(|entry| matches!(entry.origin, Origin::Profile(_)));
    if is_ours { commented(&shown) } else { shown }
}

fn commented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("# {line}\n") };
    text.lines().map(line).collect()
}

fn show_key(entry: &Entry, file: &str) -> String {
    let setting = match &entry.value {
        Some(value) => format!("{} = {value}", entry.name),
        None => format!("# {} is left out", entry.name),
    };
    match entry.origin {
        Origin::Default => format!("{setting:40} # default\n"),
        Origin::Profile(name) => format!("{setting:40} # profile of {name}\n"),
        Origin::Line(line) => format!("{setting:40} # {file}:{line}\n"),
    }
}

/// The JSON schema of a settings file, for editors that know TOML.
#[must_use]
pub fn schema() -> Json {
    let mut schema = object();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Ringpost settings");
    for key in every_key() {
        let table = match (key.table, key.index) {
            ("", _) => &mut schema,
            (table, None) => child(&mut schema, table, object),
            (table, Some(_)) => table
                .split('.')
                .fold(&mut schema, |whole, table| &mut child(whole, table, list)["items"]),
        };
        table["properties"][key.name] = field(&key);
        if key.required {
            match &mut table["required"] {
                Json::Array(required) => required.push(json!(key.name)),
                none => *none = json!([key.name]),
            }
        }
    }
    schema
}

fn field(key: &Entry) -> Json {
    let mut field = key.schema.clone();
    field["description"] = json!(key.help);
    // What the host decides is no constant.
    if !["hostname", "shards"].contains(&key.name) {
        let document = key.value.as_ref().map(|value| format!("value = {value}"));
        let default = document.and_then(|text| toml::from_str::<Json>(&text).ok());
        field["default"] = default.map_or(Json::Null, |document| document["value"].clone());
    }
    field
}

fn child<'j>(schema: &'j mut Json, table: &str, new: fn() -> Json) -> &'j mut Json {
    let child = &mut schema["properties"][table];
    if child.is_null() {
        *child = new();
    }
    child
}

fn object() -> Json {
    json!({ "type": "object", "additionalProperties": false, "properties": {} })
}

fn list() -> Json {
    json!({ "type": "array", "items": object() })
}
