//! The list of users, and the stand-ins for those who are not in it.
//!
//! Whoever asks for a name that nobody has is led the same way as everybody else: the hash of a
//! user picked by the name is computed over the password, and what comes of it is ignored; the
//! SCRAM keys are made up from the name, in the likeness of a user's. The pick and the making-up
//! hang on a secret made from the list's own hashes, so a name gets the same answer from every
//! process that has the list, before and after a restart, and nobody without the list can tell
//! a made-up salt from a real one.

use super::{Mark, PasswordHash, sign};
use policy::login::Pass;
use policy::source::{Source, Terms};
use smtp::sasl::{Keys, Login};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;

/// The most users in a list.
pub const USERS_MAX: usize = 10_000;

/// One user, as the operator wrote it.
#[derive(Clone)]
pub struct User {
    /// The name it logs in with.
    pub name: Box<str>,
    /// Its password, hashed.
    pub password: PasswordHash,
    /// Its keys for SCRAM; without them it has to send its password.
    pub scram: Option<Keys>,
    /// What it may do.
    pub terms: Terms,
}

impl User {
    /// Whether the same password and keys prove them.
    fn is_proved_as(&self, other: &Self) -> bool {
        self.password.text() == other.password.text() && self.scram == other.scram
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All users.
pub(super) struct Users {
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, usize>,
    /// Those with SCRAM keys.
    proving: Vec<usize>,
    /// Known to whoever has the list.
    secret: Mark,
    /// How many lists there were before this one.
    edition: u64,
}

struct Entry {
    user: User,
    source: Arc<Source>,
    /// The edition since which the same password and keys prove it.
    since: u64,
    /// What was right last, and until when that is believed.
    recent: Mutex<Option<(Mark, Instant)>>,
}

impl Users {
    /// Makes a list. Who was in `old` goes on being counted there.
    pub(super) fn new(users: Vec<User>, old: Option<&Self>) -> Self {
        let parts: Vec<_> = users.iter().map(|user| user.password.text().as_bytes()).collect();
        let secret = sign(b"stand-ins of a list of users", &parts);
        let edition = old.map_or(0, |old| old.edition + 1);
        let entry = |user: User| {
            let before = old.and_then(|old| old.find(&user.name));
            let source = match before {
                Some(entry) if *entry.source.terms() == user.terms => Arc::clone(&entry.source),
                Some(entry) => Arc::new(entry.source.under(user.terms.clone())),
                None => Arc::new(Source::new(&user.name, user.terms.clone())),
            };
            let since = before.filter(|entry| entry.user.is_proved_as(&user));
            let since = since.map_or(edition, |entry| entry.since);
            Entry { source, since, user, recent: Mutex::default() }
        };
        let entries: Vec<Entry> = users.into_iter().map(entry).collect();
        let numbered = || entries.iter().enumerate();
        let by_name = numbered().map(|(index, entry)| (entry.user.name.clone(), index)).collect();
        let proves = |(index, entry): (usize, &Entry)| entry.user.scram.as_ref().map(|_| index);
        let proving = numbered().filter_map(proves).collect();
        Self { entries, by_name, proving, secret, edition }
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn edition(&self) -> u64 {
        self.edition
    }

    /// Whether anybody has SCRAM keys.
    pub(super) const fn prove(&self) -> bool {
        !self.proving.is_empty()
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|index| &self.entries[*index])
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whom `login` proves, if it is right. Takes as long whether there is such a user or not.
    pub(super) fn check(&self, login: &Login) -> Option<Pass> {
        let known = self.find(&login.name);
        let hashed = known.or_else(|| {
            let index = self.pick(&login.name, self.entries.len())?;
            Some(&self.entries[index])
        });
        let matches = hashed.is_some_and(|entry| entry.user.password.verify(&login.password));
        known.filter(|_| matches).map(|entry| self.pass(entry))
    }

    /// The SCRAM keys of `name`, and whom they prove.
    pub(super) fn keys(&self, name: &str) -> (Keys, Option<Pass>) {
        let seed = sign(&self.secret, &[b"keys\0", name.as_bytes()]);
        let model = self.pick(name, self.proving.len()).map(|index| self.proving[index]);
        let model = model.and_then(|index| self.entries[index].user.scram.as_ref());
        let made_up = Keys::made_up(model, &seed);
        let known = self.find(name);
        let own = known.and_then(|entry| Some((entry.user.scram.clone()?, entry)));
        own.map_or((made_up, None), |(keys, entry)| (keys, Some(self.pass(entry))))
    }

    /// Notes that a login was right.
    pub(super) fn remember(&self, name: &str, mark: Mark, until: Instant) {
        if let Some(entry) = self.find(name) {
            *entry.recent.lock().unwrap_or_else(PoisonError::into_inner) = Some((mark, until));
        }
    }

    /// Whom a login proves that was right not long ago.
    pub(super) fn remembered(&self, name: &str, mark: &Mark, now: Instant) -> Option<Pass> {
        let entry = self.find(name)?;
        let recent = *entry.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (right, until) = recent?;
        (now < until && bool::from(right.ct_eq(mark))).then(|| self.pass(entry))
    }

    /// Whom somebody else has let in.
    pub(super) fn vouched_for(&self, name: &str) -> Option<Pass> {
        self.find(name).map(|entry| self.pass(entry))
    }

    /// What a pass of an earlier list is worth now: nothing, if its user is gone or is proved
    /// by something else.
    pub(super) fn renew(&self, pass: &Pass) -> Option<Pass> {
        let entry = self.find(pass.user.name())?;
        (entry.since <= pass.edition).then(|| self.pass(entry))
    }

    fn pass(&self, entry: &Entry) -> Pass {
        Pass { user: Arc::clone(&entry.source), edition: self.edition }
    }

    /// One of `count`, always the same for a name.
    fn pick(&self, name: &str, count: usize) -> Option<usize> {
        let [number, ..] = *sign(&self.secret, &[b"pick\0", name.as_bytes()]).as_chunks::<8>().0
        else {
            unreachable!("a SHA-256 has 32 bytes");
        };
        (u64::from_be_bytes(number) as usize).checked_rem(count)
    }
}
