//! Logins, as a shard sees them: asked of the program, answered by a letter.

use crate::letter::Letter;
use kernel::{Sender, Signal};
use policy::login::{Pass, Verdict};
use smtp::sasl::{Keys, Login};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// Who may log in. Made by the program; none of it waits.
pub trait Access: Send + Sync {
    /// Our half of a SCRAM nonce.
    fn nonce(&self) -> String;
    /// The SCRAM keys of a user, and whom they prove; of nobody, some that prove nobody.
    fn keys(&self, name: &str) -> (Keys, Option<Pass>);
    /// Whether any user has some.
    fn takes_scram(&self) -> bool;
    /// Asks whether a login is right.
    fn check(&self, login: Login, ticket: Ticket);
    /// The number of the list of users that there is now.
    fn edition(&self) -> u64;
    /// What a pass of an earlier list is worth now; nothing, if its user is gone or is proved by
    /// something else.
    fn renew(&self, pass: &Pass) -> Option<Pass>;
    /// The pass of a user whom a peer has let in that we trust.
    fn vouched_for(&self, name: &str) -> Option<Pass>;
    /// Whether there is a user with this name. For the log, not for the peer.
    fn knows(&self, name: &str) -> bool;
    /// How long an answer to this address waits; `failed`: after one failure more.
    fn wait(&self, address: IpAddr, failed: bool, now: event::Tick) -> Duration;
}

impl fmt::Debug for dyn Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

/// The right to one verdict. Dropped without one, it says that nobody could look.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    asker: Option<Sender<Letter>>,
}

impl Ticket {
    /// Hands the verdict to the shard that asked. Works from any thread.
    pub fn answer(mut self, verdict: Verdict) {
        self.post(verdict);
    }

    fn post(&mut self, verdict: Verdict) {
        if let Some(asker) = self.asker.take() {
            asker.post(Letter::Verdict(self.number, verdict));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.post(Verdict::Busy);
    }
}

/// Sessions of one shard that wait for a verdict.
#[derive(Default)]
pub(crate) struct Logins {
    /// By a number that is never used again: a late verdict must not find somebody else.
    waiting: RefCell<BTreeMap<u64, Rc<Wait>>>,
    next: Cell<u64>,
}

#[derive(Default)]
struct Wait {
    verdict: RefCell<Option<Verdict>>,
    bell: Signal,
}

impl Logins {
    /// Asks `access` and waits for what it says.
    pub(crate) async fn ask(
        &self,
        access: &dyn Access,
        login: Login,
        asker: Sender<Letter>,
    ) -> Verdict {
        let number = self.next.replace(self.next.get() + 1);
        let wait = Rc::new(Wait::default());
        self.waiting.borrow_mut().insert(number, Rc::clone(&wait));
        access.check(login, Ticket { number, asker: Some(asker) });
        loop {
            let rings = wait.bell.rings();
            if let Some(verdict) = wait.verdict.take() {
                return verdict;
            }
            wait.bell.after(rings).await;
        }
    }

    /// A verdict has come.
    pub(crate) fn hear(&self, number: u64, verdict: Verdict) {
        let waiting = self.waiting.borrow_mut().remove(&number);
        if let Some(wait) = waiting {
            wait.verdict.replace(Some(verdict));
            wait.bell.ring();
        }
    }
}
