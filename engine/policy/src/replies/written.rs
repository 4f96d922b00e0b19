//! Rules as they are written: TOML, one file a provider, and files for all.
//!
//! ```toml
//! name = "example"                  # what the provider is called
//! mx = [".mx.example.com"]          # its hosts; left out: the rules are for everybody
//! source = "https://example.com/postmaster"
//! date = "2026-06"                  # when that was so
//!
//! [[reply]]
//! rule = "example-rate"             # unique
//! code = ["4xx"]                    # any of these; left out: any code
//! enhanced = ["x.7.28"]             # any of these
//! stage = ["rcpt"]                  # any of these
//! text = ["too fast", "slow down"]  # one of these is in the text, whatever their case,
//! with = ["your IP"]                # and one of these,
//! without = ["recipient"]           # and none of these
//! class = "policy-related"
//! scope = ["source-address"]        # whose quota is spent
//! action = "suspend"
//! pause = "1h"
//! ```
//!
//! `source` and `date` may stand in a rule as well. With `by_code = true` a file's rules read no
//! words: they come last, and what they classify is counted as unknown.

use super::action::Action;
use super::condition::{Codes, Condition, EnhancedCodes, Stage};
use super::rules::Rule;
use super::scope::Scope;
use super::words::{Dictionary, Word};
use crate::span;
use event::ReplyClass;
use serde::{Deserialize, Deserializer, de};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
use toml::Spanned;

/// A file of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    #[serde(default)]
    pub(super) mx: Vec<String>,
    #[serde(default)]
    pub(super) by_code: bool,
    source: String,
    date: String,
    #[serde(default)]
    pub(super) reply: Vec<Spanned<Written>>,
}

/// A rule of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    rule: String,
    #[serde(default, deserialize_with = "each")]
    code: Vec<Codes>,
    #[serde(default, deserialize_with = "each")]
    enhanced: Vec<EnhancedCodes>,
    #[serde(default, deserialize_with = "each")]
    stage: Vec<Stage>,
    #[serde(default)]
    text: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(deserialize_with = "one")]
    class: ReplyClass,
    #[serde(default, deserialize_with = "each")]
    scope: Vec<Scope>,
    action: String,
    #[serde(default)]
    pause: Option<Pause>,
    source: Option<String>,
    date: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
struct Pause(#[serde(with = "span")] Duration);

impl Written {
    /// The rule that it means.
    pub(super) fn rule(self, file: &FileHead, words: &mut Dictionary) -> Result<Rule, String> {
        let at = |fault| format!("rule \"{}\": {fault}", self.rule);
        let scopes = self.scope.iter().copied().collect();
        let action = Action::new(&self.action, self.pause.map(|pause| pause.0), scopes);
        let mut places = |texts: &[String]| -> Result<Vec<Word>, String> {
            texts.iter().map(|text| words.place(text)).collect()
        };
        let condition = Condition {
            text: places(&self.text).map_err(at)?,
            with: places(&self.with).map_err(at)?,
            without: places(&self.without).map_err(at)?,
            codes: self.code,
            enhanced: self.enhanced,
            stages: self.stage,
        };
        if !condition.says_something() {
            return Err(at("it needs `code`, `enhanced` or `text`".into()));
        }
        let action = action.map_err(at)?;
        Ok(Rule {
            source: self.source.unwrap_or_else(|| file.source.clone()).into(),
            date: self.date.unwrap_or_else(|| file.date.clone()).into(),
            name: self.rule.into(),
            class: self.class,
            scopes,
            action,
            knows_words: !file.by_code,
            condition,
        })
    }
}

/// What a file says for all its rules.
pub(super) struct FileHead {
    source: String,
    date: String,
    by_code: bool,
}

impl File {
    pub(super) fn head(&self) -> FileHead {
        FileHead { source: self.source.clone(), date: self.date.clone(), by_code: self.by_code }
    }
}

fn one<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(source: D) -> Result<T, D::Error> {
    String::deserialize(source)?.parse().map_err(de::Error::custom)
}

fn each<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    source: D,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(source)?;
    texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
}
