//! One message: where each of its open recipients stands.

use super::Tell;
use crate::domains::{self, Wants};
use crate::routing::Way;
use crate::shard::Shard;
use event::{MessageId, Wall};
use kernel::Kernel;
use policy::Class;
use policy::survey::{Answer, Limiter, Message, RECIPIENTS_MAX, Recipient};
use spool::{Envelope, Label, Spot, Standing, Tried};
use std::rc::Rc;

/// How often a message is looked for that is carried elsewhere meanwhile.
const LOOKS: usize = 3;

/// Tells where it stands, if it is ours and open.
pub(super) async fn find<K: Kernel>(shard: Rc<Shard<K>>, id: MessageId, tell: Tell) {
    let mut found = shard.standing(id).map(|(_, open, total)| nameless(id, &open, total));
    for _ in 0..LOOKS {
        let Some((spot, open, total)) = shard.standing(id) else { break };
        if let Ok(loaded) = shard.reader(id.log).load(id, &spot).await {
            found = Some(shard.told(id, &loaded.envelope, &open, total));
            break;
        }
    }
    tell(Answer::Message(found.map(Box::new)));
}

/// What is known of a message that cannot be read back.
fn nameless(id: MessageId, open: &[Standing], recipients_total: usize) -> Message {
    let recipient = |standing: &Standing| Recipient {
        address: "".into(),
        attempts: attempts(*standing),
        expires: Wall(0),
        site: None,
        limiter: Some(Limiter::Unreadable),
        rerouted: None,
    };
    let recipients = open.iter().map(recipient).collect();
    Message { id, accepted: Wall(0), expires: Wall(0), recipients, recipients_total }
}

impl<K: Kernel> Shard<K> {
    /// Where a message of ours lies, its open recipients, as far as they are told, and their number.
    fn standing(&self, id: MessageId) -> Option<(Spot, Vec<Standing>, usize)> {
        let (_, journal) = self.journals.iter().find(|(log, _)| *log == id.log)?;
        journal.standing_of(id, RECIPIENTS_MAX)
    }

    fn told(
        &self,
        id: MessageId,
        envelope: &Envelope,
        open: &[Standing],
        recipients_total: usize,
    ) -> Message {
        let accepted = envelope.accepted();
        let pool = envelope.label(Label::Pool).unwrap_or_default();
        let recipient = |standing: &Standing| self.recipient(id, envelope, pool, *standing);
        let recipients: Vec<Recipient> = open.iter().map(recipient).collect();
        let expires = recipients.iter().map(|one| one.expires).max().unwrap_or(accepted);
        Message { id, accepted, expires, recipients, recipients_total }
    }

    fn recipient(
        &self,
        id: MessageId,
        envelope: &Envelope,
        pool: &[u8],
        standing: Standing,
    ) -> Recipient {
        let path = envelope.recipient(standing.recipient);
        let raw =
            path.iter().rposition(|byte| *byte == b'@').map_or(&b""[..], |at| &path[at + 1..]);
        let (exit, need) = (self.live.borrow().egress.exit(pool), domains::need(envelope));
        let flow = self.names.flow(&envelope.way()).0;
        let domain = self.names.of_flow(raw, Wants { exit, need }, &flow);
        let way = self.known_way(&domain, Some(id));
        let rerouted = self.rerouted(&domain, Some(id)).map(|order| order.told());
        let (site, nowhere) = self.led(&way, &domain);
        let (attempts, due) = (attempts(standing), standing.due);
        let waits = due > self.kernel.wall();
        let named = match &way {
            Way::Site(plan) | Way::Renewed(plan, _) => plan.named,
            _ => None,
        };
        let class = Class::of(envelope.label(Label::Class).unwrap_or_default());
        let live = self.live.borrow();
        let key = live.schedules.key(class, named);
        let limiter = match nowhere {
            _ if waits => Some(Limiter::Retry { due, attempts, key }),
            None => self.flow_paused(&flow),
            nowhere => nowhere,
        };
        let expires = live.schedules.of(class, named).expires(envelope.accepted());
        let address = String::from_utf8_lossy(path).into();
        Recipient { address, attempts, expires, site, limiter, rerouted }
    }
}

fn attempts(standing: Standing) -> u16 {
    Tried::from_number(standing.attempt).count()
}
