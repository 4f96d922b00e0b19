//! One line of a delivery log: what a replay reads of it, and what is said of a line that is none.

use event::{EnhancedCode, Response};
use serde::Deserialize;
use std::borrow::Cow;

/// What it tells of. Of what else happens a replay needs to know nothing.
#[derive(Debug)]
pub(super) enum Event<'l> {
    Attempt(Box<Attempt<'l>>),
    DialFailed(DialFailed<'l>),
    Gate(Gate<'l>),
    Other,
}

/// One try at one recipient.
#[derive(Debug, Deserialize)]
pub(super) struct Attempt<'l> {
    pub(super) at: u64,
    #[serde(borrow)]
    pub(super) id: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) sender: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) recipient: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) site: Cow<'l, str>,
    pub(super) host: Option<String>,
    #[serde(borrow)]
    pub(super) outcome: Cow<'l, str>,
    pub(super) code: u16,
    pub(super) enhanced: Option<String>,
    #[serde(borrow)]
    text: Cow<'l, str>,
    pub(super) local: bool,
    category: Option<String>,
    class: Option<String>,
    pub(super) accepted: u64,
    #[serde(default)]
    pub(super) bytes: u64,
    /// Milliseconds since it was accepted.
    pub(super) sent: Option<f64>,
    pub(super) answered: Option<f64>,
}

/// No connection came about.
#[derive(Debug, Deserialize)]
pub(super) struct DialFailed<'l> {
    pub(super) at: u64,
    #[serde(borrow)]
    pub(super) site: Cow<'l, str>,
    pub(super) code: u16,
    pub(super) enhanced: Option<String>,
    #[serde(borrow)]
    text: Cow<'l, str>,
}

/// A host asked for less, or gets more again.
#[derive(Debug, Deserialize)]
pub(super) struct Gate<'l> {
    #[serde(borrow)]
    pub(super) site: Cow<'l, str>,
    #[serde(borrow)]
    scope: Cow<'l, str>,
    value: Option<String>,
    #[serde(borrow)]
    step: Cow<'l, str>,
    /// When it was said.
    pub(super) asked: u64,
    code: u16,
    enhanced: Option<String>,
    #[serde(borrow)]
    text: Cow<'l, str>,
}

/// What every line has.
#[derive(Debug, Deserialize)]
struct Kind<'l> {
    #[serde(borrow)]
    event: Cow<'l, str>,
    #[serde(rename = "at")]
    _at: u64,
}

/// How most lines begin.
const ATTEMPT: &[u8] = b"{\"event\":\"attempt\",";

impl<'l> Event<'l> {
    /// Reads it.
    ///
    /// # Errors
    /// What was expected, and what is there.
    pub(super) fn parse(line: &'l [u8]) -> Result<Self, String> {
        if line.starts_with(ATTEMPT) {
            return read(line, "an attempt").map(|attempt| Self::Attempt(Box::new(attempt)));
        }
        let kind: Kind<'l> = read(line, "an event")?;
        Ok(match &*kind.event {
            "attempt" => Self::Attempt(Box::new(read(line, "an attempt")?)),
            "dial_failed" => Self::DialFailed(read(line, "a failed dial")?),
            "gate" => Self::Gate(read(line, "a step of a gate")?),
            _ => Self::Other,
        })
    }
}

fn read<'l, T: Deserialize<'l>>(line: &'l [u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let error = error.to_string();
        let wrong = error.replace("at line 1 column ", "at byte ");
        format!(
            "expected {what} of the delivery log, one JSON object on a line with \"event\" and \
             \"at\" first: {wrong}"
        )
    })
}

impl Attempt<'_> {
    /// What was said of it.
    pub(super) fn response(&self) -> Response {
        response(self.code, self.enhanced.as_deref(), &self.text)
    }

    /// Why it was not taken, in one of the seventeen words.
    pub(super) fn category(&self) -> &str {
        self.category.as_deref().or(self.class.as_deref()).unwrap_or("other")
    }
}

impl DialFailed<'_> {
    /// What the host said in place of a greeting; `None` if nobody answered, or that was never found out.
    ///
    /// Where no host spoke the line has what we say for it: 451 4.4.x, or 451 4.7.x for a handshake.
    pub(super) fn said(&self) -> Option<Response> {
        let is_ours = self.code == 451;
        (!is_ours).then(|| response(self.code, self.enhanced.as_deref(), &self.text))
    }

    /// Whether nobody answered, or not to the end.
    pub(super) fn is_silence(&self) -> bool {
        let is_of_network = |code: &str| code.starts_with("4.4.");
        self.code == 451 && self.enhanced.as_deref().is_some_and(is_of_network)
    }
}

impl Gate<'_> {
    /// Whether there is less than before.
    pub(super) fn is_less(&self) -> bool {
        matches!(&*self.step, "shut" | "narrowed")
    }

    /// The words.
    pub(super) fn response(&self) -> Response {
        response(self.code, self.enhanced.as_deref(), &self.text)
    }

    /// The domain that sends, if that is meant.
    pub(super) fn sender(&self) -> Option<&str> {
        (self.scope == "mail-from-domain").then_some(self.value.as_deref()?)
    }
}

fn response(code: u16, enhanced: Option<&str>, text: &str) -> Response {
    Response::new(code, enhanced.and_then(|code| code.parse::<EnhancedCode>().ok()), text)
}

#[cfg(test)]
mod tests;
