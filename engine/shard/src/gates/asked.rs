//! What a lane has heard, for the home of its site.

use policy::gate::{Ask, Cause, Quota};
use std::sync::Arc;

/// What a reply asks of keys at a site.
#[derive(Debug)]
pub enum Asked {
    /// Less of these.
    For {
        /// The keys, and what is asked of each.
        asks: Vec<(Quota<'static>, Ask)>,
        /// Who asked.
        cause: Cause,
        /// It was the connection that was turned away, and nothing that came by it.
        is_crowd: bool,
    },
    /// Nothing: what was asked in these words was about the connection.
    Mistaken {
        /// The keys.
        quotas: Vec<Quota<'static>>,
        /// The rule that read the words.
        rule: Arc<str>,
    },
}
