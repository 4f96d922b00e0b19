//! At a message's owner: what became of its recipients is recorded, logged, and, where it
//! is bad news, told to the sender.

use crate::journal::ReadError;
use crate::letter::{Report, Settled};
use crate::message::Message;
use crate::outbound::Passage;
use crate::shard::Shard;
use event::{Attempt, Event, Labels, Outcome, Response, Sts};
use kernel::Kernel;
use smallvec::SmallVec;
use spool::{Answer, Deferral, Envelope, Label, Settlement};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

impl<K: Kernel> Shard<K> {
    /// Records one attempt. Nothing waits for it: the record rides in the next commit.
    pub(crate) fn settle(self: &Rc<Self>, mut report: Report) {
        report.stages.settled = self.kernel.now();
        match report.message.take() {
            Some(message) => self.settle_known(report, message),
            None => self.kernel.spawn(recall(Rc::clone(self), report)),
        }
    }

    fn settle_known(self: &Rc<Self>, mut report: Report, message: Arc<Message>) {
        report.stages.accepted = message.envelope.accepted();
        let words = words(&message.envelope);
        let labels = labels(&words);
        let sts = self.judged(&report, &message);
        for settled in &report.verdicts {
            self.tell_attempt(&report, &message, (labels, sts), settled);
        }
        self.note_hard_bounces(&report, &message);
        let ended = report.verdicts.iter().filter(|settled| settled.outcome.is_final()).count();
        let accepted = message.envelope.accepted();
        self.ages.borrow_mut().closed(accepted, ended as u64);
        let all = std::mem::take(&mut report.verdicts);
        self.tell_more(&report, &message, &all);
        let mut requests = message.envelope.requests();
        let (mut bad_news, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|settled| {
            // RFC 3461 section 5.2.3: who said nothing wants to hear of failures.
            let notify = requests.about(settled.recipient).notify;
            is_bad_news(settled.outcome) && notify.is_none_or(|notify| notify.failure)
        });
        for group in alike(&others) {
            self.record(&report, group);
        }
        if bad_news.is_empty() {
            return;
        }
        if message.envelope.sender().is_empty() {
            // RFC 5321 section 4.5.5: nobody is told about a bounce, or bounces would multiply.
            self.tell(&Event::BounceDropped { id: report.id, recipients: bad_news.len() as u32 });
            for group in alike(&bad_news) {
                self.record(&report, group);
            }
            return;
        }
        report.message = Some(message);
        for outcome in [Outcome::Failed, Outcome::Expired] {
            let verdicts: Vec<Settled> =
                bad_news.extract_if(.., |settled| settled.outcome == outcome).collect();
            if !verdicts.is_empty() {
                self.bounce(report.about(verdicts));
            }
        }
    }

    /// Sees that a sender hears of what is no failure, where it asked to.
    ///
    /// [RFC 3461 §5.2.2](https://www.rfc-editor.org/rfc/rfc3461#section-5.2.2): a host that knows
    /// what was asked reports itself; for one that does not, we say that it has the message.
    fn tell_more(self: &Rc<Self>, report: &Report, message: &Arc<Message>, all: &[Settled]) {
        if message.envelope.extra().is_empty() || message.envelope.sender().is_empty() {
            return;
        }
        let mut requests = message.envelope.requests();
        let mut wanted = |settled: &&Settled| {
            let Some(notify) = requests.about(settled.recipient).notify else { return false };
            match settled.outcome {
                Outcome::Delivered => notify.success && !report.passed_on,
                Outcome::Deferred => notify.delay && report.turned_late,
                _ => false,
            }
        };
        let news: Vec<Settled> = all.iter().filter(&mut wanted).cloned().collect();
        for group in news.chunk_by(|a, b| a.outcome == b.outcome) {
            let mut news = report.about(group.to_vec());
            news.message = Some(Arc::clone(message));
            self.bounce(news);
        }
    }

    /// Writes one record for recipients that met the same end.
    pub(crate) fn record(&self, report: &Report, group: &[Settled]) {
        let id = report.id;
        let recipients: SmallVec<[u16; 8]> =
            group.iter().map(|settled| settled.recipient).collect();
        let first = &group[0];
        let (recipients, outcome) = (recipients.as_slice(), first.outcome);
        let (attempt, answer) = (report.tried.number(), answer(report, first));
        match first.next {
            Some(due) => {
                self.journal_of(id).defer(&Deferral { id, recipients, attempt, due, answer });
            }
            None => self.journal_of(id).settle(&Settlement { id, recipients, outcome, answer }),
        }
    }

    fn tell_attempt(
        &self,
        report: &Report,
        message: &Message,
        (labels, sts): (Labels<'_>, Option<Sts>),
        settled: &Settled,
    ) {
        let sender = String::from_utf8_lossy(message.envelope.sender());
        let recipient = String::from_utf8_lossy(message.envelope.recipient(settled.recipient));
        let left_by = report.passage.as_deref().and_then(|passage| passage.pool.as_deref());
        let labels = Labels { pool: left_by.or(labels.pool), ..labels };
        self.tell(&Event::Attempt(Attempt {
            id: report.id,
            sender: &sender,
            recipient: &recipient,
            site: &report.site,
            peer: report.peer,
            passage: report.passage.as_deref().map(passage),
            sts,
            outcome: settled.outcome,
            response: &settled.response,
            class: settled.class,
            attempt: report.tried.count(),
            bytes: message.bytes,
            next: settled.next,
            duplicate_possible: settled.duplicate_possible,
            stages: report.stages,
            labels,
        }));
    }

    /// Counts an event and writes its line.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        event.count(self.meters());
        self.log.write(event, self.kernel.wall());
    }
}

/// How long a message that cannot be read just now is left alone.
const UNREAD_PAUSE: Duration = Duration::from_secs(1);

/// Reads a message back for the sake of its names, and records what became of it. If that
/// cannot be done before we end, its recipients are open on disk, and tried again.
async fn recall<K: Kernel>(shard: Rc<Shard<K>>, report: Report) {
    shard.carrying.set(shard.carrying.get() + 1);
    if let Some(message) = shard.recalled(&report).await {
        shard.settle_known(report, Arc::new(message));
    }
    shard.carrying.set(shard.carrying.get() - 1);
}

impl<K: Kernel> Shard<K> {
    /// A message of ours, as it is on disk. One that is damaged is settled all the same, by
    /// nobody's name.
    async fn recalled(&self, report: &Report) -> Option<Message> {
        let id = report.id;
        while let Some(spot) = self.journal_of(id).spot_of(id) {
            match self.reader(id.log).load(id, &spot).await {
                Ok(loaded) => return Some(Message::loaded(loaded.envelope, &spot)),
                Err(ReadError::Damaged) => {
                    self.journal_of(id).suspect(id);
                    break;
                }
                Err(ReadError::Io(_) | ReadError::Moved) if self.draining() => return None,
                Err(ReadError::Io(_) | ReadError::Moved) => {
                    self.kernel.sleep_until(self.kernel.now() + UNREAD_PAUSE).await;
                }
            }
        }
        let last = report.verdicts.iter().map(|settled| settled.recipient).max();
        Some(Message::unreadable(last.unwrap_or(0) + 1, report.stages.accepted))
    }
}

/// What an envelope says of a message under each label, to be shown.
pub(crate) fn words(envelope: &Envelope) -> [Option<Cow<'_, str>>; Label::ALL.len()] {
    Label::ALL.map(|label| envelope.label(label).map(String::from_utf8_lossy))
}

/// Those of them that events tell.
pub(crate) fn labels<'w>(words: &'w [Option<Cow<'_, str>>; Label::ALL.len()]) -> Labels<'w> {
    let [tenant, pool, job, campaign, ..] = words.each_ref().map(Option::as_deref);
    Labels { tenant, pool, job, campaign }
}

/// How a host was reached, to be told.
fn passage(passage: &Passage) -> event::Passage<'_> {
    let tls = passage.tls.as_ref();
    event::Passage {
        host: &passage.host,
        source_address: passage.source_address,
        ehlo: &passage.ehlo,
        tls: tls.map(|tls| tls.version),
        cipher: tls.map(|tls| tls.cipher),
        verified: tls.map(|tls| tls.verified),
        dane: passage.dane,
        in_clear: passage.in_clear.as_deref(),
    }
}

/// What of an answer is kept on disk.
pub(crate) fn answer(report: &Report, settled: &Settled) -> Answer {
    let Response { code, enhanced, .. } = settled.response;
    Answer { code, enhanced, peer: report.peer.map(|peer| peer.ip()) }
}

/// The sender is told of it, unless it asked not to be.
pub(crate) const fn is_bad_news(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::Expired)
}

/// Runs of recipients that share a record.
fn alike(settled: &[Settled]) -> impl Iterator<Item = &[Settled]> {
    settled.chunk_by(|a, b| {
        (a.outcome, a.next, a.response.code) == (b.outcome, b.next, b.response.code)
    })
}
