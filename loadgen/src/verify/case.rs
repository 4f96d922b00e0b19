//! All that both ledgers say about one message at one recipient.

use crate::ledger::{Row, Verdict};

/// One message at one recipient.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: u64,
    pub(super) recipient: u64,
    /// The generator's row with the text, accepted or unanswered.
    offered: Option<Row>,
    accepted: u64,
    unanswered: u64,
    refused: u64,
    pub(super) postponed: u64,
    /// The first row that says delivered.
    arrived: Option<Row>,
    pub(super) delivered: u64,
    pub(super) deferred: u64,
    failed: u64,
    /// A delivery attempt came after the sink had said no for good.
    after_failure: bool,
    /// A delivered text was not the one of the first delivery.
    copies_differ: bool,
}

/// What is to be said about it. The first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Accepted, and delivered once as it was.
    Exact,
    /// Accepted, and turned down by the sink for good.
    Failed,
    /// Not accepted, not delivered.
    NotAccepted,
    /// The generator had no answer; it arrived, or it did not.
    Open,
    /// Accepted, and deferred when last heard of.
    Queued,
    /// Accepted, and never seen again.
    Missing,
    /// Delivered, but the text was changed.
    Corrupt,
    /// Delivered though the relay had not accepted it.
    NeverAccepted,
}

impl Case {
    pub(super) fn of(row: &Row) -> Self {
        let mut case = Self {
            id: row.id,
            recipient: row.recipient,
            offered: None,
            accepted: 0,
            unanswered: 0,
            refused: 0,
            postponed: 0,
            arrived: None,
            delivered: 0,
            deferred: 0,
            failed: 0,
            after_failure: false,
            copies_differ: false,
        };
        case.add(row);
        case
    }

    pub(super) const fn is_about(&self, id: u64, recipient: u64) -> bool {
        self.id == id && self.recipient == recipient
    }

    pub(super) fn add(&mut self, row: &Row) {
        match row.verdict {
            Verdict::Accepted => {
                self.accepted += 1;
                self.offered = Some(*row);
            }
            Verdict::Unanswered => {
                self.unanswered += 1;
                self.offered = self.offered.or(Some(*row));
            }
            Verdict::Postponed => self.postponed += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::Delivered => {
                self.delivered += 1;
                self.after_failure |= self.failed > 0;
                let first = self.arrived.get_or_insert(*row);
                self.copies_differ |= (first.body, first.header) != (row.body, row.header);
            }
            Verdict::Deferred => {
                self.deferred += 1;
                self.after_failure |= self.failed > 0;
            }
            Verdict::Failed => {
                self.after_failure |= self.failed > 0;
                self.failed += 1;
            }
            Verdict::Reported
            | Verdict::Stranger
            | Verdict::Broken
            | Verdict::Provider
            | Verdict::End => (),
        }
    }

    pub(super) fn finding(&self, body_only: bool) -> Finding {
        if self.delivered > 0 && self.accepted + self.unanswered == 0 {
            return Finding::NeverAccepted;
        }
        if self.delivered > 0 && self.is_changed(body_only) {
            return Finding::Corrupt;
        }
        match self {
            Self { accepted: 0, unanswered: 1.., .. } => Finding::Open,
            Self { accepted: 0, .. } => Finding::NotAccepted,
            Self { delivered: 1.., .. } => Finding::Exact,
            Self { failed: 1.., .. } => Finding::Failed,
            Self { deferred: 1.., .. } => Finding::Queued,
            _ => Finding::Missing,
        }
    }

    fn is_changed(&self, body_only: bool) -> bool {
        let (Some(offered), Some(arrived)) = (self.offered, self.arrived) else { return false };
        let header_changed = offered.header != arrived.header || offered.bytes != arrived.bytes;
        offered.body != arrived.body || self.copies_differ || (header_changed && !body_only)
    }

    /// Deliveries beyond the first.
    pub(super) const fn duplicates(&self) -> u64 {
        self.delivered.saturating_sub(1)
    }

    /// The relay tried again what had been turned down for good.
    pub(super) const fn is_tried_after_failure(&self) -> bool {
        self.after_failure
    }

    /// Nanoseconds from the relay's 250 to the sink's, where both were.
    pub(super) fn transit(&self) -> Option<u64> {
        let accepted = self.offered.filter(|row| row.verdict == Verdict::Accepted)?;
        Some(self.arrived?.at.saturating_sub(accepted.at))
    }
}
