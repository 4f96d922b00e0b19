//! When a deferred recipient is tried again: `[retry]` says it for all mail and for each class, `[[site]]`
//! for one provider.

use super::document::Section;
use super::value::{Json, Value};
use policy::{Own, Schedule, WAITS_MAX, Waits};
use serde_json::json;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// How long a wait may be.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(7 * 24);
/// By what waits may grow.
const FACTOR: RangeInclusive<f64> = 1.0..=10.0;
/// How old a message may be allowed to grow.
const EXPIRE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(30 * 24);

/// `[retry]`
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// From the first attempt to the second.
    pub first: Duration,
    /// By what each further wait grows.
    pub factor: f64,
    /// The longest wait.
    pub longest: Duration,
    /// The share of a wait that may be added to it by chance.
    pub jitter: f64,
    /// How old a message may grow.
    pub expire: Duration,
    /// How old a message grows before a sender who asked is told that it is late.
    pub delay_notice: Duration,
    /// What transactional mail has of its own.
    pub transactional: Own,
    /// What all other mail has.
    pub bulk: Own,
}

impl Retry {
    pub(super) fn read(retry: &mut Section<'_, '_>) -> Self {
        Self {
            first: retry.bounded(
                "first",
                *WAIT.start()..=Duration::from_hours(24),
                Duration::from_mins(30),
                "From a first deferral to the next attempt. RFC 5321: at least 30 minutes.",
            ),
            factor: retry.bounded(
                "factor",
                FACTOR,
                2.0,
                "By what each further wait is longer than the one before.",
            ),
            longest: retry.bounded(
                "longest",
                WAIT,
                Duration::from_hours(4),
                "No wait grows beyond this.",
            ),
            jitter: retry.bounded(
                "jitter",
                0.0..=1.0,
                0.2,
                "Each wait is made longer by up to this share of it, at random, so that what \
                 was deferred together does not return together.",
            ),
            expire: retry.bounded(
                "expire",
                EXPIRE,
                Duration::from_hours(3 * 24),
                "How old a message may grow before what is left of it is returned.",
            ),
            delay_notice: retry.bounded(
                "delay_notice",
                Duration::from_secs(1)..=Duration::from_hours(30 * 24),
                Duration::from_hours(4),
                "How old a message grows before a sender who asked to be told of delays \
                 (NOTIFY=DELAY) is told, once.",
            ),
            transactional: read_own(retry, ["transactional", "transactional_expire"], OF_URGENT),
            bulk: read_own(retry, ["bulk", "bulk_expire"], OF_BULK),
        }
    }

    /// When all mail is tried again of which nothing else is said.
    #[must_use]
    pub fn usual(&self) -> Schedule {
        Schedule {
            waits: Waits::Growing {
                first: self.first,
                factor_percent: percent(self.factor),
                longest: self.longest,
            },
            jitter_percent: percent(self.jitter),
            expire: self.expire,
            delay_notice: self.delay_notice,
        }
    }
}

const OF_URGENT: [&str; 2] = [
    "The waits between the attempts of transactional mail: a list, of which the last stays, or { first, \
     factor, longest }. Left out: as above. `jitter` is added to these, too.",
    "How old transactional mail may grow. Left out: as `expire`.",
];
const OF_BULK: [&str; 2] =
    ["The same of all other mail.", "How old other mail may grow. Left out: as `expire`."];
const OF_SITE: [&str; 2] = [
    "The waits between the attempts of mail for the site: a list, of which the last stays, or { first, \
     factor, longest }, each longer by up to `jitter` of [retry]. Left out: as there.",
    "How old mail for the site may grow; of this and what [retry] says of its class, the shorter. Left \
     out: as there.",
];

/// What a `[[site]]` has of its own.
pub(super) fn read_of_site(site: &mut Section<'_, '_>) -> Own {
    read_own(site, ["retry", "expire"], OF_SITE)
}

fn read_own(
    section: &mut Section<'_, '_>,
    [waits_name, expire_name]: [&'static str; 2],
    [waits_help, expire_help]: [&'static str; 2],
) -> Own {
    let waits = section.optional(waits_name, waits_help);
    let expire = section.optional::<Duration>(expire_name, expire_help);
    if let Some(expire) = expire.filter(|expire| !EXPIRE.contains(expire)) {
        let wrong = format!("`{expire_name}` cannot be {}", expire.show());
        let (least, most) = (EXPIRE.start().show(), EXPIRE.end().show());
        section.refuse(expire_name, wrong, format!("from {least} to {most}"));
    }
    Own { waits, expire }
}

/// The settings hold the number within a few thousand percent, and not negative.
#[expect(clippy::cast_sign_loss, reason = "limits of the settings")]
fn percent(share: f64) -> u32 {
    (share * 100.0).round() as u32
}

impl Value for Waits {
    fn allowed() -> String {
        let [least, most] = [WAIT.start(), WAIT.end()].map(Value::show);
        format!(
            "1 to {WAITS_MAX} times, such as [\"5m\", \"30m\"], or {{ first = \"5m\", factor = 2.0, \
             longest = \"1h\" }}: each from {least} to {most}, the longest no shorter than the first"
        )
    }

    fn schema() -> Json {
        json!({ "anyOf": [
            { "type": "array", "items": Duration::schema(), "minItems": 1, "maxItems": WAITS_MAX },
            {
                "type": "object",
                "properties": {
                    "first": Duration::schema(),
                    "factor": { "type": "number", "minimum": FACTOR.start(), "maximum": FACTOR.end() },
                    "longest": Duration::schema(),
                },
                "required": ["first", "factor", "longest"],
                "additionalProperties": false,
            },
        ] })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        if value.get_ref().as_array().is_some() {
            let waits = Vec::<Duration>::read(value)?;
            let fits = (1..=WAITS_MAX).contains(&waits.len());
            let fits = fits && waits.iter().all(|wait| WAIT.contains(wait));
            return if fits { Ok(Self::Listed(waits.into())) } else { Err(value.span()) };
        }
        let whole = || value.span();
        let table =
            value.get_ref().as_table().filter(|table| table.len() == 3).ok_or_else(whole)?;
        let key = |name: &str| table.get(name).ok_or_else(whole);
        let (first, longest) = (Duration::read(key("first")?)?, Duration::read(key("longest")?)?);
        let factor = f64::read(key("factor")?)?;
        let fits = WAIT.contains(&first) && WAIT.contains(&longest) && FACTOR.contains(&factor);
        if !fits || longest < first {
            return Err(value.span());
        }
        Ok(Self::Growing { first, factor_percent: percent(factor), longest })
    }

    fn show(&self) -> String {
        match self {
            Self::Listed(waits) => waits.to_vec().show(),
            Self::Growing { first, factor_percent, longest } => {
                let factor = f64::from(*factor_percent) / 100.0;
                let [first, longest] = [first, longest].map(Value::show);
                format!("{{ first = {first}, factor = {}, longest = {longest} }}", factor.show())
            }
        }
    }
}

#[cfg(test)]
mod tests;
