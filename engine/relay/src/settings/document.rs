//! Stage one: what was written, key by key, each with the line it stands on.
//!
//! A reader declares every key once, in code: its name, its default, what it is for. From
//! that one declaration come the value, the refusal of everything else, the listing of
//! `config show` and the JSON schema. Nothing is refused twice and nothing stops at the
//! first mistake: all faults are gathered.

use super::entry::{Entry, Origin};
use super::fault::{Fault, Faults, Source};
use super::nearness::nearest;
use super::value::Value;
use std::cell::Cell;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads one document and remembers everything it met.
#[derive(Debug)]
pub(super) struct Reader<'d> {
    source: Source<'d>,
    template: bool,
    entries: Vec<Entry>,
    faults: Vec<Fault>,
    /// A byte of the file and its line: the next one asked for is near it.
    last: Cell<(usize, usize)>,
    /// Whose key of another table a stray one is: by its name and its table's.
    home_of: fn(&str, &str) -> Option<String>,
}

impl<'d> Reader<'d> {
    /// A reader of `source`.
    pub(super) fn new(source: Source<'d>) -> Self {
        Self {
            source,
            template: false,
            entries: Vec::new(),
            faults: Vec::new(),
            last: Cell::new((0, 1)),
            home_of: super::home_of,
        }
    }

    /// A reader of a file that is not the settings.
    pub(super) fn of_another(source: Source<'d>) -> Self {
        Self { home_of: |_, _| None, ..Self::new(source) }
    }

    /// A reader that meets every key there is, none of them written.
    pub(super) fn of_template() -> Self {
        Self { template: true, ..Self::new(Source { name: "", text: "" }) }
    }

    /// Starts at the top level of `table`.
    pub(super) fn top<'r>(&'r mut self, table: Option<&'d DeTable<'d>>) -> Section<'r, 'd> {
        let (known, beneath) = Default::default();
        Section { reader: self, name: "", index: None, table, whole: None, known, beneath }
    }

    /// Refuses what was written for a key, for a reason found after it was read.
    pub(super) fn refuse(&mut self, place: Place, wrong: impl Display, allowed: impl Display) {
        self.faults.push(fault(&self.entries, &self.source, place, wrong, allowed));
    }

    /// Whether anything was written for a key, if only something that was refused.
    pub(super) fn is_written(&self, place: Place) -> bool {
        let entry = self.entries.iter().find(|entry| place.is(entry));
        entry.is_some_and(|entry| matches!(entry.origin, Origin::Line(_)))
    }

    /// The line that holds the byte at `offset`, counted from 1.
    fn line(&self, offset: usize) -> usize {
        let (known, line) = self.last.get();
        let between = offset.min(known)..offset.max(known);
        let bytes = self.source.text.as_bytes().get(between).unwrap_or_default();
        let ends = bytes.split(|byte| *byte == b'\n').skip(1).count();
        let line = if offset >= known { line + ends } else { line - ends };
        self.last.set((offset, line));
        line
    }

    /// What was read, in the order it was declared.
    ///
    /// # Errors
    /// All faults, in the order of their lines.
    pub(super) fn finish(self) -> Result<Vec<Entry>, Faults> {
        if self.faults.is_empty() { Ok(self.entries) } else { Err(Faults::sorted(self.faults)) }
    }
}

/// What is wrong with the key at `place`.
pub(super) fn fault(
    entries: &[Entry],
    source: &Source<'_>,
    place: Place,
    wrong: impl Display,
    allowed: impl Display,
) -> Fault {
    let entry = entries.iter().find(|entry| place.is(entry));
    let span = entry.and_then(|entry| entry.span.clone());
    Fault::at(source, span, wrong.to_string(), allowed.to_string())
}

/// The name of one key in one table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) table: &'static str,
    pub(super) index: Option<usize>,
    pub(super) name: &'static str,
}

impl Place {
    fn is(&self, entry: &Entry) -> bool {
        (self.table, self.index, self.name) == (entry.table, entry.index, entry.name)
    }
}

/// One table being read. What is left when it is dropped is unknown, and refused.
pub(super) struct Section<'r, 'd> {
    reader: &'r mut Reader<'d>,
    name: &'static str,
    index: Option<usize>,
    table: Option<&'d DeTable<'d>>,
    /// The table's own header or braces.
    whole: Option<Range<usize>>,
    known: Vec<&'static str>,
    /// Who says what of keys that nobody wrote, if that is not the default.
    beneath: Vec<(&'static str, Origin)>,
}

impl<'d> Section<'_, 'd> {
    /// The defaults of these keys from now on are somebody's.
    pub(super) fn beneath(&mut self, keys: Vec<(&'static str, Origin)>) {
        self.beneath = keys;
    }

    /// Whether nothing was written, and every key there is is met.
    pub(super) const fn is_template(&self) -> bool {
        self.reader.template
    }

    /// Further keys that hold, of the table of their name that has this index.
    pub(super) fn adopt(&mut self, index: usize, entries: Vec<Entry>) {
        let placed = |entry| Entry { index: Some(index), ..entry };
        self.reader.entries.extend(entries.into_iter().map(placed));
    }

    /// A key that may be left out.
    pub(super) fn optional<V: Value>(
        &mut self,
        name: &'static str,
        help: &'static str,
    ) -> Option<V> {
        let value = self.written::<V>(name);
        self.declare::<V>(name, help, value.as_ref().map(Value::show));
        value
    }

    /// A key with a default.
    pub(super) fn key<V: Value>(
        &mut self,
        name: &'static str,
        default: V,
        help: &'static str,
    ) -> V {
        let value = self.written(name).unwrap_or(default);
        self.declare::<V>(name, help, Some(value.show()));
        value
    }

    /// A key that must be written wherever its table is.
    pub(super) fn required<V: Value>(
        &mut self,
        name: &'static str,
        help: &'static str,
    ) -> Option<V> {
        if self.table.is_some_and(|table| !table.contains_key(name)) {
            let wrong = format!("{} has no `{name}`", self.title());
            let span = self.whole.clone();
            let fault = Fault::at(&self.reader.source, span, wrong, V::allowed());
            self.reader.faults.push(fault);
        }
        let value = self.optional(name, help);
        if let Some(entry) = self.reader.entries.last_mut() {
            entry.required = true;
        }
        value
    }

    /// A key with a default and limits, both ends included.
    pub(super) fn bounded<V: Value + PartialOrd>(
        &mut self,
        name: &'static str,
        limits: RangeInclusive<V>,
        default: V,
        help: &'static str,
    ) -> V {
        let value = self.key(name, default, help);
        let (least, most) = (limits.start().show(), limits.end().show());
        if !limits.contains(&value) {
            let wrong = format!("`{name}` cannot be {}", value.show());
            self.refuse(name, wrong, format!("from {least} to {most}"));
        }
        if let Some(entry) = self.reader.entries.last_mut() {
            V::bound(&mut entry.schema, &limits);
        }
        value
    }

    /// A table of its own, read by `read` whether it was written or not.
    pub(super) fn table<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Section<'_, 'd>) -> T,
    ) -> T {
        self.known.push(name);
        let (mut table, mut whole) = (None, None);
        if let Some(value) = self.find(name) {
            table = value.get_ref().as_table();
            whole = Some(value.span());
            if table.is_none() {
                self.misfit(name, value, &format!("a table: [{name}]"));
            }
        }
        let reader = &mut *self.reader;
        let (known, beneath) = Default::default();
        read(&mut Section { reader, name, index: None, table, whole, known, beneath })
    }

    /// A list of tables, each read by `read`; `unwritten` of them if there is none. A list inside
    /// tables of another has the name of that one in front, and its tables are counted through.
    pub(super) fn tables<T>(
        &mut self,
        name: &'static str,
        unwritten: usize,
        mut read: impl FnMut(&mut Section<'_, 'd>) -> T,
    ) -> Vec<T> {
        let key = name.rsplit('.').next().unwrap_or(name);
        self.known.push(key);
        let mut ours = self.reader.entries.iter().rev().filter(|entry| entry.table == name);
        let first = ours.find_map(|entry| entry.index).map_or(0, |last| last + 1);
        let unwritten = if self.reader.template { 1 } else { unwritten };
        let mut found = vec![(None, None); unwritten];
        if let Some(value) = self.find(key) {
            found = self.elements(name, value);
            if unwritten > 0 && value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
                self.misfit(
                    name,
                    value,
                    &format!("one [[{name}]] or more, or none written at all"),
                );
            }
        }
        let read_one = |(index, (table, whole))| {
            let reader = &mut *self.reader;
            let index = Some(first + index);
            let (known, beneath) = Default::default();
            read(&mut Section { reader, name, index, table, whole, known, beneath })
        };
        found.into_iter().enumerate().map(read_one).collect()
    }

    /// Refuses what was written for `name`.
    pub(super) fn refuse(
        &mut self,
        name: &'static str,
        wrong: impl Display,
        allowed: impl Display,
    ) {
        let place = Place { table: self.name, index: self.index, name };
        self.reader.refuse(place, wrong, allowed);
    }

    fn elements(
        &mut self,
        name: &str,
        value: &'d Spanned<DeValue<'d>>,
    ) -> Vec<(Option<&'d DeTable<'d>>, Option<Range<usize>>)> {
        let allowed = format!("tables in double brackets: [[{name}]]");
        let Some(list) = value.get_ref().as_array() else {
            self.misfit(name, value, &allowed);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in list {
            match element.get_ref().as_table() {
                Some(table) => tables.push((Some(table), Some(element.span()))),
                None => self.misfit(name, element, &allowed),
            }
        }
        tables
    }

    fn find(&self, name: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table?.get(name)
    }

    fn written<V: Value>(&mut self, name: &'static str) -> Option<V> {
        let value = self.find(name)?;
        match V::read(value) {
            Ok(value) => Some(value),
            Err(wrong) if V::SECRET => {
                let told = format!("`{name}` cannot be what is written");
                let fault = Fault::at(&self.reader.source, Some(wrong), told, V::allowed());
                self.reader.faults.push(fault);
                None
            }
            Err(wrong) => {
                self.misfit_at(name, wrong, &V::allowed(), V::CHOICES);
                None
            }
        }
    }

    fn misfit(&mut self, name: &str, value: &Spanned<DeValue<'_>>, allowed: &str) {
        self.misfit_at(name, value.span(), allowed, &[]);
    }

    fn misfit_at(&mut self, name: &str, span: Range<usize>, allowed: &str, choices: &[&str]) {
        let source = self.reader.source;
        let written = source.text.get(span.clone()).unwrap_or_default();
        let written = written.lines().next().unwrap_or_default();
        let mut wrong = format!("`{name}` cannot be {written}");
        if let Some(near) = nearest(written.trim_matches(['"', '\'']), choices) {
            wrong = format!("{wrong}; did you mean \"{near}\"?");
        }
        self.reader.faults.push(Fault::at(&source, Some(span), wrong, allowed.to_owned()));
    }

    fn declare<V: Value>(&mut self, name: &'static str, help: &'static str, value: Option<String>) {
        self.known.push(name);
        let span = self.find(name).map(Spanned::span);
        let line = |span: &Range<usize>| Origin::Line(self.reader.line(span.start));
        let beneath = self.beneath.iter().find(|(key, _)| *key == name);
        let beneath = beneath.map_or(Origin::Default, |(_, origin)| *origin);
        self.reader.entries.push(Entry {
            table: self.name,
            index: self.index,
            name,
            value,
            origin: span.as_ref().map_or(beneath, line),
            help,
            required: false,
            schema: V::schema(),
            span,
        });
    }

    /// What the operator calls this table.
    fn title(&self) -> String {
        match (self.name, self.index) {
            ("", _) => "the top level".to_owned(),
            (name, None) => format!("[{name}]"),
            (name, Some(_)) => format!("[[{name}]]"),
        }
    }
}

impl Drop for Section<'_, '_> {
    /// Refuses every key nobody asked for.
    fn drop(&mut self) {
        let Some(table) = self.table else { return };
        for key in table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let mut wrong = format!("`{name}` is no setting of {}", self.title());
            if let Some(home) = (self.reader.home_of)(name, self.name) {
                wrong = format!("{wrong}; it belongs in {home}");
            } else if let Some(near) = nearest(name, &self.known) {
                wrong = format!("{wrong}; did you mean `{near}`?");
            }
            let allowed = self.known.join(", ");
            self.reader.faults.push(Fault::at(
                &self.reader.source,
                Some(key.span()),
                wrong,
                allowed,
            ));
        }
    }
}
