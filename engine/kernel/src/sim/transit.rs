//! What travels between the two ends of a connection, and how it ends.

use super::core::{Core, span, wait, wake};
use super::network::{Connection, End, EndKey, Handle, Incoming, Listening, Side};
use crate::Buffer;
use std::task::Waker;

// Bytes.
impl Core {
    /// Takes as much of `bytes` as the window allows; nothing means wait.
    pub(super) fn send(
        &mut self,
        from: EndKey,
        bytes: &[u8],
        waker: &Waker,
    ) -> Result<Option<usize>, i32> {
        let window = self.physics.window_bytes;
        let (short, broken) = (self.physics.short_ppm, self.physics.reset_ppm);
        let peer = self.network.end(from.other()).map_or(0, |peer| peer.coming + peer.inbox.len());
        let Some(end) = self.network.end(from) else { return Err(libc::ECONNRESET) };
        match (end.handle, end.incoming) {
            (Handle::Open, Incoming::Flowing | Incoming::Ended) => (),
            (Handle::Open, Incoming::Broken(error)) => return Err(error),
            _ => return Err(libc::EPIPE),
        }
        let room = window.saturating_sub(peer).min(bytes.len());
        // As TCP does, it does not send crumbs: RFC 9293 section 3.8.6.2.1.
        if room < bytes.len().min((window / 4).max(1)) {
            wait(&mut end.writers, waker);
            return Ok(None);
        }
        let part = self.dice.part(room, short);
        if self.dice.chance(broken) {
            let at = self.dice.index(part + 1) as u64;
            let end = self.network.end(from).expect("it was there a moment ago");
            end.cut = end.cut.or(Some(end.sent + at));
        }
        self.pass(from, &bytes[..part]);
        Ok(Some(part))
    }

    /// Sends `bytes`, or those before the cut: what is sent later meets a broken connection.
    fn pass(&mut self, from: EndKey, bytes: &[u8]) {
        let Some(end) = self.network.end(from) else { return };
        let before = end.sent;
        let after = before + bytes.len() as u64;
        end.sent = after;
        self.network.note_sent(from, after);
        let Some(end) = self.network.end(from) else { return };
        let Some(cut) = end.cut.take_if(|cut| *cut <= after) else {
            return self.carry(from.other(), bytes);
        };
        self.carry(from.other(), &bytes[..cut.saturating_sub(before) as usize]);
        self.trace.note(self.now, 201, from.connection);
        self.send_reset(from.other());
        self.send_reset(from);
    }

    fn carry(&mut self, to: EndKey, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(end) = self.network.end(to) {
            end.coming += bytes.len();
        }
        let bytes = bytes.to_vec();
        self.travel(to, move |core| core.arrive(to, &bytes));
    }

    /// Has something reach `to` behind everything that is on its way there.
    fn travel(&mut self, to: EndKey, arrival: impl FnOnce(&mut Self) + 'static) {
        let at = self.now + span(self, |physics| &physics.latency);
        let Some(end) = self.network.end(to) else { return };
        end.settled = end.settled.max(at);
        let at = end.settled;
        self.at(at, arrival);
    }

    fn arrive(&mut self, to: EndKey, bytes: &[u8]) {
        self.trace.note(self.now, 202, bytes.len() as u64);
        let Some(end) = self.network.end(to) else { return };
        match (end.handle, end.incoming) {
            (Handle::Open | Handle::Shut, Incoming::Flowing) => {
                end.coming -= bytes.len();
                end.inbox.extend(bytes);
                wake(&mut end.readers);
            }
            (Handle::Closed, _) => self.send_reset(to.other()),
            (Handle::Dark, _) => {
                let host = end.owner.map(|owner| owner.host);
                if host.is_some_and(|host| self.hosts[host].up) {
                    self.send_reset(to.other());
                }
            }
            _ => (),
        }
    }

    fn arrive_end(&mut self, to: EndKey) {
        let Some(end) = self.network.end(to) else { return };
        if end.incoming == Incoming::Flowing {
            end.incoming = Incoming::Ended;
            end.wake();
        }
    }

    fn send_reset(&mut self, to: EndKey) {
        self.travel(to, move |core| {
            let Some(end) = core.network.end(to) else { return };
            end.incoming = Incoming::Broken(libc::ECONNRESET);
            end.wake();
        });
    }

    /// Whether `to` has something to read, or never will.
    pub(super) fn is_readable(&mut self, to: EndKey, waker: &Waker) -> bool {
        let Some(end) = self.network.end(to) else { return true };
        let ready = !end.inbox.is_empty()
            || (end.handle != Handle::Open && !end.unheard)
            || end.incoming != Incoming::Flowing;
        if !ready {
            wait(&mut end.readers, waker);
        }
        ready
    }

    /// Whether bytes have arrived at `to` that were not read.
    pub(super) fn has_unread(&mut self, to: EndKey) -> bool {
        self.network.end(to).is_some_and(|end| !end.inbox.is_empty())
    }

    /// Reads what has arrived, or a part of it; `None` means wait.
    pub(super) fn receive(
        &mut self,
        to: EndKey,
        buffer: &mut Buffer,
        waker: &Waker,
    ) -> Option<Result<usize, i32>> {
        if !self.is_readable(to, waker) {
            return None;
        }
        let short = self.physics.short_ppm;
        let Self { network, dice, .. } = self;
        let Some(end) = network.end(to) else { return Some(Ok(0)) };
        if end.inbox.is_empty() {
            return Some(match end.incoming {
                Incoming::Broken(error) if end.handle == Handle::Open => Err(error),
                _ => Ok(0),
            });
        }
        let count = dice.part(buffer.spare().min(end.inbox.len()), short);
        for byte in end.inbox.drain(..count).collect::<Vec<u8>>().chunks(4_096) {
            buffer.extend(byte);
        }
        if let Some(peer) = network.end(to.other()) {
            wake(&mut peer.writers);
        }
        self.trace.note(self.now, 203, count as u64);
        Some(Ok(count))
    }
}

// Endings.
impl Core {
    /// Says `last_words` if there is room for all of them, then shuts both directions. A read hears
    /// of it later, as with a ring: whatever runs until then may still take the end for open.
    pub(super) fn hang_up(&mut self, key: EndKey, last_words: &[u8]) {
        let peer = self.network.end(key.other()).map_or(0, |peer| peer.coming + peer.inbox.len());
        let has_room = peer + last_words.len() <= self.physics.window_bytes;
        let Some(end) = self.network.end(key) else { return };
        if end.handle != Handle::Open {
            return;
        }
        let says =
            has_room && end.writers.is_empty() && !matches!(end.incoming, Incoming::Broken(_));
        (end.handle, end.unheard) = (Handle::Shut, true);
        wake(&mut end.writers);
        if says {
            self.pass(key, last_words);
        }
        self.travel(key.other(), move |core| core.arrive_end(key.other()));
        let heard = self.now + span(self, |physics| &physics.latency);
        self.at(heard, move |core| {
            let Some(end) = core.network.end(key) else { return };
            end.unheard = false;
            wake(&mut end.readers);
        });
    }

    /// The last handle is gone. What was not read turns the end into a reset, as in Linux.
    pub(super) fn close(&mut self, key: EndKey) {
        let Some(end) = self.network.end(key) else { return };
        let handle = end.handle;
        let unread = !end.inbox.is_empty();
        end.handle = Handle::Closed;
        end.inbox.clear();
        if unread {
            self.send_reset(key.other());
        } else if handle == Handle::Open {
            self.travel(key.other(), move |core| core.arrive_end(key.other()));
        }
        self.forget(key);
    }

    /// Breaks a connection at this end, and tells the other.
    pub(super) fn reset(&mut self, key: EndKey) {
        let Some(end) = self.network.end(key) else { return };
        end.incoming = Incoming::Broken(libc::ECONNRESET);
        end.wake();
        if end.owner.is_none() {
            end.handle = Handle::Closed;
        }
        self.send_reset(key.other());
        self.forget(key);
    }

    /// The sockets of a host go with it.
    pub(super) fn unplug(&mut self, host: usize, power: bool) {
        let of_host =
            |(key, listening): (&u64, &Listening)| (listening.owner.host == host).then_some(*key);
        let listeners: Vec<u64> = self.network.listeners.iter().filter_map(of_host).collect();
        for key in listeners {
            if power {
                self.darken(key);
            } else {
                self.unlisten(key);
            }
        }
        let ends: Vec<EndKey> = self.ends_of(host);
        for key in ends {
            let Some(end) = self.network.end(key) else { continue };
            if power && !end.is_gone() {
                end.handle = Handle::Dark;
                end.inbox.clear();
                self.forget(key);
            } else if !end.is_gone() {
                self.close(key);
            }
        }
    }

    fn darken(&mut self, key: u64) {
        let Some(listening) = self.network.listeners.remove(&key) else { return };
        self.network.dark.push((listening.owner.host, listening.address));
        for key in listening.backlog {
            if let Some(end) = self.network.end(key) {
                end.owner = Some(listening.owner);
            }
        }
    }

    /// The host is back: who dials it now is refused until it listens.
    pub(super) fn plug_in(&mut self, host: usize) {
        self.network.dark.retain(|(of, _)| *of != host);
    }

    fn ends_of(&self, host: usize) -> Vec<EndKey> {
        let mut ends = Vec::new();
        for (connection, Connection(both)) in &self.network.connections {
            for side in [Side::Dialler, Side::Listener] {
                if both[side as usize].owner.is_some_and(|owner| owner.host == host) {
                    ends.push(EndKey { connection: *connection, side });
                }
            }
        }
        ends
    }

    fn forget(&mut self, key: EndKey) {
        let both = self.network.connections.get(&key.connection);
        if both.is_some_and(|Connection(ends)| ends.iter().all(End::is_gone)) {
            self.network.connections.remove(&key.connection);
        }
    }
}
