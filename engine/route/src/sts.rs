//! MTA-STS: what a domain demands of whoever sends it mail.
//!
//! A domain says in DNS that it has a policy, and which ([`StsRecord`]); the policy itself is kept
//! where only the domain can have put it ([`StsPolicy`]). Both are taken to the letter: a policy
//! that is half understood would be half obeyed.
//!
//! [RFC 8461 §3](https://www.rfc-editor.org/rfc/rfc8461#section-3)

mod record;

pub use record::StsRecord;

use crate::in_our_spelling;
use std::fmt;
use std::time::Duration;

/// The longest policy that is read, in bytes.
/// [RFC 8461 §3.3](https://www.rfc-editor.org/rfc/rfc8461#section-3.3)
pub const STS_BYTES_MAX: usize = 64 * 1_024;
/// The most hosts and patterns of one policy.
pub const STS_PATTERNS_MAX: usize = 64;
/// However short a policy says it lives, it does for so long: it is not fetched more often.
pub const STS_AGE_MIN: Duration = Duration::from_mins(5);
/// However long it says, it lives no longer.
/// [RFC 8461 §3.2](https://www.rfc-editor.org/rfc/rfc8461#section-3.2)
pub const STS_AGE_MAX: Duration = Duration::from_hours(8_766);

/// What a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StsMode {
    /// No mail goes to a host that it does not name, nor to one that does not prove who it is.
    Enforce,
    /// Mail goes as if there were no policy; what would have failed is told.
    Testing,
    /// Nothing any more.
    None,
}

/// What a domain demands of whoever sends it mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsPolicy {
    /// What it asks for.
    pub mode: StsMode,
    /// How long it holds after it was fetched.
    pub age_max: Duration,
    /// The record that stood in DNS when it was fetched.
    pub id: Box<str>,
    /// The hosts it names; behind a `*` stands a dot and what lies above any one label.
    patterns: Box<[Box<str>]>,
}

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPolicy {
    /// It is no text.
    NoText,
    /// This line, counted from 1, is no field.
    Line(usize),
    /// It is of another version, or none.
    Version,
    /// It does not say what it asks for.
    Mode,
    /// It does not say how long it holds.
    Age,
    /// It names no host.
    NoHost,
    /// It names more than [`STS_PATTERNS_MAX`].
    Hosts,
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoText => f.write_str("it is no text"),
            Self::Line(number) => write!(f, "line {number} is no field"),
            Self::Version => f.write_str("`version` is not STSv1"),
            Self::Mode => f.write_str("`mode` is not enforce, testing or none"),
            Self::Age => f.write_str("`max_age` is no number of seconds"),
            Self::NoHost => f.write_str("there is no `mx`"),
            Self::Hosts => write!(f, "there are more than {STS_PATTERNS_MAX} `mx`"),
        }
    }
}

impl StsMode {
    /// As a policy has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

impl StsPolicy {
    /// Reads the policy that is there for the record `id`. Fields that nobody knows are passed
    /// over; of those that may stand once only, the first counts.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(id: &str, text: &[u8]) -> Result<Self, BadPolicy> {
        let text = str::from_utf8(text).map_err(|_| BadPolicy::NoText)?;
        let (mut version, mut mode, mut age) = (None, None, None);
        let mut patterns = Vec::new();
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line).trim_end_matches([' ', '\t']);
            if line.is_empty() {
                continue;
            }
            let (name, value) = field(line).ok_or(BadPolicy::Line(number))?;
            match name {
                "version" => version = version.or(Some(value)),
                "mode" => mode = mode.or(Some(value)),
                "max_age" => age = age.or(Some(value)),
                "mx" if patterns.len() == STS_PATTERNS_MAX => return Err(BadPolicy::Hosts),
                "mx" => patterns.push(pattern(value).ok_or(BadPolicy::Line(number))?),
                _ => (),
            }
        }
        if version != Some("STSv1") {
            return Err(BadPolicy::Version);
        }
        let mode = mode_named(mode.unwrap_or_default()).ok_or(BadPolicy::Mode)?;
        let age_max = seconds(age.unwrap_or_default()).ok_or(BadPolicy::Age)?;
        if patterns.is_empty() && mode != StsMode::None {
            return Err(BadPolicy::NoHost);
        }
        Ok(Self { mode, age_max, id: id.into(), patterns: patterns.into() })
    }

    /// Whether it names a host, which is in the spelling of [`crate::in_our_spelling`]. A `*`
    /// stands for one whole label, the first.
    ///
    /// [RFC 8461 §4.1](https://www.rfc-editor.org/rfc/rfc8461#section-4.1)
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        let above = host.find('.').and_then(|dot| host.get(dot..));
        self.patterns.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(rest) => above == Some(rest),
            None => **pattern == *host,
        })
    }

    /// The hosts it names, as it names them, in our spelling.
    #[must_use]
    pub fn patterns(&self) -> &[Box<str>] {
        &self.patterns
    }
}

/// Name and value of one line.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim_start_matches([' ', '\t']);
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let named = (1..=32).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(inside);
    (named && !value.is_empty() && !value.contains(char::is_control)).then_some((name, value))
}

fn mode_named(name: &str) -> Option<StsMode> {
    [StsMode::Enforce, StsMode::Testing, StsMode::None].into_iter().find(|mode| mode.name() == name)
}

/// How long a policy with this `max_age` holds.
fn seconds(text: &str) -> Option<Duration> {
    let fits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| fits)?;
    Some(Duration::from_secs(seconds).clamp(STS_AGE_MIN, STS_AGE_MAX))
}

/// A host, or `*.` and what lies above.
fn pattern(text: &str) -> Option<Box<str>> {
    let (star, name) = match text.strip_prefix("*.") {
        Some(name) => ("*.", name),
        None => ("", text),
    };
    let name = in_our_spelling(name).filter(|_| text.is_ascii())?;
    Some(format!("{star}{name}").into())
}

#[cfg(test)]
mod tests;
