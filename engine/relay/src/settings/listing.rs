//! The settings shown: those in force, and those there could be.

use super::{Entry, Origin, every_key};
use serde_json::{Map, Value as Json, json};

/// The settings in force as TOML, each with where it came from. It can be read back.
#[must_use]
pub fn show(entries: &[Entry], file: &str) -> String {
    let mut text = String::new();
    let mut table = ("", None);
    for entry in entries {
        if (entry.table, entry.index) != table {
            table = (entry.table, entry.index);
            text += &match table {
                (name, None) => format!("\n[{name}]\n"),
                (name, Some(_)) => format!("\n[[{name}]]\n"),
            };
        }
        let setting = match &entry.value {
            Some(value) => format!("{} = {value}", entry.name),
            None => format!("# {} is left out", entry.name),
        };
        let origin = match entry.origin {
            Origin::Default => "default".to_owned(),
            Origin::Line(line) => format!("{file}:{line}"),
        };
        text += &format!("{setting:40} # {origin}\n");
    }
    text
}

/// The JSON schema of a settings file, for editors that know TOML.
#[must_use]
pub fn schema() -> Json {
    let mut top = Map::new();
    for key in every_key() {
        let mut field = key.schema;
        field["description"] = json!(key.help);
        if let Some(default) = key.value.filter(|_| key.name != "shards" && key.name != "hostname")
        {
            field["default"] = json!(default);
        }
        match (key.table, key.index) {
            ("", _) => {
                top.insert(key.name.to_owned(), field);
            }
            (table, index) => {
                let slot = top
                    .entry(table)
                    .or_insert_with(|| if index.is_some() { list() } else { object() });
                let target = if index.is_some() { &mut slot["items"] } else { slot };
                target["properties"][key.name] = field;
            }
        }
    }
    let mut schema = object();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Ringpost settings");
    schema["properties"] = Json::Object(top);
    schema
}

fn object() -> Json {
    json!({ "type": "object", "additionalProperties": false, "properties": {} })
}

fn list() -> Json {
    json!({ "type": "array", "items": object() })
}
