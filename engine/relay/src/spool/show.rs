//! How figures, moments and addresses are shown.

use event::{MessageId, Wall};
use serde_json::{Value, json};
use spool::{Envelope, Label, Notify, Place, Request, Return};
use std::path::Path;
use std::time::Duration;

/// A date as mail writes it.
pub(super) fn date(at: Wall) -> String {
    let mut text = Vec::new();
    mail::write_date(at, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Bytes, in the unit a person would choose.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) => {
            let tenths = count.saturating_mul(10) / size;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{count} B"),
    }
}

/// A span of time in its two largest units.
pub(super) fn span(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => format!("{} min {} s", secs / 60, secs % 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs / 60 % 60),
        _ => format!("{} d {} h", secs / 86_400, secs / 3_600 % 24),
    }
}

/// Bytes from outside, safe to show: control characters are escaped.
pub(super) fn safe(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let escaped = text.chars().map(|character| {
        if character.is_control() {
            character.escape_default().to_string()
        } else {
            character.to_string()
        }
    });
    escaped.collect()
}

/// A path between its brackets.
pub(super) fn path(address: &[u8]) -> String {
    format!("<{}>", safe(address))
}

/// One thing, or more of it.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Messages by name, a few of them.
pub(super) fn names(ids: &[MessageId]) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<String> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    if ids.len() > SHOWN {
        names.push(format!("and {} more", ids.len() - SHOWN));
    }
    names.join(", ")
}

/// Where something lies.
pub(super) fn place(place: &Place) -> String {
    let Place { segment, offset, len, .. } = place;
    format!("{} at {offset}, {len} bytes", super::read::segment_name(*segment))
}

/// The same for programs.
pub(super) fn place_value(place: &Place) -> Value {
    let Place { segment, offset, len, crc } = place;
    json!({ "segment": segment, "offset": offset, "bytes": len, "crc32c": crc })
}

/// What is known of a message by label, for programs.
pub(super) fn labels(envelope: &Envelope) -> Value {
    let known = Label::ALL.into_iter().filter_map(|label| {
        let value = String::from_utf8_lossy(envelope.label(label)?).into_owned();
        Some((label.name().to_owned(), Value::String(value)))
    });
    Value::Object(known.collect())
}

/// RET, as it is said.
pub(super) const fn returned(what: Return) -> &'static str {
    match what {
        Return::Full => "FULL",
        Return::Headers => "HDRS",
    }
}

/// NOTIFY, as it is said.
pub(super) fn notify(notify: Notify) -> String {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let words: Vec<&str> = words.iter().filter(|word| word.0).map(|word| word.1).collect();
    if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }
}

/// What was asked about a recipient, as it is said; nothing if nothing was.
pub(super) fn request(request: &Request<'_>) -> String {
    let notify = request.notify.map(|said| format!(" NOTIFY={}", notify(said)));
    let original =
        (!request.original.is_empty()).then(|| format!(" ORCPT={}", safe(request.original)));
    notify.into_iter().chain(original).collect()
}

/// The same for programs.
pub(super) fn put_request(request: &Request<'_>, value: &mut Value) {
    value["notify"] = json!(request.notify.map(notify));
    let original = String::from_utf8_lossy(request.original);
    value["orcpt"] = json!((!original.is_empty()).then_some(original));
}

/// A file as the operator would name it.
pub(super) fn file(path: &Path) -> String {
    path.display().to_string()
}
