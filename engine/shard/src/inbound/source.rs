//! Whose connection it is, and whether there is room for one more of theirs.

use super::session::Visit;
use crate::Sources;
use crate::callers::{Entry, Full};
use kernel::Kernel;
use policy::login::Pass;
use policy::rate::Meter;
use policy::source::{Excess, Seat, Source, Terms};
use smtp::server::Refusal;
use std::sync::Arc;

/// What is held of a connection for as long as it lasts.
#[derive(Debug, Default)]
pub(super) struct Guest {
    /// Its seat at its source; `None` until it has come in.
    seat: Option<Seat>,
    /// By which rules it got that.
    rules: Option<Arc<Sources>>,
    /// Its seat as a user, where a rule gave it that one, and what both together ask.
    own: Option<Box<(Seat, Terms)>>,
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

    /// Whether it was found by other rules than these.
    pub(super) fn is_of_others(&self, rules: &Arc<Sources>) -> bool {
        !self.rules.as_ref().is_some_and(|own| Arc::ptr_eq(own, rules))
    }

    /// What its source is called, if it has come in.
    pub(super) fn source_name(&self) -> Option<&str> {
        self.seat.as_ref().map(|seat| seat.source().name())
    }

    /// What is asked of its mail.
    pub(super) fn terms(&self) -> &Terms {
        self.own.as_ref().map_or_else(|| self.source().terms(), |own| &own.1)
    }

    /// All that count what it does, itself first: what that refuses costs nobody else.
    pub(super) fn counting(&self) -> impl Iterator<Item = &Arc<Source>> {
        let own = self.own.as_ref().map(|own| own.0.source());
        own.into_iter().chain([self.source()])
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

    /// Finds whose connection it is, at first and whenever somebody else is known to speak: that of
    /// the first rule that fits. What is said of a user by itself holds besides, or alone.
    pub(super) fn change_seat(&mut self) -> Result<(), Refusal> {
        let gate = &self.door.gate;
        let (sources, peer) = (gate.guard.sources.load_full(), self.peer.address.ip());
        // A listener of ours that no rule is about is as good as the one it came in by.
        let meant = self.peer.meant(gate.address);
        let at = if sources.tell_apart(meant) { meant } else { gate.address };
        let (source, own) = match &self.user {
            None => (sources.of(peer, at, None), None),
            Some(Pass { user, .. }) => match sources.first_fitting(peer, at, Some(user.name())) {
                Some(source) => (source, Some(user)),
                None => (user, None),
            },
        };
        let is = |seat: &Seat, source| Arc::ptr_eq(seat.source(), source);
        if !self.guest.seat.as_ref().is_some_and(|seat| is(seat, source)) {
            let seat = match self.guest.seat.take().map(|seat| seat.under(source)) {
                Some(Ok(seat)) => seat,
                other => source.enter().ok_or_else(|| {
                    self.guest.seat = other.and_then(Result::err);
                    Refusal::SourceConnections
                })?,
            };
            self.guest.seat = Some(seat);
        }
        self.guest.own = match own {
            None => None,
            Some(user) => {
                let terms = user.terms().beside(source.terms());
                let before = self.guest.own.take().and_then(|own| own.0.under(user).ok());
                let seat = before.or_else(|| user.enter());
                Some(Box::new((seat.ok_or(Refusal::SourceConnections)?, terms)))
            }
        };
        self.guest.rules = Some(sources);
        let most = |source: &Arc<Source>| source.terms().limits.message_bytes_max;
        let most = self.guest.counting().filter_map(most).min();
        self.session.bound(most.unwrap_or(u64::MAX));
        Ok(())
    }

    /// Counts a text that has come, of which so much was counted when it was announced.
    pub(super) fn count_text(&self, bytes: u64, declared: Option<u64>) -> Result<(), Refusal> {
        let counting = self.guest.counting().filter(|source| !source.is_free());
        let ended = counting.map(|source| source.end(bytes, declared, self.shard.kernel.now()));
        // Each counts it, whatever another says.
        ended.fold(Ok(()), Result::and).map_err(refusal)
    }

    /// As [`Self::count_text`] for what came of a text that leads to nothing.
    pub(super) fn count_lost(&self, bytes: u64, declared: Option<u64>) {
        for source in self.guest.counting().filter(|source| !source.is_free()) {
            source.spend(bytes, declared, self.shard.kernel.now());
        }
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
        // What came at once beyond the rate is refused, not what never could be had.
        let more = u64::from(more).min(rate.count());
        if !self.guest.commands.take(rate, more, now) {
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
