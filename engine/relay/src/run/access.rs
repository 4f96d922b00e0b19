//! Logins: shards ask, control looks, and whoever guesses waits.

use crate::settings::{Faults, Settings, load_users};
use control::Chore;
use control::auth::{Load, Verifier, start};
use event::Tick;
use policy::login::{Pass, Penalties};
use shard::{Access, Ticket};
use smtp::sasl::{Keys, Login};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Those who may log in, and those who tried to.
struct Doorkeeper {
    verifier: Verifier,
    /// One table for all shards: whoever guesses may come in by any of them.
    penalties: Mutex<Penalties>,
}

/// Starts what checks logins, if settings name users, with the chore of reading them again.
pub(super) fn open(settings: &Settings) -> io::Result<Option<(Verifier, Chore)>> {
    let Some(file) = settings.auth.users.clone() else { return Ok(None) };
    let path = file.clone();
    let pools: Vec<String> = settings.pools.iter().map(|pool| pool.name.clone()).collect();
    let read = move || load_users(&path, &pools).map_err(|faults: Faults| faults.to_string());
    let load = Load {
        file,
        read: Box::new(read),
        told: Box::new(|count| super::say(format!("users read again: {count}"))),
    };
    start(load, settings.auth.threads).map(Some)
}

/// What shards ask.
pub(super) fn doorkeeper(verifier: Verifier) -> Arc<dyn Access> {
    Arc::new(Doorkeeper { verifier, penalties: Mutex::default() })
}

impl Access for Doorkeeper {
    fn nonce(&self) -> String {
        self.verifier.nonce()
    }

    fn keys(&self, name: &str) -> (Keys, Option<Pass>) {
        self.verifier.keys(name)
    }

    fn takes_scram(&self) -> bool {
        self.verifier.takes_scram()
    }

    fn check(&self, login: Login, ticket: Ticket) {
        self.verifier.check(login, move |verdict| ticket.answer(verdict));
    }

    fn edition(&self) -> u64 {
        self.verifier.edition()
    }

    fn renew(&self, pass: &Pass) -> Option<Pass> {
        self.verifier.renew(pass)
    }

    fn vouched_for(&self, name: &str) -> Option<Pass> {
        self.verifier.vouched_for(name)
    }

    fn knows(&self, name: &str) -> bool {
        self.verifier.knows(name)
    }

    fn wait(&self, address: IpAddr, failed: bool, now: Tick) -> Duration {
        let mut penalties = self.penalties.lock().unwrap_or_else(PoisonError::into_inner);
        if failed {
            penalties.fail(address, now);
        }
        penalties.wait(address, now)
    }
}
