//! What was turned down at the door is counted by rule, and told if somebody wants to read it.

use super::session::Visit;
use crate::shard::Shard;
use event::{EnhancedCode, Event, REASONS_MAX};
use kernel::Kernel;
use smtp::server::Refusal;
use std::net::SocketAddr;

/// What each refusal is called, in the order of [`Refusal::ALL`].
pub(crate) static RULES: [&str; RULES_LEN] = rules();

const RULES_LEN: usize = Refusal::ALL.len();
const _: () = assert!(RULES_LEN <= REASONS_MAX, "there is a counter for each");

const fn rules() -> [&'static str; RULES_LEN] {
    let mut rules = [""; RULES_LEN];
    let mut at = 0;
    while at < RULES_LEN {
        rules[at] = Refusal::ALL[at].rule();
        at += 1;
    }
    rules
}

impl<K: Kernel> Shard<K> {
    /// Counts what a peer was refused, and writes its line if somebody wants to read it. `source`
    /// is its source's name, if it was looked for.
    pub(crate) fn note_refusal(&self, refusal: Refusal, peer: SocketAddr, source: Option<&str>) {
        self.meters().refusals.add(refusal as usize);
        let (code, rule) = (refusal.code(), refusal.rule());
        if !self.log.topics().refused {
            let event = Event::Refused { peer, source, rule, code, enhanced: None, text: "" };
            return event.count(self.meters());
        }
        let words = refusal.line().trim_end();
        let (_, words) = words.split_once(' ').unwrap_or_default();
        let (enhanced, text) = words.split_once(' ').unwrap_or_default();
        let enhanced = enhanced.parse::<EnhancedCode>().ok();
        self.tell(&Event::Refused { peer, source, rule, code, enhanced, text });
    }

    /// Notes who was cut off at a deadline, if it was for a rule of ours that it heard of.
    pub(crate) fn note_late(&self, peer: SocketAddr, heard: &[u8]) {
        let mut all = Refusal::ALL.into_iter();
        if let Some(refusal) = all.find(|refusal| refusal.line().as_bytes() == heard) {
            self.note_refusal(refusal, peer, None);
        }
    }
}

impl<K: Kernel> Visit<K> {
    /// Notes what the last call of the session refused, if it did.
    pub(super) fn note_refusal(&mut self) {
        if let Some(refusal) = self.session.take_refusal() {
            let source = self.guest.source().name();
            self.shard.note_refusal(refusal, self.peer.address, Some(source));
        }
    }
}
