//! Who asked for something, and in which words.

use event::{ReplyClass, Response, Wall};
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
