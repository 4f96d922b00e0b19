//! At a message's owner: what became of its recipients is recorded, logged, and, where it
//! is bad news, told to the sender.

use crate::letter::{Report, Settled};
use crate::shard::Shard;
use event::{Attempt, Event, Outcome, Response};
use kernel::Kernel;
use smallvec::SmallVec;
use spool::{Answer, Deferral, Settlement};
use std::rc::Rc;

impl<K: Kernel> Shard<K> {
    /// Records one attempt. Nothing waits for it: the record rides in the next commit.
    pub(crate) fn settle(self: &Rc<Self>, mut report: Report) {
        report.stages.settled = self.kernel.now();
        for settled in &report.verdicts {
            self.tell_attempt(&report, settled);
        }
        let (mut bad_news, others): (Vec<_>, Vec<_>) =
            report.verdicts.drain(..).partition(|settled| is_bad_news(settled.outcome));
        for group in alike(&others) {
            self.record(&report, group);
        }
        if bad_news.is_empty() {
            return;
        }
        if report.delivery.message.envelope.sender().is_empty() {
            // RFC 5321 section 4.5.5: nobody is told about a bounce, or bounces would multiply.
            self.tell(&Event::BounceDropped {
                id: report.delivery.message.id,
                recipients: bad_news.len() as u32,
            });
            for group in alike(&bad_news) {
                self.record(&report, group);
            }
            return;
        }
        for outcome in [Outcome::Failed, Outcome::Expired] {
            let verdicts: Vec<Settled> =
                bad_news.extract_if(.., |settled| settled.outcome == outcome).collect();
            if !verdicts.is_empty() {
                self.bounce(report.about(verdicts));
            }
        }
    }

    /// Writes one record for recipients that met the same end.
    pub(crate) fn record(&self, report: &Report, group: &[Settled]) {
        let id = report.delivery.message.id;
        let recipients: SmallVec<[u16; 8]> =
            group.iter().map(|settled| settled.recipient).collect();
        let first = &group[0];
        let (recipients, outcome) = (recipients.as_slice(), first.outcome);
        let (attempt, answer) = (report.attempt, answer(report, first));
        match first.next {
            Some(due) => {
                self.journal_of(id).defer(&Deferral { id, recipients, attempt, due, answer });
            }
            None => self.journal_of(id).settle(&Settlement { id, recipients, outcome, answer }),
        }
    }

    fn tell_attempt(&self, report: &Report, settled: &Settled) {
        let message = &report.delivery.message;
        let sender = String::from_utf8_lossy(message.envelope.sender());
        let recipient = String::from_utf8_lossy(message.envelope.recipient(settled.recipient));
        self.tell(&Event::Attempt(Attempt {
            id: message.id,
            sender: &sender,
            recipient: &recipient,
            site: &report.site,
            peer: report.peer,
            outcome: settled.outcome,
            response: &settled.response,
            attempt: report.attempt,
            bytes: message.bytes,
            next: settled.next,
            duplicate_possible: settled.duplicate_possible,
            stages: report.stages,
        }));
    }

    /// Counts an event and writes its line.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        event.count(self.meters());
        self.log.write(event, self.kernel.wall());
    }
}

/// What of an answer is kept on disk.
pub(crate) fn answer(report: &Report, settled: &Settled) -> Answer {
    let Response { code, enhanced, .. } = settled.response;
    Answer { code, enhanced, peer: report.peer.map(|peer| peer.ip()) }
}

fn is_bad_news(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::Expired)
}

/// Runs of recipients that share a record.
fn alike(settled: &[Settled]) -> impl Iterator<Item = &[Settled]> {
    settled.chunk_by(|a, b| {
        (a.outcome, a.next, a.response.code) == (b.outcome, b.next, b.response.code)
    })
}
