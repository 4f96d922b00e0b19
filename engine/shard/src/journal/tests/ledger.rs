//! What a log was asked to keep, and whether it did.

use super::*;
use event::Tick;
use std::collections::BTreeMap;

/// The books of one log, kept outside of the world it lives in.
pub(super) struct Ledger {
    messages: BTreeMap<MessageId, Message>,
    /// Completions younger than this may be lost.
    pub(super) bound: Duration,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { messages: BTreeMap::new(), bound: Duration::from_millis(100) }
    }
}

struct Message {
    text: Vec<u8>,
    standing: Standing,
    recipients: [Recipient; 2],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// Nobody was told yet.
    Open,
    /// 250 was said.
    Accepted,
    /// 451 was said.
    Refused,
}

#[derive(Clone, Default)]
struct Recipient {
    settled: Option<Tick>,
    attempts: Vec<Tick>,
}

impl Ledger {
    pub(super) fn began(&mut self, id: MessageId, text: Vec<u8>) {
        let recipients = Default::default();
        let fresh =
            self.messages.insert(id, Message { text, standing: Standing::Open, recipients });
        assert!(fresh.is_none(), "{id} was given out twice");
    }

    pub(super) fn ended(&mut self, id: MessageId, accepted: bool) {
        let message = self.messages.get_mut(&id).expect("it began");
        message.standing = if accepted { Standing::Accepted } else { Standing::Refused };
    }

    pub(super) fn settled(&mut self, id: MessageId, recipient: u16, now: Tick) {
        let message = self.messages.get_mut(&id).expect("it began");
        message.recipients[usize::from(recipient)].settled.get_or_insert(now);
    }

    pub(super) fn deferred(&mut self, id: MessageId, recipient: u16, now: Tick) -> u16 {
        let message = self.messages.get_mut(&id).expect("it began");
        let attempts = &mut message.recipients[usize::from(recipient)].attempts;
        attempts.push(now);
        attempts.len() as u16
    }

    pub(super) fn accepted(&self) -> usize {
        self.messages.values().filter(|message| message.standing == Standing::Accepted).count()
    }

    /// An open recipient, chosen by `random`.
    pub(super) fn open(&self, random: u64) -> Option<(MessageId, u16)> {
        let open: Vec<_> = self
            .messages
            .iter()
            .filter(|(_, message)| message.standing == Standing::Accepted)
            .flat_map(|(id, message)| (0..2).map(move |recipient| (*id, message, recipient)))
            .filter(|(_, message, recipient)| message.recipients[*recipient].settled.is_none())
            .map(|(id, _, recipient)| (id, recipient as u16))
            .collect();
        (!open.is_empty()).then(|| open[random as usize % open.len()])
    }

    /// Compares with what was found after a crash at `at`; goes on from there.
    pub(super) fn audit(&mut self, found: &[Found], texts: &[Vec<u8>], at: Tick) {
        for (found, text) in found.iter().zip(texts) {
            let message = self.messages.get(&found.id).expect("nothing comes from nowhere");
            assert!(message.text == *text, "{}: its text is what was sent", found.id);
            assert_ne!(message.standing, Standing::Refused, "{}: 451 was said", found.id);
        }
        let found: BTreeMap<_, _> = found.iter().map(|found| (found.id, &found.open)).collect();
        assert_eq!(found.len(), texts.len(), "no message is found twice");
        for (id, message) in &mut self.messages {
            message.audit(*id, found.get(id).map_or(&[], |open| &open[..]), at - self.bound);
        }
    }
}

impl Message {
    fn audit(&mut self, id: MessageId, open: &[(u16, u16, Wall)], sure: Tick) {
        for (index, recipient) in self.recipients.iter_mut().enumerate() {
            let open = open.iter().find(|open| usize::from(open.0) == index);
            match (open, self.standing, recipient.settled) {
                (None, Standing::Accepted, None) => panic!("{id}/{index} is lost"),
                (Some(_), _, Some(settled)) => {
                    assert!(settled > sure, "{id}/{index} came back");
                    recipient.settled = None;
                }
                (None, ..) => _ = recipient.settled.get_or_insert(sure),
                (Some(_), _, None) => (),
            }
            if let Some((_, attempt, due)) = open {
                recipient.audit(id, usize::from(*attempt), *due, sure);
            }
        }
        if self.standing == Standing::Open {
            // What nobody was told about may be there or not; from now on it is known.
            self.standing = if open.is_empty() { Standing::Refused } else { Standing::Accepted };
        }
    }
}

impl Recipient {
    fn audit(&mut self, id: MessageId, attempt: usize, due: Wall, sure: Tick) {
        assert!(attempt <= self.attempts.len(), "{id}: no more attempts than there were");
        assert_eq!(due, Wall(attempt as u64), "{id}: the due time is that of its attempt");
        let durable = self.attempts.iter().filter(|made| **made <= sure).count();
        assert!(attempt >= durable, "{id}: {attempt} of {durable} attempts are left");
        self.attempts.truncate(attempt);
    }
}
