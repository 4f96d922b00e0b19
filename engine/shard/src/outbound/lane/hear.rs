//! What a peer says: what it makes of each message, and of the connection.

use super::habits::Parting;
use super::{Ear, Ending, Lane};
use crate::outbound::reading::Said;
use crate::outbound::text::Transfer;
use crate::outbound::verdict::Host;
use crate::routing::local;
use event::Response;
use kernel::{Buffer, Kernel};
use policy::replies::Stage;
use smtp::client::{Heard, Verdict};
use std::sync::Arc;

impl<K: Kernel> Lane<K> {
    /// Takes every whole reply; and what is to be read then.
    pub(super) fn hear(&mut self, mut buffer: Buffer) -> Ear {
        let now = self.shard.kernel.now();
        let mut used = 0;
        let mut is_invited = false;
        loop {
            let input = &buffer[used..];
            let (heard, stage) = match self.session.hear(input) {
                Ok((0, _)) => break,
                Ok((count, heard)) => {
                    used += count;
                    (heard, self.stages.hear(code(input)))
                }
                Err(fault) => {
                    self.last_words = Some(local(451, (4, 5, 0), &fault.to_string()));
                    return Ear::Shut;
                }
            };
            match heard {
                Some(Heard::Done(transfer, verdicts)) => {
                    self.conclude(*transfer, verdicts);
                    self.host.answered(&self.shard, now);
                    self.session.set_depth(self.host.depth);
                }
                Some(Heard::Closing(response)) => {
                    self.heed(&response, stage);
                    self.last_words = Some(response);
                    return Ear::Shut;
                }
                Some(Heard::Ready) => {
                    self.ready = true;
                    self.approach.arrive(&self.shard, self.session.bare());
                    self.slot.answered();
                }
                Some(Heard::StartTls) => is_invited = true,
                Some(Heard::Nothing) | None => (),
            }
        }
        buffer.consume(used);
        if buffer.spare() == 0 {
            let mut larger = Buffer::with_capacity(buffer.capacity() * 4);
            larger.extend(&buffer);
            buffer = larger;
        }
        if is_invited { Ear::Invited(buffer) } else { Ear::Open(self.link.reading(buffer)) }
    }

    /// The peer ends the conversation, and that is no verdict on a message: it may have asked for
    /// something all the same.
    fn heed(&mut self, response: &Response, stage: Option<Stage>) {
        if response.code >= 400 && stage != Some(Stage::Text) {
            let behind = if stage == Some(Stage::Mail) { self.host.carried() } else { 0 };
            let said = Said { response, stage, sender: None, behind };
            let (_, wish) = self.shard.hear(Some(self.index), Some(&self.peer()), said);
            self.host.is_slowed |= wish.is_wide;
        }
    }

    /// Brings every open transaction to its one true verdict.
    pub(super) fn close(mut self) -> Ending {
        self.shard.sites.borrow_mut().withdraw(self.index, &self.work);
        // Whoever was ready and got nothing to do, or took a text, was worth dialling.
        if self.ready && self.taken == 0 {
            self.slot.works();
        }
        self.tell_missed();
        let missing = !self.ready && self.session.bare().is_some();
        self.shard.meters().tls_out_missing.add(u64::from(missing));
        let is_between = self.session.is_between();
        let is_early = is_between && !self.host.is_slowed && !self.retiring();
        let mut parting = Parting { is_early, in_doubt: 0 };
        let peer = self.peer();
        for (transfer, verdicts) in self.session.lost() {
            parting.in_doubt += usize::from(verdicts.contains(&Verdict::Unknown));
            // A host that has answered nothing of what was said to it was worth nothing.
            if !is_between && verdicts.iter().any(|verdict| *verdict != Verdict::NotTried) {
                self.slot.works();
            }
            self.shard.conclude(self.index, peer.clone(), *transfer, verdicts, &self.stages);
            self.stages.turn();
        }
        self.host.end(&self.shard, &parting);
        if self.slot.is_open() {
            return Ending::Served;
        }
        let silent = || local(451, (4, 4, 2), "the connection was lost before a transaction");
        let last_words = self.approach.told(self.last_words.unwrap_or_else(silent));
        if self.bare { Ending::Bare(last_words) } else { Ending::Useless(last_words) }
    }

    pub(super) fn conclude(&mut self, transfer: Transfer, verdicts: Vec<Verdict>) {
        self.slot.works();
        let peer = self.peer();
        if self.shard.conclude(self.index, peer, transfer, verdicts, &self.stages) {
            self.leaves_at = None;
        }
        self.stages.turn();
    }

    fn peer(&self) -> Host {
        let (peer, passage) = (self.peer, self.approach.passage());
        let (source, provider) = (self.approach.source_address(), self.provider);
        let meters = self.departure.counts().map(Arc::clone);
        let (reports, behind) = (self.session.reports(), self.host.carried());
        Host { peer, reports, passage, source, meters, provider, behind }
    }
}

/// The code of a whole reply.
fn code(reply: &[u8]) -> u16 {
    let digits = reply.iter().take(3).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
}
