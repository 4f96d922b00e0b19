//! Reading providers: profiles over profiles, files of several, and `key=value` lines.

use super::Provider;
use crate::sink::profiles;
use serde::Deserialize;
use std::fmt;
use std::ops::Range;
use toml::{Spanned, Table, Value};

/// Profiles that extend each other, at most: more is a circle.
const LAYERS_MAX: usize = 8;

/// Why a provider specification is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadProvider(String);

impl fmt::Display for BadProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadProvider {}

/// A text being read, so that a complaint can say where.
#[derive(Clone, Copy)]
struct Source<'t> {
    name: &'t str,
    text: &'t str,
}

impl Source<'_> {
    fn complain(self, at: Option<Range<usize>>, what: impl fmt::Display) -> BadProvider {
        let Some(at) = at else { return BadProvider(format!("{}: {what}", self.name)) };
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        BadProvider(format!("{}:{line}: {what}", self.name))
    }

    /// Reads all of it.
    fn read<T: for<'de> Deserialize<'de>>(self) -> Result<T, BadProvider> {
        toml::from_str(self.text)
            .map_err(|error| self.complain(error.span(), error.message().trim_end()))
    }
}

impl Provider {
    /// Reads a profile: the keys of one provider. `name` is what complaints call it.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn read_profile(name: &str, text: &str) -> Result<Self, BadProvider> {
        let source = Source { name, text };
        source.read::<Self>()?;
        layered(source, Some(&(0..0)), source.read()?, &[])
    }

    /// Reads the `[[provider]]` tables of a providers file. One may extend another above it,
    /// or a profile that ships. `name` is what complaints call the file.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn read_file(name: &str, text: &str) -> Result<Vec<Self>, BadProvider> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File<P> {
            provider: Vec<Spanned<P>>,
        }
        let source = Source { name, text };
        // Read twice: as providers, so that each complaint has its line, and as what was
        // written, so that it can be laid over what it extends.
        source.read::<File<Self>>()?;
        let mut above: Vec<(Table, Self)> = Vec::new();
        for written in source.read::<File<Table>>()?.provider {
            let at = written.span();
            let table = written.into_inner();
            let provider = layered(source, Some(&at), table.clone(), &above)?;
            if provider.listen.is_empty() && provider.hosts.is_empty() {
                let what = format!("provider {}: listen names no address", provider.name);
                return Err(source.complain(Some(at), what));
            }
            above.push((table, provider));
        }
        Ok(above.into_iter().map(|(_, provider)| provider).collect())
    }

    /// Reads `key=value,...`, with the keys of a `[[provider]]` table (`replies.defer` for one
    /// inside another); `listen` takes one address.
    ///
    /// # Errors
    /// What is wrong.
    pub fn read_line(text: &str) -> Result<Self, BadProvider> {
        let mut table = Table::new();
        for part in text.split(',') {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| BadProvider(format!("`{part}` is not key=value")))?;
            let (path, key) = key.trim().rsplit_once('.').unwrap_or(("", key.trim()));
            let mut inner = &mut table;
            for name in path.split('.').filter(|name| !name.is_empty()) {
                let entry = inner.entry(name).or_insert_with(|| Value::Table(Table::new()));
                inner = entry
                    .as_table_mut()
                    .ok_or_else(|| BadProvider(format!("`{name}` holds no keys")))?;
            }
            inner.insert(key.to_owned(), value_of(key, value.trim()));
        }
        let source = Source { name: "provider", text };
        let provider = layered(source, None, table, &[])?;
        if provider.listen.is_empty() && provider.hosts.is_empty() {
            return Err(source.complain(None, "listen names no address"));
        }
        Ok(provider)
    }
}

/// Lays `table` over what it extends, and reads the whole.
fn layered(
    source: Source<'_>,
    at: Option<&Range<usize>>,
    table: Table,
    above: &[(Table, Provider)],
) -> Result<Provider, BadProvider> {
    let complain = |what: String| source.complain(at.cloned(), what);
    let mut whole = table;
    let mut base = extends(&whole);
    for _ in 0..LAYERS_MAX {
        let Some(name) = base else {
            let provider: Provider = whole
                .try_into()
                .map_err(|error: toml::de::Error| complain(error.message().to_owned()))?;
            return match provider.flaw() {
                Some(flaw) => Err(complain(format!("provider {}: {flaw}", provider.name))),
                None => Ok(provider),
            };
        };
        let known = above.iter().rev().find(|(_, provider)| provider.name == name);
        let below = match known {
            Some((table, _)) => table.clone(),
            None => profiles::text(&name).and_then(|text| text.parse().ok()).ok_or_else(|| {
                complain(format!("extends {name}, but {}", profiles::unknown(&name)))
            })?,
        };
        base = extends(&below);
        whole = over(below, whole);
    }
    Err(complain(format!("extends more than {LAYERS_MAX} profiles, or itself")))
}

fn extends(table: &Table) -> Option<String> {
    table.get("extends").and_then(Value::as_str).map(str::to_owned)
}

/// The keys of `upper`, and those of `lower` it does not have.
fn over(mut lower: Table, upper: Table) -> Table {
    for (key, value) in upper {
        let value = match (lower.remove(&key), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => Value::Table(over(lower, upper)),
            (_, value) => value,
        };
        lower.insert(key, value);
    }
    lower
}

/// A value of a command line as the TOML value it stands for.
fn value_of(key: &str, value: &str) -> Value {
    if matches!(key, "listen" | "domains" | "hosts" | "contract") {
        return Value::Array(value.split('+').map(Into::into).collect());
    }
    let number = || value.parse().map(Value::Integer).ok();
    let float = || value.parse().map(Value::Float).ok();
    let truth = || value.parse().map(Value::Boolean).ok();
    number().or_else(float).or_else(truth).unwrap_or_else(|| value.into())
}
