//! Which replies a rule is about.

use super::words::{Heard, Word};
use event::{EnhancedCode, Response};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// What was said when the reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Nothing yet: it is how the host greeted.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The final dot, or the last BDAT.
    Text,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Greeting, Self::Hello, Self::Mail, Self::Rcpt, Self::Data, Self::Text];

    /// Its name in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Hello => "hello",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Text => "text",
        }
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|stage| stage.name() == text);
        found.ok_or_else(|| format!("\"{text}\" is no stage; there are {}", all()))
    }
}

/// Reply codes: `"421"`, `"45x"` or `"5xx"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Codes(RangeInclusive<u16>);

impl Codes {
    fn contain(&self, code: u16) -> bool {
        self.0.contains(&code)
    }
}

impl FromStr for Codes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("\"{text}\" is no code; write \"421\", \"45x\" or \"5xx\"");
        let digits = text.trim_end_matches('x');
        let is_code = text.len() == 3
            && digits.starts_with(['4', '5'])
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_code {
            return Err(refused());
        }
        let open = 10_u16.pow((3 - digits.len()) as u32);
        let first = digits.parse::<u16>().map_err(|_| refused())? * open;
        Ok(Self(first..=first + open - 1))
    }
}

/// Enhanced codes: `"5.7.1"`, `"x.7.28"` (temporary or not), `"5.7.606-649"` or `"x.4.x"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EnhancedCodes {
    class: Option<u8>,
    subject: u16,
    details: RangeInclusive<u16>,
}

impl EnhancedCodes {
    fn contain(&self, code: EnhancedCode) -> bool {
        self.class.is_none_or(|class| class == code.class)
            && self.subject == code.subject
            && self.details.contains(&code.detail)
    }

    fn read(text: &str) -> Option<Self> {
        let (class, rest) = text.split_once('.')?;
        let (subject, details) = rest.split_once('.')?;
        let class = match class {
            "x" => None,
            "4" => Some(4),
            "5" => Some(5),
            _ => return None,
        };
        let details = match details.split_once('-') {
            Some((first, last)) => first.parse().ok()?..=last.parse().ok()?,
            None if details == "x" => 0..=999,
            None => details.parse().ok()?..=details.parse().ok()?,
        };
        let whole = !details.is_empty() && *details.end() <= 999;
        whole.then_some(())?;
        Some(Self { class, subject: subject.parse().ok()?, details })
    }
}

impl FromStr for EnhancedCodes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ways = "\"5.7.1\", \"x.7.28\", \"5.7.606-649\" or \"x.4.x\"";
        Self::read(text).ok_or_else(|| format!("\"{text}\" is no enhanced code; write {ways}"))
    }
}

/// Which replies a rule is about: all that fulfil everything it says. What it says nothing of may
/// be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) codes: Vec<Codes>,
    pub(super) enhanced: Vec<EnhancedCodes>,
    pub(super) stages: Vec<Stage>,
    /// One of these is in the text ...
    pub(super) text: Vec<Word>,
    /// ... and one of these ...
    pub(super) with: Vec<Word>,
    /// ... and none of these.
    pub(super) without: Vec<Word>,
}

impl Condition {
    /// Whether it says anything at all.
    pub(super) fn says_something(&self) -> bool {
        !(self.codes.is_empty() && self.enhanced.is_empty() && self.text.is_empty())
    }

    pub(super) fn holds(
        &self,
        response: &Response,
        enhanced: Option<EnhancedCode>,
        stage: Option<Stage>,
        heard: &Heard,
    ) -> bool {
        let code = response.code;
        any(&self.codes, |codes| codes.contain(code))
            && any(&self.enhanced, |codes| enhanced.is_some_and(|code| codes.contain(code)))
            && any(&self.stages, |wanted| stage == Some(*wanted))
            && any(&self.text, |word| heard.has(*word))
            && any(&self.with, |word| heard.has(*word))
            && !self.without.iter().any(|word| heard.has(*word))
    }
}

/// Whether one of them fits, or nothing is asked.
fn any<T>(all: &[T], fits: impl Fn(&T) -> bool) -> bool {
    all.is_empty() || all.iter().any(fits)
}
