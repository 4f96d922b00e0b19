//! Taking connections, and finding each the shard that serves it.

use super::{pace, session};
use crate::crowd::Place;
use crate::letter::Letter;
use crate::setup::Gate;
use crate::shard::Shard;
use kernel::{Arrival, Kernel, Listener, Stream};
use smtp::server::Refusal;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long we wait when the system has no descriptor or memory for another connection.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// One listening socket and those who came in by it and are served here.
pub(crate) struct Door<K: Kernel> {
    pub(crate) gate: Gate,
    pub(crate) listener: K::Listener,
    /// Which of the doors, the same on every shard.
    pub(crate) index: usize,
    pub(crate) inside: Cell<usize>,
}

impl<K: Kernel> Door<K> {
    /// Whether there are so many inside that nobody may dawdle.
    pub(super) fn is_crowded(&self) -> bool {
        let inside = self.gate.inside.load(Ordering::Relaxed);
        pace::is_crowded(inside as u64, self.gate.connections_max as u64)
    }
}

/// A connection on its way to the shard that has the fewest.
#[derive(Debug)]
pub struct Newcomer {
    /// The door it came in by.
    door: usize,
    arrival: Arrival,
    place: Place,
}

/// Takes connections until the listener is closed. Never cancelled.
pub(crate) async fn accept<K: Kernel>(shard: Rc<Shard<K>>, door: Rc<Door<K>>) {
    while !shard.draining() {
        match door.listener.take().await {
            Ok(arrival) => welcome(&shard, &door, arrival),
            Err(_) if shard.draining() => return,
            Err(_) => {
                let words = door.gate.first_words(Refusal::NoResources);
                let away = door.listener.turn_away(words);
                shard.meters().connections_turned_away.add(u64::from(away));
                shard.kernel.sleep_until(shard.kernel.now() + SHORTAGE_PAUSE).await;
            }
        }
    }
}

/// Finds a place for a connection, here or on another shard.
fn welcome<K: Kernel>(shard: &Rc<Shard<K>>, door: &Rc<Door<K>>, arrival: Arrival) {
    if door.gate.inside.load(Ordering::Relaxed) >= door.gate.connections_max {
        shard.meters().connections_turned_away.add(1);
        return turn_away(shard, &door.gate, arrival, Refusal::TooManyConnections);
    }
    let place = shard.crowd.place(shard.index, &door.gate.inside);
    let to = place.shard();
    if to == shard.index {
        return admit(shard, door, arrival, place);
    }
    let newcomer = Newcomer { door: door.index, arrival, place };
    shard.shards[to].post(Letter::Connection(Box::new(newcomer)));
}

/// Serves a connection that another shard has taken.
pub(crate) fn receive<K: Kernel>(shard: &Rc<Shard<K>>, doors: &[Rc<Door<K>>], newcomer: Newcomer) {
    let Newcomer { door, arrival, place } = newcomer;
    if shard.draining() {
        return turn_away(shard, &doors[door].gate, arrival, Refusal::ShuttingDown);
    }
    admit(shard, &doors[door], arrival, place);
}

fn turn_away<K: Kernel>(shard: &Rc<Shard<K>>, gate: &Gate, arrival: Arrival, refusal: Refusal) {
    if let Ok(stream) = shard.kernel.adopt(arrival) {
        shard.note_refusal(refusal, stream.peer(), None);
        stream.hang_up(gate.first_words(refusal));
    }
}

fn admit<K: Kernel>(shard: &Rc<Shard<K>>, door: &Rc<Door<K>>, arrival: Arrival, place: Place) {
    // It fails where there is no memory for it: then it is closed already.
    let Ok(stream) = shard.kernel.adopt(arrival) else { return };
    let inside = Inside::enter(shard, door, place);
    let visit = session::serve(Rc::clone(shard), Rc::clone(door), stream, inside);
    shard.visit_bytes.set(size_of_val(&visit));
    shard.kernel.spawn(visit);
}

/// Counts a connection in, and out again however it ends.
pub(super) struct Inside<K: Kernel> {
    shard: Rc<Shard<K>>,
    door: Rc<Door<K>>,
    _place: Place,
}

impl<K: Kernel> Inside<K> {
    fn enter(shard: &Rc<Shard<K>>, door: &Rc<Door<K>>, place: Place) -> Self {
        door.inside.set(door.inside.get() + 1);
        shard.meters().connections_in.add(1);
        Self { shard: Rc::clone(shard), door: Rc::clone(door), _place: place }
    }
}

impl<K: Kernel> Drop for Inside<K> {
    fn drop(&mut self) {
        self.door.inside.set(self.door.inside.get() - 1);
        self.shard.meters().connections_in.sub(1);
    }
}
