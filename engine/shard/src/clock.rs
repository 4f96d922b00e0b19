//! The loop of a shard: letters as they come, and ten times a second whatever is due.

use crate::delivery_log;
use crate::drain;
use crate::inbound::{self, Door};
use crate::letter::Letter;
use crate::shard::Shard;
use crate::watch;
use event::{Shut, Tick, Wall};
use kernel::{Kernel, Mailbox};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// The longest time between two looks at the clock.
const TURN: Duration = Duration::from_millis(100);

/// Letters opened, and due deliveries routed, in one turn: tasks with sockets wait meanwhile.
const LETTERS_MAX: usize = 4_096;
const DUE_MAX: usize = 1_024;

/// How long lines of the log wait for the records of what they tell: no longer for a disk that stands still.
const RECORDED_WITHIN: Duration = Duration::from_secs(10);

/// Turns until the shard has drained.
pub(crate) async fn turn<K: Kernel>(
    shard: &Rc<Shard<K>>,
    doors: &[Rc<Door<K>>],
    mut mailbox: Mailbox<Letter>,
    patience: Duration,
) {
    shard.kernel.spawn(keep_log(Rc::clone(shard)));
    let mut swept = Tick::ZERO;
    let mut draining = None;
    loop {
        let mut opened = 0;
        while opened < LETTERS_MAX
            && let Some(letter) = mailbox.take()
        {
            opened += 1;
            match letter {
                Letter::Drain => {
                    draining.get_or_insert_with(|| drain::Drain::begin(shard, doors, patience));
                }
                Letter::Connection(newcomer) => inbound::receive(shard, doors, *newcomer),
                Letter::LanesEnded => drain::heard(&mut draining, shard, doors, patience),
                letter => shard.open(letter),
            }
        }
        let now = shard.kernel.now();
        beat(shard, now);
        if now.since(swept) >= watch::SWEEP {
            let sealed = shard.watches.sweep(now, |peer, heard| shard.note_late(peer, heard));
            shard.meters().tls_connections.set(sealed.connections);
            shard.meters().tls_bytes.set(sealed.bytes);
            shard.sealed_waiting.set(sealed.waiting);
            let resting = shard.hosts.borrow().count(|host| now < host.health.rests_until());
            shard.meters().hosts_at_rest.set(resting as u64);
            shard.measure();
            swept = now;
        }
        if let Some(drain) = &mut draining
            && drain.is_over(shard, doors, now)
        {
            return drain::finish(shard).await;
        }
        if opened < LETTERS_MAX {
            sleep_or_letter(shard, &mut mailbox, now).await;
        } else {
            // More letters wait, and so do the sockets: they come first for a moment.
            shard.kernel.sleep_until(now + Duration::from_millis(1)).await;
        }
    }
}

/// Everything that time makes happen.
fn beat<K: Kernel>(shard: &Rc<Shard<K>>, now: Tick) {
    publish(shard, now);
    shard.tell_damage();
    if shard.draining() {
        return;
    }
    for _ in 0..DUE_MAX {
        let due = shard.queue.borrow_mut().due(now);
        let Some(delivery) = due else { break };
        shard.retry(delivery);
    }
    shard.tend_orders(now);
    shard.tend_gates(now);
    shard.tend_loans(now);
    shard.dial();
}

/// Shows how the shard stands.
fn publish<K: Kernel>(shard: &Rc<Shard<K>>, now: Tick) {
    let meters = shard.meters();
    meters.beat(now);
    meters.open_or_shut(shard.draining().then_some(Shut::Draining).or_else(|| shard.shut()));
    meters.panics.set(shard.kernel.panics());
    let states = || shard.journals.iter().map(|(_, journal)| journal.state());
    meters.commits.set(states().map(|state| state.commits).sum());
    meters.commit_bytes.set(states().map(|state| state.bytes).sum());
    meters.commit_records.set(states().map(|state| state.records).sum());
    meters.spool_segments.set(states().map(|state| state.segments as u64).sum());
    meters.spool_pool_segments.set(states().map(|state| state.pool as u64).sum());
    meters.spool_live_bytes.set(states().map(|state| state.live_bytes).sum());
    meters.spool_reclaim_debt_bytes.set(states().map(|state| state.debt_bytes).sum());
    let closed = states().filter(|state| state.closed.is_some()).count();
    meters.spool_closed_logs.set(closed as u64);
    meters.spool_write_failures.set(states().map(|state| state.failures).sum());
    meters.spool_copies.set(states().map(|state| state.copies).sum());
    meters.spool_messages_damaged.set(states().map(|state| state.damaged).sum());
    let visits = meters.connections_in.get() * shard.visit_bytes.get() as u64;
    meters.connection_bytes.set(visits + shard.shelf.lent() as u64);
    let age = |oldest: Wall| shard.kernel.wall().since(oldest).as_secs();
    meters.oldest_age_seconds.set(shard.ages.borrow().oldest().map_or(0, age));
}

async fn sleep_or_letter<K: Kernel>(
    shard: &Rc<Shard<K>>,
    mailbox: &mut Mailbox<Letter>,
    now: Tick,
) {
    let (due, resume) = {
        let queue = shard.queue.borrow();
        (queue.next_due(), queue.resume_at())
    };
    let soonest = due.into_iter().chain(resume).min().unwrap_or(Tick::NEVER);
    let until = soonest.max(now + Duration::from_millis(1)).min(now + TURN);
    let mut sleep = pin!(shard.kernel.sleep_until(until));
    let mut arrival = pin!(mailbox.arrival());
    poll_fn(|context| {
        if arrival.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        sleep.as_mut().poll(context)
    })
    .await;
}

/// Writes the delivery log now and then, behind the records of what it tells. [`drain::finish`] writes what
/// is left.
async fn keep_log<K: Kernel>(shard: Rc<Shard<K>>) {
    loop {
        shard.kernel.sleep_until(shard.kernel.now() + delivery_log::FLUSH_EVERY).await;
        let bytes = shard.log.gathered();
        let deadline = shard.kernel.now() + RECORDED_WITHIN;
        for (_, journal) in shard.journals.iter().filter(|_| bytes > 0) {
            journal.recorded(deadline).await;
        }
        shard.log.flush(bytes).await;
        shard.meters().log_lines_lost.set(shard.log.lost());
    }
}
