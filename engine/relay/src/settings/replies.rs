//! What hosts say, and whether it is heeded.

use super::document::Section;
use std::path::PathBuf;

/// The part of `[delivery]` that is about replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replies {
    /// Files of rules that are asked before ours.
    pub rules: Vec<PathBuf>,
    /// Whether what hosts ask for is done, where a site does not say otherwise.
    pub heeded: bool,
    /// After so many hard bounces of a recipient it is told; 0: never.
    pub suppress_after: u16,
}

impl Replies {
    pub(super) fn read(delivery: &mut Section<'_, '_>) -> Self {
        Self {
            rules: delivery.key(
                "reply_rules",
                Vec::new(),
                "Files with rules of your own for what hosts say, written as ours are; they are asked \
                 first. `ringpost reply` shows what a reply means.",
            ),
            heeded: delivery.key(
                "heed_replies",
                true,
                "Whether what hosts ask for is done: whose quota is spent waits, or gets fewer \
                 connections, and nothing else slows. With false a reply only says why, in the log.",
            ),
            suppress_after: delivery.bounded(
                "suppress_after",
                0..=1_000,
                0,
                "After so many hard bounces of a recipient (bad-mailbox, inactive-mailbox, bad-domain), \
                 with no more than 90 days between two, the log says `suppression_advised`, once. \
                 Nothing is suppressed. 0: never.",
            ) as u16,
        }
    }
}

/// The same of a `[[site]]`.
pub(super) fn read_heeded(site: &mut Section<'_, '_>, usual: bool) -> bool {
    site.key(
        "heed_replies",
        usual,
        "Whether what its hosts ask for is done. Left out: as in [delivery].",
    )
}
