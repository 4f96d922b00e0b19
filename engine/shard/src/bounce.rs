//! Bad news: a delivery status notification to the sender, in the same block of the log as
//! the record that its recipients are done. So neither is ever there without the other.

use crate::letter::Report;
use crate::settle;
use crate::shard::Shard;
use event::Event;
use kernel::Kernel;
use mail::dsn;
use spool::{Draft, Settlement};
use std::rc::Rc;

/// Tells the sender, or keeps the recipients open so that the next start tries again.
pub(crate) async fn bounce<K: Kernel>(shard: Rc<Shard<K>>, report: Report) {
    let header = header(&shard, &report).await;
    let message = &report.delivery.message;
    let journal = shard.journal_of(message.id);
    let id = journal.next_id();
    let text = write(&shard, &report, &header, id);
    let to = message.envelope.sender();
    let draft = Draft {
        sender: b"",
        recipients: &[to],
        prefix: b"",
        accepted: shard.kernel.wall(),
        eight_bit: true,
        utf8: message.envelope.utf8(),
        dotted: true,
    };
    let recipients: Vec<u16> = report.verdicts.iter().map(|settled| settled.recipient).collect();
    let first = &report.verdicts[0];
    let settled = Settlement {
        id: message.id,
        recipients: &recipients,
        outcome: first.outcome,
        answer: settle::answer(&report, first),
    };
    let Ok(accepted) = journal.accept_and_settle(id, &text, &draft, &settled).await else { return };
    shard.tell(&Event::Bounced {
        id: message.id,
        bounce: id,
        recipient: &String::from_utf8_lossy(to),
        recipients: recipients.len() as u32,
    });
    shard.own(id, accepted.envelope, text.len() as u64, &accepted.text, None);
}

fn write<K: Kernel>(
    shard: &Shard<K>,
    report: &Report,
    header: &[u8],
    id: event::MessageId,
) -> Vec<u8> {
    let message = &report.delivery.message;
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
        headers: header,
    })
}

/// The header of the message that failed. Without it the bounce still says what is needed.
async fn header<K: Kernel>(shard: &Rc<Shard<K>>, report: &Report) -> Vec<u8> {
    let own = report.delivery.message.envelope.prefix();
    let text = match (&report.delivery.held, report.delivery.places.first()) {
        (Some(held), _) => Some(held.text.clone()),
        (None, Some(place)) => shard.reader(report.delivery.message.id.log).read(place).await.ok(),
        (None, None) => None,
    };
    let mut header = own.to_vec();
    if let Some(text) = text {
        header.extend_from_slice(&text[..mail::header::scan(&text).len]);
    }
    header
}
