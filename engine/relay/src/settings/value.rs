//! The kinds of values a setting can have: how each is written, read and shown.

pub(super) use serde_json::Value as Json;

use serde_json::json;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// A kind of value.
pub(super) trait Value: Sized {
    /// The words it may be, if they can be counted: for "did you mean".
    const CHOICES: &'static [&'static str] = &[];
    /// Whether messages must not repeat it.
    const SECRET: bool = false;
    /// What may be written, in words.
    fn allowed() -> String;
    /// Its JSON schema.
    fn schema() -> Json;
    /// Reads it, or says which part of the file does not fit.
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>>;
    /// It in TOML.
    fn show(&self) -> String;
    /// Puts limits into a schema.
    fn bound(_schema: &mut Json, _limits: &RangeInclusive<Self>) {}
}

/// A value that is written as a string and parsed from it.
pub(super) trait Text: Sized {
    /// As [`Value::CHOICES`].
    const CHOICES: &'static [&'static str] = &[];
    /// As [`Value::allowed`].
    fn allowed() -> String;
    /// Parses what stands between the quotes.
    fn parse(text: &str) -> Option<Self>;
    /// What stands between the quotes.
    fn text(&self) -> String;
}

impl<T: Text> Value for T {
    const CHOICES: &'static [&'static str] = T::CHOICES;

    fn allowed() -> String {
        T::allowed()
    }

    fn schema() -> Json {
        match T::CHOICES {
            [] => json!({ "type": "string", "description": T::allowed() }),
            choices => json!({ "enum": choices }),
        }
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        value.get_ref().as_str().and_then(T::parse).ok_or_else(|| value.span())
    }

    fn show(&self) -> String {
        toml::Value::String(self.text()).to_string()
    }
}

impl<V: Value> Value for Vec<V> {
    fn allowed() -> String {
        format!("a list; each element {}", V::allowed())
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": V::schema() })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        let list = value.get_ref().as_array().ok_or_else(|| value.span())?;
        list.iter().map(V::read).collect()
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(V::show).collect::<Vec<_>>().join(", "))
    }
}

impl Value for bool {
    fn allowed() -> String {
        "true or false".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        value.get_ref().as_bool().ok_or_else(|| value.span())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A count.
impl Value for u64 {
    fn allowed() -> String {
        "a whole number".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0 })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        let number = value.get_ref().as_integer();
        let parse = |number: &toml::de::DeInteger<'_>| {
            Self::from_str_radix(number.as_str(), number.radix()).ok()
        };
        number.and_then(parse).ok_or_else(|| value.span())
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn bound(schema: &mut Json, limits: &RangeInclusive<Self>) {
        schema["minimum"] = json!(limits.start());
        schema["maximum"] = json!(limits.end());
    }
}

impl Value for f64 {
    fn allowed() -> String {
        "a number".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "number" })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        number.filter(|number: &Self| number.is_finite()).ok_or_else(|| value.span())
    }

    fn show(&self) -> String {
        format!("{self:?}")
    }

    fn bound(schema: &mut Json, limits: &RangeInclusive<Self>) {
        schema["minimum"] = json!(limits.start());
        schema["maximum"] = json!(limits.end());
    }
}

/// A length of data, written as a number of bytes or with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bytes(pub(super) u64);

impl Bytes {
    /// Largest first.
    const UNITS: [(&'static str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

    fn parse(text: &str) -> Option<Self> {
        let unit =
            Self::UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
        let (number, bytes) = unit?;
        Some(Self(number.trim_end().parse::<u64>().ok()?.checked_mul(*bytes)?))
    }
}

impl Value for Bytes {
    fn allowed() -> String {
        "a number of bytes, or a string with a unit KiB, MiB or GiB, such as \"64 MiB\"".to_owned()
    }

    fn schema() -> Json {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]+ *(KiB|MiB|GiB)$" },
        ] })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        match value.get_ref().as_str() {
            Some(text) => Self::parse(text).ok_or_else(|| value.span()),
            None => u64::read(value).map(Self),
        }
    }

    fn show(&self) -> String {
        let whole = |(_, bytes): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*bytes);
        match Self::UNITS.iter().find(whole) {
            Some((unit, bytes)) => format!("\"{} {unit}\"", self.0 / bytes),
            None => self.0.to_string(),
        }
    }
}

impl Text for Duration {
    fn allowed() -> String {
        "a time with a unit ms, s, m, h or d, such as \"30m\" or \"1h30m\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut sum = Self::ZERO;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, behind) = rest.split_at(digits);
            let letters = behind.len() - behind.trim_start_matches(char::is_alphabetic).len();
            let (unit, behind) = behind.split_at(letters);
            let millis = UNITS_OF_TIME.iter().find(|(name, _)| *name == unit)?.1;
            let part = number.parse::<u64>().ok()?.checked_mul(millis)?;
            sum = sum.checked_add(Self::from_millis(part))?;
            rest = behind;
        }
        Some(sum).filter(|_| !text.is_empty())
    }

    fn text(&self) -> String {
        let mut rest = self.as_millis();
        let part = |(unit, millis): (&str, u64)| {
            let count = rest / u128::from(millis);
            rest %= u128::from(millis);
            if count > 0 { format!("{count}{unit}") } else { String::new() }
        };
        let text: String = UNITS_OF_TIME.into_iter().map(part).collect();
        if text.is_empty() { "0s".to_owned() } else { text }
    }
}

/// In milliseconds, largest first.
const UNITS_OF_TIME: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Text for SocketAddr {
    fn allowed() -> String {
        "an IP address and a port, such as \"127.0.0.1:2525\" or \"[::1]:2525\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Text for PathBuf {
    fn allowed() -> String {
        "a path; a relative one starts at the working directory".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && !text.contains('\0');
        fits.then(|| Self::from(text))
    }

    fn text(&self) -> String {
        self.display().to_string()
    }
}

#[cfg(test)]
mod tests;
