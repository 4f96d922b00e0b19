//! At a message's owner: who hard-bounces again and again.

use crate::letter::{Report, Settled};
use crate::message::Message;
use crate::shard::Shard;
use event::{Advice, Event, Outcome};
use kernel::Kernel;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, PoisonError};

impl<K: Kernel> Shard<K> {
    /// Notes those recipients whose address is of no use, and tells of each that was of none so often
    /// that it had better be suppressed.
    pub(crate) fn note_hard_bounces(&self, report: &Report, message: &Message) {
        let after = self.live.borrow().politeness.suppress_after;
        if after == 0 || !report.verdicts.iter().any(is_hard) {
            return;
        }
        let bounces = Arc::clone(&self.live.borrow().politeness.bounces);
        let now = self.kernel.wall();
        for settled in &report.verdicts {
            let Some(category) = settled.class.filter(|_| is_hard(settled)) else { continue };
            let path = message.envelope.recipient(settled.recipient);
            if path.is_empty() {
                continue;
            }
            let mut all = bounces.lock().unwrap_or_else(PoisonError::into_inner);
            let told = all.note(number(path), after, now);
            drop(all);
            if let Some(bounces) = told {
                self.tell(&Event::SuppressionAdvised(Advice {
                    id: report.id,
                    recipient: &String::from_utf8_lossy(path),
                    site: &report.site,
                    bounces,
                    category,
                    response: &settled.response,
                }));
            }
        }
    }
}

fn is_hard(settled: &Settled) -> bool {
    settled.outcome == Outcome::Failed && settled.class.is_some_and(event::ReplyClass::is_hard)
}

/// What a recipient is known by: no two addresses can be made to share one. Nobody tells mailboxes
/// apart by upper and lower case, whatever RFC 5321 lets them do.
fn number(path: &[u8]) -> u64 {
    let digest = Sha256::digest(path.to_ascii_lowercase());
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_recipient_has_the_same_number_in_every_spelling_and_version() {
        assert_eq!(number(b"Ann@Example.org"), number(b"ann@example.ORG"));
        assert_ne!(number(b"ann@example.org"), number(b"anna@example.org"));
        // It is on disk: it must not change.
        assert_eq!(number(b"ann@example.org"), 0x438c_4c7a_fe60_0cdf);
    }
}
