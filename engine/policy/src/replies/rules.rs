//! All rules, in order: the first that fits a reply says what it means.

use super::action::Action;
use super::condition::{Condition, Stage};
use super::providers::{Provider, Providers};
use super::scope::Scopes;
use super::words::{Dictionary, Words};
use super::written::File;
use event::{ReplyClass, Response};
use std::collections::BTreeSet;
use std::fmt;

/// A rule: what it makes of a reply, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called; no other is called so.
    pub name: Box<str>,
    /// Why the host said no.
    pub class: ReplyClass,
    /// Whose quota is spent.
    pub scopes: Scopes,
    /// What is asked for.
    pub action: Action,
    /// Where that is written.
    pub source: Box<str>,
    /// When it was, such as `2026-06`.
    pub date: Box<str>,
    /// It knows the words, and not only a code.
    pub knows_words: bool,
    pub(super) condition: Condition,
}

/// What a reply means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'r> {
    /// Why the host said no.
    pub class: ReplyClass,
    /// Whose quota is spent; none if that is not said.
    pub scopes: Scopes,
    /// What is asked for.
    pub action: Action,
    /// The rule that says so; `None` if none fits.
    pub rule: Option<&'r Rule>,
}

impl Reading<'_> {
    /// What nobody knows anything about.
    const UNKNOWN: Self =
        Self { class: ReplyClass::Other, scopes: Scopes::NONE, action: Action::None, rule: None };

    /// Whether a rule knows the words, and not only the codes.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.rule.is_some_and(|rule| rule.knows_words)
    }
}

/// Why rules could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line it is on, counted from 1; 0 if it is on none.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            line => write!(f, "{}:{line}: {}", self.file, self.text),
        }
    }
}

/// All rules.
#[derive(Debug)]
pub struct Rules {
    all: Vec<Rule>,
    /// Places in `all`, by provider.
    own: Vec<Vec<u16>>,
    /// Places of those for everybody.
    common: Vec<u16>,
    /// Places of those that read no words: they come last.
    by_code: Vec<u16>,
    providers: Providers,
    pub(super) words: Words,
}

impl Rules {
    /// Reads files of rules, each given with its name. The rules of a host's provider are asked first, then
    /// those for everybody, then those that go by codes; among each of these a file's before those of
    /// the files behind it, and a rule before those below it.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut words = Dictionary::default();
        let mut all = Self {
            all: Vec::new(),
            own: Vec::new(),
            common: Vec::new(),
            by_code: Vec::new(),
            providers: Providers::default(),
            words: Dictionary::default().close().map_err(|text| fault("", 0, text))?,
        };
        let mut names = BTreeSet::new();
        for (name, text) in files {
            let added = all.add(text, &mut words, &mut names);
            added.map_err(|(line, text)| fault(name, line, text))?;
        }
        all.words = words.close().map_err(|text| fault("", 0, text))?;
        Ok(all)
    }

    fn add(
        &mut self,
        text: &str,
        words: &mut Dictionary,
        names: &mut BTreeSet<Box<str>>,
    ) -> Result<(), (usize, String)> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| line(text, span.start));
            (line, error.message().to_owned())
        })?;
        let head = file.head();
        let provider = (!file.mx.is_empty()).then(|| self.providers.learn(&file.name, &file.mx));
        for written in file.reply {
            let at = line(text, written.span().start);
            let rule = written.into_inner().rule(&head, words).map_err(|text| (at, text))?;
            if !names.insert(rule.name.clone()) {
                return Err((at, format!("there is another rule \"{}\"", rule.name)));
            }
            let place = u16::try_from(self.all.len());
            let place = place.map_err(|_| (at, "too many rules".to_owned()))?;
            self.all.push(rule);
            self.list(provider, file.by_code).push(place);
        }
        Ok(())
    }

    fn list(&mut self, provider: Option<Provider>, by_code: bool) -> &mut Vec<u16> {
        match provider {
            _ if by_code => &mut self.by_code,
            None => &mut self.common,
            Some(Provider(place)) => {
                let place = usize::from(place);
                if self.own.len() <= place {
                    self.own.resize_with(place + 1, Vec::new);
                }
                &mut self.own[place]
            }
        }
    }

    /// What a reply means that says no. Costs a pass over its text, and a look at each rule that may be
    /// meant; allocates nothing.
    ///
    /// What we say where no peer did is read by its codes alone: no provider said it.
    #[must_use]
    pub fn read(
        &self,
        response: &Response,
        provider: Option<Provider>,
        stage: Option<Stage>,
    ) -> Reading<'_> {
        let enhanced = crate::enhanced(response);
        let heard = self.words.hear(if response.local { "" } else { &response.text });
        let own = provider.and_then(|provider| self.own.get(usize::from(provider.0)));
        let own = own.filter(|_| !response.local).map_or(&[][..], Vec::as_slice);
        let common = if response.local { &[][..] } else { &self.common };
        let rules = [own, common, &self.by_code].into_iter().flatten();
        let mut rules = rules.map(|place| &self.all[usize::from(*place)]);
        let fits = |rule: &&Rule| rule.condition.holds(response, enhanced, stage, &heard);
        let Some(rule) = rules.find(fits) else { return Reading::UNKNOWN };
        let action = rule.action.under(response.code);
        Reading { class: rule.class, scopes: rule.scopes, action, rule: Some(rule) }
    }

    /// The provider that a host is of, by what its MX is called.
    #[must_use]
    pub fn provider_at(&self, host: &str) -> Option<Provider> {
        self.providers.at(host)
    }

    /// The provider of this name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<Provider> {
        self.providers.named(name)
    }

    /// What a provider is called.
    #[must_use]
    pub fn name_of(&self, provider: Provider) -> &str {
        self.providers.name(provider)
    }

    /// The names of all providers, in the order in which they were read.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.providers.names()
    }

    /// All rules, in the order in which they were read.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.all
    }
}

fn fault(file: &str, line: usize, text: String) -> Fault {
    Fault { file: file.to_owned(), line, text }
}

/// The line that holds the byte at `offset`, counted from 1.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
