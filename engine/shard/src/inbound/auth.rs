//! A peer says who it is.
//!
//! The exchange is a machine of `smtp`, the checking is the program's; here is what binds them
//! to a connection. Nothing of it outlives the connection, and nothing here knows a password
//! but on its way to be checked.

use super::session::Visit;
use crate::access::Access;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::{Event, Tick};
use kernel::Kernel;
use policy::login::{Pass, Verdict};
use smtp::sasl::{Exchange, Fault, Next};
use smtp::server::{Denial, Mechanism, Rights, Sasl};

/// An authentication under way.
pub(super) struct Login {
    exchange: Exchange,
    mechanism: Mechanism,
    /// Whom it says it is.
    name: Box<str>,
    /// Whom it proves, if it does.
    proves: Option<Pass>,
}

/// What comes of one message.
enum Outcome {
    /// The peer is asked for more.
    Asked(Vec<u8>),
    Granted(Pass),
    Denied(Denial),
}

impl<K: Kernel> Visit<K> {
    /// Takes one message of an authentication, and answers it.
    pub(super) async fn sasl(&mut self, sasl: Sasl<'_>, replies: &mut Vec<u8>) {
        let Some(access) = self.shard.access.clone() else {
            return match sasl {
                Sasl::Cancelled => (),
                _ => self.session.denied(Denial::Temporary, replies),
            };
        };
        // The peer waits for us now, not we for it.
        self.connection.watch().busy_until(Tick::NEVER);
        let next = match sasl {
            Sasl::Begin { mechanism, initial } => {
                let mut exchange = Exchange::new(mechanism, &access.nonce());
                let next = exchange.begin(initial);
                let login = Login { exchange, mechanism, name: Box::default(), proves: None };
                self.login = Some(Box::new(login));
                next
            }
            Sasl::Answer(answer) => self.login().exchange.answer(answer),
            Sasl::Cancelled => {
                self.login = None;
                return;
            }
        };
        match self.advance(&*access, next).await {
            Outcome::Asked(text) => {
                self.session.challenge(STANDARD.encode(text).as_bytes(), replies);
            }
            Outcome::Granted(user) => {
                self.hold_back(&*access, false).await;
                self.shard.meters().logins.add(1);
                self.login = None;
                self.user = Some(user);
                self.session.grant(Rights { relay: true, ..self.session.rights() });
                match self.change_seat() {
                    Ok(()) => self.session.authenticated(replies),
                    Err(refusal) => self.session.dismiss(refusal, replies),
                }
            }
            Outcome::Denied(denial) => {
                self.fail(&*access, denial).await;
                self.login = None;
                self.session.denied(denial, replies);
            }
        }
    }

    /// Whoever it was, it has to say so again, and may until then what its address may.
    pub(super) fn forget_user(&mut self) {
        self.login = None;
        if self.user.take().is_some() {
            let relay = (self.door.gate.relay_from.0)(self.peer.address.ip());
            self.session.grant(Rights { relay, ..self.session.rights() });
            if let Err(refusal) = self.change_seat() {
                self.connection.hang_up(refusal.line().as_bytes());
            }
        }
    }

    /// Somebody whom we trust says as whom the peer has logged in there.
    pub(super) fn vouch_for(&mut self, name: &[u8]) {
        let Some(access) = self.shard.access.clone() else { return };
        let name = smtp::sasl::name(name).ok();
        self.user = name.and_then(|name| access.vouched_for(&name));
        if self.user.is_some() {
            self.session.grant(Rights { relay: true, ..self.session.rights() });
            self.session.vouched_for();
        } else {
            let (peer, mechanism) = (self.peer.address, "XCLIENT");
            self.shard.tell(&Event::LoginFailed { peer, user: None, mechanism });
        }
    }

    /// Between transactions, everybody gets the terms that hold now. A user who is gone, or has to
    /// prove itself anew, keeps them until it hears so, at MAIL.
    pub(super) fn mind_terms(&mut self, replies: &mut Vec<u8>) {
        if self.session.in_transaction() {
            return;
        }
        let renewed = match (&self.shard.access, &self.user) {
            (Some(access), Some(user)) if access.edition() != user.edition => access.renew(user),
            _ => None,
        };
        let is_other = self.guest.is_of_others(&self.door.gate.guard.sources.load());
        if renewed.is_none() && !is_other {
            return;
        }
        self.user = renewed.or_else(|| self.user.take());
        if let Err(refusal) = self.change_seat() {
            self.session.dismiss(refusal, replies);
        }
    }

    fn login(&mut self) -> &mut Login {
        self.login.as_mut().expect("an authentication has begun")
    }

    async fn advance(&mut self, access: &dyn Access, next: Result<Next, Fault>) -> Outcome {
        match next {
            Ok(Next::Challenge(text)) => Outcome::Asked(text),
            Ok(Next::Look(name)) => {
                let (keys, proves) = access.keys(&name);
                let login = self.login();
                (login.name, login.proves) = (name, proves);
                Outcome::Asked(login.exchange.keys(&keys))
            }
            Ok(Next::Check(claim)) => {
                self.login().name = claim.name.clone();
                let asker = self.shard.shards[self.shard.index].clone();
                match self.shard.logins.ask(access, claim, asker).await {
                    Verdict::Granted(user) => Outcome::Granted(user),
                    Verdict::Wrong => Outcome::Denied(Denial::Credentials),
                    Verdict::Busy => Outcome::Denied(Denial::Temporary),
                }
            }
            Ok(Next::Proved) => match self.login().proves.take() {
                Some(user) => Outcome::Granted(user),
                // Nobody has keys that were made up; and if somebody guessed them, it is nobody.
                None => Outcome::Denied(Denial::Credentials),
            },
            Err(Fault::Malformed) => Outcome::Denied(Denial::Malformed),
            Err(Fault::Denied) => Outcome::Denied(Denial::Credentials),
        }
    }

    /// Counts and tells a failure, and lets the peer wait for the answer.
    async fn fail(&mut self, access: &dyn Access, denial: Denial) {
        if denial == Denial::Temporary {
            return self.shard.meters().logins_put_off.add(1);
        }
        let (peer, login) = (self.peer.address, self.login());
        // What is said for a name may be a password that slipped into the wrong field.
        let name = std::mem::take(&mut login.name);
        let user = Some(&*name).filter(|name| access.knows(name));
        let mechanism = login.mechanism.name();
        self.shard.tell(&Event::LoginFailed { peer, user, mechanism });
        self.hold_back(access, true).await;
    }

    /// Waits as long as the peer's address deserves: a timer, while the shard goes on.
    async fn hold_back(&self, access: &dyn Access, failed: bool) {
        let now = self.shard.kernel.now();
        let wait = access.wait(self.peer.address.ip(), failed, now);
        if !wait.is_zero() {
            self.shard.kernel.sleep_until(now + wait).await;
        }
    }
}
