//! The end of a shard: nothing new comes in, what is in flight finishes, all is synced.
//!
//! Shards settle for each other, so none may close its logs while another's lanes still run:
//! each says [`Letter::LanesEnded`] to all others, and waits for theirs.

use crate::inbound::Door;
use crate::letter::Letter;
use crate::shard::Shard;
use event::{Event, Tick};
use kernel::{Kernel, Listener};
use smtp::server::Refusal;
use std::rc::Rc;
use std::time::Duration;

/// How far a drain has come.
pub(crate) struct Drain {
    deadline: Tick,
    /// Others whose lanes have ended.
    ended: usize,
    told: bool,
}

impl Drain {
    /// Closes the doors, sends the idle away, and lets lanes finish.
    pub(crate) fn begin<K: Kernel>(
        shard: &Rc<Shard<K>>,
        doors: &[Rc<Door<K>>],
        patience: Duration,
    ) -> Self {
        shard.drain();
        for door in doors {
            door.listener.close();
        }
        shard.watches.dismiss_idle(Refusal::ShuttingDown.line().as_bytes());
        shard.sites.borrow_mut().wake_all();
        Self { deadline: shard.kernel.now() + patience, ended: 0, told: false }
    }

    /// Whether the logs may be closed now.
    pub(crate) fn is_over<K: Kernel>(
        &mut self,
        shard: &Rc<Shard<K>>,
        doors: &[Rc<Door<K>>],
        now: Tick,
    ) -> bool {
        let inside: usize = doors.iter().map(|door| door.inside.get()).sum();
        shard.watches.dismiss_idle(Refusal::ShuttingDown.line().as_bytes());
        // A lane that carries nothing is only closed by the end of the process.
        let quiet = inside == 0 && shard.carrying.get() == 0 && shard.bounces.is_empty();
        if (quiet || now >= self.deadline) && !self.told {
            self.told = true;
            let others = shard.shards.iter().enumerate().filter(|(other, _)| *other != shard.index);
            others.for_each(|(_, other)| other.post(Letter::LanesEnded));
        }
        let all_told = self.told && self.ended + 1 >= shard.shards.len();
        all_told || now >= self.deadline + GRACE
    }
}

/// How much longer than its own deadline a shard waits for the others.
const GRACE: Duration = Duration::from_secs(1);

/// Another shard's lanes have ended. It drains, so we do, whoever was told first.
pub(crate) fn heard<K: Kernel>(
    draining: &mut Option<Drain>,
    shard: &Rc<Shard<K>>,
    doors: &[Rc<Door<K>>],
    patience: Duration,
) {
    draining.get_or_insert_with(|| Drain::begin(shard, doors, patience)).ended += 1;
}

/// Makes durable whatever is not yet, and ends.
pub(crate) async fn finish<K: Kernel>(shard: &Rc<Shard<K>>) {
    for (_, journal) in &shard.journals {
        journal.close().await;
    }
    shard.tell_damage();
    shard.write_gates();
    let recipients = shard.meters().queued_recipients.get();
    shard.tell(&Event::ShardStopped { shard: shard.index as u16, recipients });
    shard.log.flush(usize::MAX).await;
}
