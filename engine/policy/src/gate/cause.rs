//! Who asked for something, and in which words.

use crate::rate::Rate;
use event::{ReplyClass, Response, Tick, Wall};
use std::sync::Arc;

/// What a gate stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The rule that read the reply.
    pub rule: Arc<str>,
    /// Whose host said it; `-` for one without a name.
    pub provider: Arc<str>,
    /// Why it said no.
    pub class: ReplyClass,
    /// What it said.
    pub response: Arc<Response>,
    /// When.
    pub at: Wall,
}

/// Why something waits that a gate stands in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hindrance<'g> {
    /// Who asked for it, and in which words.
    pub cause: &'g Cause,
    /// How many connections there may be.
    pub connections: u16,
    /// How many messages in a time, if that is what it is about.
    pub message_rate: Option<Rate>,
    /// When that changes next, if mail goes until then.
    pub next: Tick,
}
