//! Mail that the program itself sends: reports to domains of what TLS with their hosts came to.

use crate::shard::Shard;
use kernel::Kernel;
use route::{Answer, Question, SitePlan};
use spool::{Draft, Form};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// A message of ours to one recipient.
pub struct Submission {
    /// Whose it is; never empty.
    pub sender: Box<str>,
    /// Whom it goes to.
    pub recipient: Box<str>,
    /// The message in wire form: ASCII.
    pub text: Box<[u8]>,
    /// Where its first attempt goes: what DNS said of the recipient's domain without any proof or
    /// policy. What it tells may be why those would keep it back; all later attempts heed them.
    /// [RFC 8460 §5.3](https://www.rfc-editor.org/rfc/rfc8460#section-5.3)
    pub answer: Answer,
    /// Hears whether the message is ours to deliver, on any thread.
    pub taken: Box<dyn FnOnce(bool) + Send>,
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}

impl<K: Kernel> Shard<K> {
    /// Makes a message ours, unless no new mail is taken now.
    pub(crate) fn submit(self: &Rc<Self>, submission: Submission) {
        if self.draining() || self.shut().is_some() {
            return (submission.taken)(false);
        }
        self.kernel.spawn(take(Rc::clone(self), submission));
    }

    /// Where mail for a domain goes by what DNS said just now, if that is for DNS to say.
    fn plan(&self, domain: &str, answer: &Answer) -> Option<Arc<SitePlan>> {
        let by_mx = matches!(self.live.borrow().routing.table.question(domain), Question::Mail(_));
        by_mx.then(|| {
            route::plan(domain, answer, &self.live.borrow().routing.rules).ok().map(Arc::new)
        })?
    }
}

async fn take<K: Kernel>(shard: Rc<Shard<K>>, submission: Submission) {
    let Submission { sender, recipient, text, answer, taken } = submission;
    let recipients = [recipient.as_bytes()];
    let draft = Draft {
        sender: sender.as_bytes(),
        recipients: &recipients,
        prefix: b"",
        accepted: shard.kernel.wall(),
        eight_bit: false,
        utf8: false,
        requiretls: false,
        dotted: true,
        form: Form::Stuffed,
        extra: b"",
    };
    let journal = shard.journal();
    let id = journal.next_id();
    let Ok(accepted) = journal.accept(id, spool::Text::new(), &text, &draft).await else {
        return taken(false);
    };
    for delivery in shard.cut(id, accepted, text.len() as u64, &text, None) {
        match shard.plan(&delivery.domain, &answer) {
            Some(plan) => shard.dispatch(&plan, delivery),
            None => shard.route(delivery),
        }
    }
    taken(true);
}
