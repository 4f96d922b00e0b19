//! A provider has asked for less, or gets more again.

use super::line::Line;
use super::reply;
use crate::{ReplyClass, Response, Wall};

/// A step of a gate: what a key at a site may have from now on, and why.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    /// The site.
    pub site: &'a str,
    /// What kind of key it is: `site`, `source-address`, `mail-from-domain` or `host`.
    pub scope: &'a str,
    /// Which; `None` for the site.
    pub value: Option<&'a str>,
    /// `shut`, `narrowed`, `widened` or `opened`.
    pub step: &'a str,
    /// How many connections there may be now; `None`: as many as ever.
    pub connections: Option<u16>,
    /// How many messages there may be in a time now, such as `570/m`; `None`: as many as ever, or none.
    pub message_rate: Option<&'a str>,
    /// When that changes next, if mail goes until then; `None`: not of itself.
    pub next: Option<Wall>,
    /// The rule that read the reply.
    pub rule: &'a str,
    /// Whose host said it.
    pub provider: &'a str,
    /// Why.
    pub class: ReplyClass,
    /// What it said.
    pub response: &'a Response,
    /// When.
    pub asked: Wall,
}

impl Gate<'_> {
    /// Whether there may be less than before.
    pub(super) const fn is_less(&self) -> bool {
        matches!(self.step.as_bytes(), b"shut" | b"narrowed")
    }

    /// The fields of its log line, behind the event and the time.
    pub(super) fn fields<'o>(&self, line: Line<'o>) -> Line<'o> {
        let line = line
            .text("site", self.site)
            .text("scope", self.scope)
            .text_or_null("value", self.value)
            .text("step", self.step)
            .number_or_null("connections", self.connections.map(u64::from))
            .text_or_null("message_rate", self.message_rate)
            .number_or_null("next", self.next.map(|next| next.0))
            .text("rule", self.rule)
            .text("provider", self.provider)
            .text("class", self.class.name())
            .number("asked", self.asked.0);
        reply(line, self.response)
    }
}
