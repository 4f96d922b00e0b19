//! Settings being written: tables of keys, each key with the line that it came from.
//!
//! What the settings would refuse is found out by asking them, and left out with the reason they
//! give ([`Draft::settle`]): so what is printed is always accepted, and nothing that settings check
//! is checked here again.

use super::note::{Notes, plain};
use crate::settings::{self, Fault, Faults, Host};
use std::cmp::Reverse;
use std::fmt::Write as _;
use toml::Value;

/// The line of the file that something came from, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Counted from 1.
    pub(super) line: usize,
    /// The key or the directive, without its value.
    pub(super) what: String,
}

impl Origin {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// A key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) origin: Origin,
    /// Without it the table means nothing.
    is_vital: bool,
}

/// A table of keys, with tables in it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its header, with brackets.
    header: &'static str,
    pub(super) keys: Vec<Key>,
    pub(super) inner: Vec<Self>,
    /// Why it is commented out, if it is.
    asleep: Option<String>,
}

/// All settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// What to know of all of it.
    pub(super) preface: &'static str,
    pub(super) tables: Vec<Table>,
}

/// A key of a draft: its table, the table in that, itself. Without a key, the whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    table: usize,
    inner: Option<usize>,
    key: Option<usize>,
}

/// In this order tables are written.
const ORDER: [&str; 7] =
    ["", "[[listener]]", "[[source]]", "[[route]]", "[[pool]]", "[delivery]", "[[site]]"];

impl Table {
    /// A table with nothing in it.
    pub(super) const fn new(header: &'static str) -> Self {
        Self { header, keys: Vec::new(), inner: Vec::new(), asleep: None }
    }

    /// With a key without which it means nothing.
    pub(super) fn with(
        mut self,
        name: &'static str,
        value: impl Into<Value>,
        origin: &Origin,
    ) -> Self {
        let (value, origin) = (on_one_line(value.into()), origin.clone());
        self.keys.push(Key { name, value, origin, is_vital: true });
        self
    }

    /// Commented out, for this reason.
    pub(super) fn asleep(self, why: &str) -> Self {
        Self { asleep: Some(why.to_owned()), ..self }
    }

    /// Whether it has this header.
    pub(super) fn is(&self, header: &str) -> bool {
        self.header == header
    }

    /// Why it is commented out, if it is.
    pub(super) fn sleeps(&self) -> Option<&str> {
        self.asleep.as_deref()
    }

    /// What is there under this name.
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Puts a key in the place of one of its name.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>, origin: &Origin) {
        self.keys.retain(|key| key.name != name);
        let (value, origin) = (on_one_line(value.into()), origin.clone());
        self.keys.push(Key { name, value, origin, is_vital: false });
    }

    /// As [`Self::set`], but one that is there stays, and the new one is left out.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        value: impl Into<Value>,
        origin: &Origin,
        notes: &mut Notes,
    ) {
        let value = on_one_line(value.into());
        match self.key(name) {
            None => self.set(name, value, origin),
            Some(known) if known.value == value => (),
            Some(known) => {
                let first = known.origin.line;
                let why = format!("`{name}` of {} is set by line {first}", self.title());
                notes.left_out(origin.line, &origin.what, why);
            }
        }
    }

    /// What messages call it.
    fn title(&self) -> String {
        match self.key("name").or_else(|| self.key("domain")) {
            Some(key) => format!("the {} {}", self.header, key.value),
            None if self.header.is_empty() => "the top level".to_owned(),
            None => self.header.to_owned(),
        }
    }
}

impl Draft {
    /// The one table of this name.
    pub(super) fn table(&mut self, header: &'static str) -> &mut Table {
        let place = self.tables.iter().position(|table| table.header == header);
        let place = place.unwrap_or_else(|| {
            self.tables.push(Table::new(header));
            self.tables.len() - 1
        });
        &mut self.tables[place]
    }

    /// The tables of this name.
    pub(super) fn all(&mut self, header: &'static str) -> impl Iterator<Item = &mut Table> {
        self.tables.iter_mut().filter(move |table| table.header == header)
    }

    /// The route of a domain.
    pub(super) fn route(&mut self, domain: &str, origin: &Origin) -> &mut Table {
        let is_its = |table: &Table| {
            table.key("domain").is_some_and(|key| key.value.as_str() == Some(domain))
        };
        let place =
            self.tables.iter().position(|table| table.header == "[[route]]" && is_its(table));
        let place = place.unwrap_or_else(|| {
            self.tables.push(Table::new("[[route]]").with("domain", domain, origin));
            self.tables.len() - 1
        });
        &mut self.tables[place]
    }

    /// How many lines something was made of.
    pub(super) fn lines(&self) -> usize {
        let tables = self.tables.iter().filter(|table| table.asleep.is_none());
        let tables = tables.flat_map(|table| std::iter::once(table).chain(&table.inner));
        let mut lines: Vec<usize> =
            tables.flat_map(|table| &table.keys).map(|key| key.origin.line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.len()
    }

    /// Leaves out what settings refuse, until they are right; and writes them.
    ///
    /// # Errors
    /// They are refused for something that came from no line.
    pub(super) fn settle(
        &mut self,
        file: &str,
        host: &Host,
        notes: &mut Notes,
    ) -> Result<String, Faults> {
        self.arrange();
        loop {
            // A route that says nothing but its domain leads where all do.
            self.tables.retain(|table| !table.is("[[route]]") || table.keys.len() > 1);
            let (text, spots) = self.write(file);
            let Err(faults) = settings::parse("the settings", &text, host) else {
                return Ok(text);
            };
            let mut found: Vec<(Spot, &Fault)> = Vec::new();
            for fault in &faults.0 {
                let spot = fault.line.checked_sub(1).and_then(|line| *spots.get(line)?);
                let Some(spot) = spot.map(|spot| self.least(spot)) else { continue };
                if !found.iter().any(|(known, _)| *known == spot) {
                    found.push((spot, fault));
                }
            }
            if found.is_empty() {
                return Err(faults);
            }
            // From behind, so that what is before keeps its place; of a table that goes as a whole
            // nothing else needs to be taken.
            found.sort_by_key(|(spot, _)| Reverse(*spot));
            for (spot, fault) in found {
                self.leave_out(spot, &reason(fault), notes);
            }
        }
    }

    /// Brings tables into their order, the narrower site above the wider.
    fn arrange(&mut self) {
        let width = |table: &Table| {
            let hosts = table.key("mx").and_then(|key| key.value.as_array()).cloned();
            let labels = |host: &Value| host.as_str().map_or(0, |host| host.split('.').count());
            let least = hosts.unwrap_or_default().iter().map(labels).min().unwrap_or_default();
            usize::MAX - least
        };
        let place = |table: &Table| {
            ORDER.iter().position(|header| *header == table.header).unwrap_or(ORDER.len())
        };
        self.tables.retain(|table| !table.keys.is_empty());
        self.tables.sort_by_key(|table| (place(table), width(table)));
    }

    /// As TOML, and what each line of it is.
    fn write(&self, file: &str) -> (String, Vec<Option<Spot>>) {
        let mut page = Page { file, text: String::new(), spots: Vec::new() };
        page.line(None, &format!("# Made from {file} by `ringpost import`."));
        self.preface.lines().for_each(|line| page.line(None, &format!("# {line}")));
        for (table, outer) in self.tables.iter().enumerate() {
            page.table(outer, Spot { table, inner: None, key: None }, outer.asleep.as_deref());
            for (inner, table_in) in outer.inner.iter().enumerate() {
                let spot = Spot { table, inner: Some(inner), key: None };
                page.table(table_in, spot, outer.asleep.as_deref());
            }
        }
        (page.text, page.spots)
    }

    /// The least that has to go with what is at `spot`.
    fn least(&self, spot: Spot) -> Spot {
        let Some(place) = spot.key else { return spot };
        let table = &self.tables[spot.table];
        let table = spot.inner.map_or(table, |inner| &table.inner[inner]);
        if table.keys[place].is_vital { Spot { key: None, ..spot } } else { spot }
    }

    fn leave_out(&mut self, spot: Spot, why: &str, notes: &mut Notes) {
        let mut tell = |keys: &[Key]| {
            for key in keys {
                notes.left_out(key.origin.line, &key.origin.what, why);
            }
        };
        match (spot.inner, spot.key) {
            (None, None) => {
                let table = self.tables.remove(spot.table);
                tell(&table.keys);
                table.inner.iter().for_each(|table| tell(&table.keys));
            }
            (Some(inner), None) => tell(&self.tables[spot.table].inner.remove(inner).keys),
            (None, Some(key)) => tell(&[self.tables[spot.table].keys.remove(key)]),
            (Some(inner), Some(key)) => {
                tell(&[self.tables[spot.table].inner[inner].keys.remove(key)]);
            }
        }
    }
}

/// A value that takes one line, whatever stood in the file.
fn on_one_line(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(&text)),
        Value::Array(list) => Value::Array(list.into_iter().map(on_one_line).collect()),
        other => other,
    }
}

/// What settings say of a key, in one line.
fn reason(fault: &Fault) -> String {
    // What there is besides a key that is not there, helps nobody.
    if fault.allowed.is_empty() || fault.wrong.contains("is no setting of") {
        return fault.wrong.clone();
    }
    format!("{}; allowed: {}", fault.wrong, fault.allowed)
}

/// A text, and what each line of it is.
struct Page<'f> {
    file: &'f str,
    text: String,
    spots: Vec<Option<Spot>>,
}

impl Page<'_> {
    fn table(&mut self, table: &Table, spot: Spot, asleep: Option<&str>) {
        let mark = if asleep.is_some() { "# " } else { "" };
        if !table.header.is_empty() {
            if spot.inner.is_none() {
                self.line(None, "");
            }
            if let Some(why) = asleep.filter(|_| spot.inner.is_none()) {
                self.line(None, &format!("# {why}"));
            }
            self.line(Some(spot), &format!("{mark}{}", table.header));
        }
        for (place, key) in table.keys.iter().enumerate() {
            let setting = format!("{mark}{} = {}", key.name, key.value);
            let text = format!("{setting:40} # {}:{}", self.file, key.origin.line);
            self.line(Some(Spot { key: Some(place), ..spot }), &text);
        }
    }

    fn line(&mut self, spot: Option<Spot>, text: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{text}");
        self.spots.push(spot);
    }
}
