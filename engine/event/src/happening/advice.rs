//! A recipient that mail had better not be sent to any more.

use super::line::Line;
use super::reply;
use crate::{MessageId, ReplyClass, Response};

/// A recipient has hard-bounced so often that whoever keeps lists may want to take it off them. Nothing is
/// done about it here, and it is told once.
#[derive(Clone, Copy, Debug)]
pub struct Advice<'a> {
    /// The message that bounced last.
    pub id: MessageId,
    /// The recipient.
    pub recipient: &'a str,
    /// The site it was sent to; empty if it came to none.
    pub site: &'a str,
    /// How often it has hard-bounced.
    pub bounces: u16,
    /// Why, the last time.
    pub category: ReplyClass,
    /// In which words.
    pub response: &'a Response,
}

impl Advice<'_> {
    /// The fields of its log line, behind the event and the time.
    pub(super) fn fields<'o>(&self, line: Line<'o>) -> Line<'o> {
        let line = line
            .id("id", self.id)
            .text("recipient", self.recipient)
            .text("site", self.site)
            .number("bounces", u64::from(self.bounces))
            .text("category", self.category.name());
        reply(line, self.response)
    }
}
