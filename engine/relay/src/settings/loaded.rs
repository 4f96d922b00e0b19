//! A settings file, read.

use super::document::{self, Place, Reader};
use super::fault::{Fault, Faults, Source};
use super::{Entry, Host, Settings};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Settings in force, and how they came to be.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every key, in order, with its origin.
    pub entries: Vec<Entry>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
    /// What was read: its name, and all of it.
    pub(super) document: (String, String),
    /// Where it was read from, and on which machine.
    origin: (Option<PathBuf>, Host),
}

impl Loaded {
    /// What the file is called; empty if there is none.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.document.0
    }

    /// The settings as they are in the file now.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn again(&self) -> Result<Self, Faults> {
        let (path, host) = &self.origin;
        load(path.as_deref(), host)
    }

    /// What to say of a key whose value turned out to be wrong when it was put to use. `index`
    /// counts the tables of its name.
    #[must_use]
    pub fn fault(
        &self,
        (table, index, name): (&'static str, Option<usize>, &'static str),
        wrong: impl Display,
    ) -> Fault {
        let source = Source { name: &self.document.0, text: &self.document.1 };
        let place = Place { table, index, name };
        document::fault(&self.entries, &source, place, wrong, "")
    }
}

/// Reads the settings in `file`; without one, all defaults.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load(file: Option<&Path>, host: &Host) -> Result<Loaded, Faults> {
    let Some(path) = file else { return parse("", "", host) };
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let loaded = parse(&name, &text, host)?;
            Ok(Loaded { origin: (Some(path.to_owned()), host.clone()), ..loaded })
        }
        Err(error) => {
            let wrong = format!("cannot be read: {error}");
            let source = Source { name: &name, text: "" };
            Err(Faults(vec![Fault::at(&source, None, wrong, String::new())]))
        }
    }
}

/// Reads settings from `text`, which messages call `name`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(name: &str, text: &str, host: &Host) -> Result<Loaded, Faults> {
    let source = Source { name, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| {
            Fault::at(&source, error.span(), error.message().to_owned(), String::new())
        };
        return Err(Faults::sorted(errors.iter().map(fault).collect()));
    }
    let mut reader = Reader::new(source);
    let settings = Settings::read(&mut reader.top(Some(table.get_ref())), host);
    settings.check(&mut reader);
    let entries = reader.finish()?;
    let warnings = settings.warnings(&entries, host);
    let document = (name.to_owned(), text.to_owned());
    Ok(Loaded { settings, entries, warnings, document, origin: (None, host.clone()) })
}
