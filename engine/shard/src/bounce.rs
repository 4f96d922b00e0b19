//! Bad news: a delivery status notification to the sender, in the same block of the log as
//! the record that its recipients are done. So neither is ever there without the other.

use crate::journal::JournalError;
use crate::letter::Report;
use crate::message::Message;
use crate::settle;
use crate::shard::Shard;
use event::{Event, MessageId};
use kernel::{Chunk, Kernel};
use mail::dsn;
use spool::{Draft, Settlement};
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
        let message = report.message.clone().expect("who settles knows the message");
        let header = header(shard, report.id, &message).await;
        while let Err(error) = write(shard, &report, &message, &header).await {
            if error == JournalError::TooLarge {
                // It would be too large for ever: the outcome is recorded, and nobody is told.
                let (id, recipients) = (report.id, report.verdicts.len() as u32);
                shard.tell(&Event::BounceDropped { id, recipients });
                shard.record(&report, &report.verdicts);
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

/// Makes the bounce ours, and the recipients it tells of done.
async fn write<K: Kernel>(
    shard: &Rc<Shard<K>>,
    report: &Report,
    message: &Message,
    header: &[u8],
) -> Result<(), JournalError> {
    let journal = shard.journal_of(report.id);
    let id = journal.next_id();
    let (text, to) = (compose(shard, report, message, header, id), message.envelope.sender());
    let draft = Draft {
        sender: b"",
        recipients: &[to],
        prefix: b"",
        accepted: shard.kernel.wall(),
        eight_bit: !text.is_ascii(),
        utf8: !to.is_ascii(),
        dotted: true,
    };
    let recipients: Vec<u16> = report.verdicts.iter().map(|settled| settled.recipient).collect();
    let first = &report.verdicts[0];
    let settled = Settlement {
        id: report.id,
        recipients: &recipients,
        outcome: first.outcome,
        answer: settle::answer(report, first),
    };
    let accepted = journal.accept_and_settle(id, &text, &draft, &settled).await?;
    shard.tell(&Event::Bounced {
        id: report.id,
        bounce: id,
        recipient: &String::from_utf8_lossy(to),
        recipients: recipients.len() as u32,
    });
    shard.own(id, accepted, text.len() as u64, &text);
    Ok(())
}

fn compose<K: Kernel>(
    shard: &Shard<K>,
    report: &Report,
    message: &Message,
    headers: &[u8],
    id: MessageId,
) -> Vec<u8> {
    let (now, host) = (shard.kernel.wall(), report.peer.map(|peer| peer.ip().to_string()));
    let failures: Vec<dsn::Failure<'_>> = report
        .verdicts
        .iter()
        .map(|settled| dsn::Failure {
            recipient: message.envelope.recipient(settled.recipient),
            response: &settled.response,
            expired: settled.outcome == event::Outcome::Expired,
            host: host.as_deref(),
            at: now,
        })
        .collect();
    dsn::write(&dsn::Report {
        hostname: &shard.hostname,
        to: message.envelope.sender(),
        id,
        arrived: message.envelope.accepted(),
        now,
        failures: &failures,
        headers,
    })
}

/// The header of the message that failed. Without it the bounce still says what is needed.
async fn header<K: Kernel>(shard: &Rc<Shard<K>>, id: MessageId, message: &Message) -> Vec<u8> {
    let text = match &message.text {
        Some(text) => Some(text.clone()),
        None => beginning(shard, id).await,
    };
    let mut header = message.envelope.prefix().to_vec();
    if let Some(text) = text {
        let own = &text[..mail::header::scan(&text).len];
        header.extend_from_slice(&own[..own.len().min(dsn::HEADERS_MAX)]);
    }
    header
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
