//! News for the sender: delivery status notifications.
//!
//! Bad news is written in the same block of the log as the record that its recipients are done,
//! so neither is ever there without the other. Of what went well, or is only late, the record
//! goes first: if we crash in between, a sender misses a report, and nobody gets mail twice.

use crate::journal::JournalError;
use crate::letter::Report;
use crate::message::Message;
use crate::settle;
use crate::shard::Shard;
use event::{Event, MessageId, Outcome};
use kernel::{Chunk, Kernel};
use mail::dsn::{self, Action};
use mail::header;
use smtp::dots::Stuffer;
use spool::{Draft, Envelope, Form, Label, Return, Settlement};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// How many bounces are written at one time. Each may hold a part of a text in memory.
const WORKERS_MAX: usize = 16;
/// How long a bounce waits when the log takes nothing.
const PAUSE: Duration = Duration::from_secs(5);

/// Bounces to be written: reports whose recipients are still open on disk.
#[derive(Default)]
pub(crate) struct Bounces {
    waiting: RefCell<VecDeque<Report>>,
    workers: Cell<usize>,
}

impl Bounces {
    /// Whether all are written.
    pub(crate) fn is_empty(&self) -> bool {
        self.workers.get() == 0
    }
}

impl<K: Kernel> Shard<K> {
    /// Sees that the sender hears of this. All recipients of the report met the same end.
    pub(crate) fn bounce(self: &Rc<Self>, report: Report) {
        self.bounces.waiting.borrow_mut().push_back(report);
        self.meters().bounces_waiting.add(1);
        let workers = self.bounces.workers.get();
        if workers < WORKERS_MAX {
            self.bounces.workers.set(workers + 1);
            self.kernel.spawn(work(Worker(Rc::clone(self))));
        }
    }
}

/// Counted while it lives, however it ends.
struct Worker<K: Kernel>(Rc<Shard<K>>);

impl<K: Kernel> Drop for Worker<K> {
    fn drop(&mut self) {
        let workers = &self.0.bounces.workers;
        workers.set(workers.get() - 1);
    }
}

async fn work<K: Kernel>(worker: Worker<K>) {
    let shard = &worker.0;
    loop {
        let next = shard.bounces.waiting.borrow_mut().pop_front();
        let Some(report) = next else { return };
        shard.meters().bounces_waiting.sub(1);
        let message = report.message.clone().expect("who settles knows the message");
        let original = original(shard, &report, &message).await;
        while let Err(error) = write(shard, &report, &message, &original).await {
            if error == JournalError::TooLarge {
                // It would be too large for ever: the outcome is recorded, and nobody is told.
                let (id, recipients) = (report.id, report.verdicts.len() as u32);
                shard.tell(&Event::BounceDropped { id, recipients });
                if is_bound(&report) {
                    shard.record(&report, &report.verdicts);
                }
                break;
            }
            if shard.draining() {
                // Its recipients are open on disk: the next start tries them again.
                return;
            }
            shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
        }
    }
}

/// Whether the recipients it tells of are still open on disk, until it is written.
fn is_bound(report: &Report) -> bool {
    settle::is_bad_news(report.verdicts[0].outcome)
}

/// Makes the bounce ours, and the recipients it tells of done.
async fn write<K: Kernel>(
    shard: &Rc<Shard<K>>,
    report: &Report,
    message: &Message,
    original: &Original,
) -> Result<(), JournalError> {
    let journal = shard.journal_of(report.id);
    let id = journal.next_id();
    let (text, to) = (compose(shard, report, message, original, id), message.envelope.sender());
    let draft = Draft {
        sender: b"",
        recipients: &[to],
        prefix: b"",
        accepted: shard.kernel.wall(),
        eight_bit: !text.is_ascii(),
        utf8: !to.is_ascii(),
        // RFC 8689 section 5: what it tells of the message is guarded like the message.
        requiretls: message.envelope.requiretls(),
        dotted: true,
        form: Form::Stuffed,
        extra: b"",
    };
    let recipients: Vec<u16> = report.verdicts.iter().map(|settled| settled.recipient).collect();
    let first = &report.verdicts[0];
    let settled = Settlement {
        id: report.id,
        recipients: &recipients,
        outcome: first.outcome,
        answer: settle::answer(report, first),
    };
    let accepted = if is_bound(report) {
        journal.accept_and_settle(id, &text, &draft, &settled).await?
    } else {
        journal.accept(id, spool::Text::new(), &text, &draft).await?
    };
    shard.tell(&Event::Bounced {
        id: report.id,
        bounce: id,
        recipient: &String::from_utf8_lossy(to),
        recipients: recipients.len() as u32,
        action: match first.outcome {
            Outcome::Delivered => "relayed",
            Outcome::Deferred => "delayed",
            _ => "failed",
        },
    });
    shard.own(id, accepted, text.len() as u64, &text, None);
    Ok(())
}

fn compose<K: Kernel>(
    shard: &Shard<K>,
    report: &Report,
    message: &Message,
    original: &Original,
    id: MessageId,
) -> Vec<u8> {
    let (now, host) = (shard.kernel.wall(), report.peer.map(|peer| peer.ip()));
    let envelope = &message.envelope;
    let mut requests = envelope.requests();
    let fates: Vec<dsn::Fate<'_>> = report
        .verdicts
        .iter()
        .map(|settled| dsn::Fate {
            recipient: envelope.recipient(settled.recipient),
            original: requests.about(settled.recipient).original,
            action: match settled.outcome {
                Outcome::Expired => Action::Expired,
                Outcome::Delivered => Action::Relayed,
                Outcome::Deferred => Action::Delayed(report.expires),
                Outcome::Failed | Outcome::Dropped => Action::Failed,
            },
            response: &settled.response,
            host,
            at: now,
        })
        .collect();
    dsn::write(&dsn::Report {
        hostname: &shard.hostname,
        to: envelope.sender(),
        id,
        arrived: envelope.accepted(),
        now,
        envid: envelope.label(Label::Envid).unwrap_or_default(),
        fates: &fates,
        headers: &original.header,
        message: original.message.as_deref(),
    })
}

/// What goes back of the message a report is about, in wire form.
struct Original {
    header: Vec<u8>,
    /// All of it, if its sender wants that and it is not too large.
    message: Option<Vec<u8>>,
}

/// The message a report is about. Without it the report still says what is needed.
async fn original<K: Kernel>(shard: &Rc<Shard<K>>, report: &Report, message: &Message) -> Original {
    let text = match &message.text {
        Some(text) => Some(text.clone()),
        None => beginning(shard, report.id).await,
    };
    let text = text.as_deref().unwrap_or_default();
    let form = match message.envelope.form() {
        Form::Stuffed => header::Form::Stuffed,
        Form::Raw { .. } => header::Form::Raw,
    };
    let own = &text[..header::scan(text, form).len];
    let header = wire(&message.envelope, &own[..own.len().min(dsn::HEADERS_MAX)]);
    // RFC 3461 section 4.3: RET is about failures; of all else the header is enough.
    // RFC 8689 section 5: of what requires TLS the header, whatever RET says.
    let wanted = is_bound(report)
        && message.envelope.returned() == Some(Return::Full)
        && !message.envelope.requiretls();
    let fits = !message.envelope.binary() && text.len() <= dsn::MESSAGE_MAX;
    let whole = wanted && fits && text.len() as u64 == message.bytes;
    let message = whole.then(|| {
        let mut whole = wire(&message.envelope, text);
        if !whole.ends_with(b"\r\n") {
            whole.extend_from_slice(b"\r\n");
        }
        whole
    });
    Original { header, message }
}

/// Our header fields, and this much of a text, with the dots that it has on the wire.
fn wire(envelope: &Envelope, text: &[u8]) -> Vec<u8> {
    let mut wire = envelope.prefix().to_vec();
    match envelope.form() {
        Form::Stuffed => wire.extend_from_slice(text),
        Form::Raw { .. } => Stuffer::default().write(text, &mut wire),
    }
    wire
}

/// The first part of a text, if it can be read.
async fn beginning<K: Kernel>(shard: &Rc<Shard<K>>, id: MessageId) -> Option<Chunk> {
    let (spot, reader) = (shard.journal_of(id).spot_of(id)?, shard.reader(id.log));
    let loaded = reader.load(id, &spot).await.ok()?;
    match loaded.text {
        Some(text) => Some(text),
        None => reader.read(loaded.places.first()?).await.ok(),
    }
}
