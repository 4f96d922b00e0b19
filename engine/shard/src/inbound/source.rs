//! Whose connection it is, and whether there is room for one more of theirs.

use super::session::Visit;
use crate::callers::{Entry, Full};
use kernel::Kernel;
use policy::login::Pass;
use policy::rate::Meter;
use policy::source::{Excess, Seat, Source};
use smtp::server::Refusal;
use std::sync::Arc;

/// What is held of a connection for as long as it lasts.
#[derive(Debug, Default)]
pub(super) struct Guest {
    /// Its seat at its source; `None` until it has come in.
    seat: Option<Seat>,
    /// Boxed, since those who may relay have none.
    entry: Option<Box<Entry>>,
    /// Its commands that brought no message nearer ...
    commands: Meter,
    /// ... and how many of them are counted.
    wasted: u16,
}

impl Guest {
    /// Whose it is.
    ///
    /// # Panics
    /// Before it has come in.
    pub(super) fn source(&self) -> &Arc<Source> {
        self.seat.as_ref().expect("nobody is spoken to who has not come in").source()
    }
}

impl<K: Kernel> Visit<K> {
    /// Finds whose connection it is, and a place for it.
    pub(super) fn come_in(&mut self) -> Result<(), Refusal> {
        let gate = &self.door.gate;
        let peer = self.peer.address.ip();
        // It may be the same one that comes once more, by XCLIENT.
        self.guest.entry = None;
        // Those who may relay are known; what they may have is their source's to say. An address
        // of nobody stands for many.
        if !(gate.relay_from.0)(peer) && !peer.is_unspecified() {
            let entry = gate.guard.callers.enter(peer).map_err(|full| match full {
                Full::Address => Refusal::AddressCrowded,
                Full::Network => Refusal::NetworkCrowded,
            })?;
            self.guest.entry = Some(Box::new(entry));
        }
        self.change_seat()
    }

    /// Finds whose connection it is, at first and whenever somebody else is known to speak: a
    /// rule that names the user comes before what its own entry says.
    pub(super) fn change_seat(&mut self) -> Result<(), Refusal> {
        let gate = &self.door.gate;
        let (sources, peer) = (&gate.guard.sources, self.peer.address.ip());
        // A listener of ours that no rule is about is as good as the one it came in by.
        let meant = self.peer.meant(gate.address);
        let at = if sources.tell_apart(meant) { meant } else { gate.address };
        let source = match &self.user {
            Some(Pass { user, .. }) => sources.of_user(peer, at, user.name()).unwrap_or(user),
            None => sources.of(peer, at, None),
        };
        let same = |seat: &Seat| Arc::ptr_eq(seat.source(), source);
        if !self.guest.seat.as_ref().is_some_and(same) {
            self.guest.seat = Some(source.enter().ok_or(Refusal::SourceConnections)?);
            self.session.bound(source.terms().limits.message_bytes_max.unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Counts a text that has come, of which so much was counted when it was announced.
    pub(super) fn count_text(&self, bytes: u64, declared: Option<u64>) -> Result<(), Refusal> {
        let source = self.guest.source();
        if source.is_free() {
            return Ok(());
        }
        source.end(bytes, declared, self.shard.kernel.now()).map_err(refusal)
    }

    /// Ends a conversation that leads to nothing too fast.
    pub(super) fn mind_commands(&mut self, replies: &mut Vec<u8>) {
        let wasted = self.session.wasted();
        let more = wasted.wrapping_sub(self.guest.wasted);
        if more == 0 {
            return;
        }
        self.guest.wasted = wasted;
        let (rate, now) = (self.door.gate.guard.commands, self.shard.kernel.now());
        if !self.guest.commands.take(rate, more.into(), now) {
            self.session.dismiss(Refusal::TooManyCommands, replies);
        }
    }
}

/// What the peer is told about what is spent.
pub(super) const fn refusal(excess: Excess) -> Refusal {
    match excess {
        Excess::Bytes => Refusal::SourceBytes,
        Excess::Connections => Refusal::SourceConnections,
        // A rule of a header has a refusal of its own, which says it.
        Excess::Header => Refusal::LocalError,
        Excess::MessageBytes => Refusal::SourceMessageBytes,
        Excess::Messages => Refusal::SourceMessages,
        Excess::Recipients => Refusal::SourceRecipients,
        Excess::SenderDomain => Refusal::SenderNotAllowed,
    }
}
