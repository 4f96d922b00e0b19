//! Taking connections.

use super::session;
use crate::setup::Gate;
use crate::shard::Shard;
use kernel::{Kernel, Listener, Stream};
use smtp::server::Refusal;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// How long we wait when the system has no descriptor or memory for another connection.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// One listening socket and those who came in by it.
pub(crate) struct Door<K: Kernel> {
    pub(crate) gate: Gate,
    pub(crate) listener: K::Listener,
    pub(crate) inside: Cell<usize>,
}

/// Takes connections until the listener is closed. Never cancelled.
pub(crate) async fn accept<K: Kernel>(shard: Rc<Shard<K>>, door: Rc<Door<K>>) {
    while !shard.draining() {
        match door.listener.accept().await {
            Ok(stream) if door.inside.get() >= door.gate.connections_max => {
                stream.hang_up(Refusal::TooManyConnections.line().as_bytes());
            }
            Ok(stream) => admit(&shard, &door, stream),
            Err(_) if shard.draining() => return,
            Err(_) => shard.kernel.sleep_until(shard.kernel.now() + SHORTAGE_PAUSE).await,
        }
    }
}

fn admit<K: Kernel>(shard: &Rc<Shard<K>>, door: &Rc<Door<K>>, stream: K::Stream) {
    let inside = Inside::enter(shard, door);
    shard.kernel.spawn(session::serve(Rc::clone(shard), Rc::clone(door), stream, inside));
}

/// Counts a connection in, and out again however it ends.
pub(super) struct Inside<K: Kernel> {
    shard: Rc<Shard<K>>,
    door: Rc<Door<K>>,
}

impl<K: Kernel> Inside<K> {
    fn enter(shard: &Rc<Shard<K>>, door: &Rc<Door<K>>) -> Self {
        door.inside.set(door.inside.get() + 1);
        shard.meters().connections_in.add(1);
        shard.meters().connections_in_total.add(1);
        Self { shard: Rc::clone(shard), door: Rc::clone(door) }
    }
}

impl<K: Kernel> Drop for Inside<K> {
    fn drop(&mut self) {
        self.door.inside.set(self.door.inside.get() - 1);
        self.shard.meters().connections_in.sub(1);
    }
}
