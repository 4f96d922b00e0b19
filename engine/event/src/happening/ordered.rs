//! What an operator ordered.

use super::line::Line;
use crate::Wall;

/// An order about one site.
#[derive(Clone, Copy, Debug)]
pub struct Ordered<'a> {
    /// What: `pause`, `resume` or `flush`.
    pub verb: &'a str,
    /// The site.
    pub site: &'a str,
    /// Who ordered it.
    pub by: &'a str,
    /// And why.
    pub reason: &'a str,
    /// Until when it holds, if it ends by itself.
    pub until: Option<Wall>,
    /// Deliveries of the site that waited for a connection.
    pub ready: u64,
    /// Those that waited for their time.
    pub waiting: u64,
}

impl Ordered<'_> {
    pub(super) fn fields(self, line: Line<'_>) -> Line<'_> {
        line.text("verb", self.verb)
            .text("site", self.site)
            .text("by", self.by)
            .text("reason", self.reason)
            .number_or_null("until", self.until.map(|until| until.0))
            .number("ready", self.ready)
            .number("waiting", self.waiting)
    }
}
