//! Who may log in, and whether somebody is who they say.
//!
//! Passwords are checked on threads of their own, a few at a time: a check is made to be slow.
//! Shards ask through [`Verifier`], which keeps them waiting for nothing, and hear by a closure.
//! Every question is answered exactly once; with too many waiting it is [`Verdict::Busy`] at
//! once. A password that was right is remembered for a few minutes with its user, so that a
//! busy client costs one slow check, not one a connection; nothing is remembered of an address.
//!
//! A name nobody has is checked against a stand-in, so that neither time nor answers tell which
//! names there are. `users.rs` says how.

mod hash;
mod reload;
mod users;

pub use hash::{HashFault, PasswordHash};
pub use reload::Load;
pub use users::{USERS_MAX, User};

use crate::Chore;
use event::Kind;
use hmac::{Hmac, KeyInit as _, Mac as _};
use policy::login::{Pass, Verdict};
use sha2::Sha256;
use smtp::sasl::{Keys, Login};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;
use tokio::time::Instant;
use users::Users;

/// Checks that wait or are being made; one more is [`Verdict::Busy`].
pub const CHECKS_MAX: usize = 64;
/// How long a password is remembered to be right.
const REMEMBERED: Duration = Duration::from_mins(5);

/// The way to ask. Works from any thread.
#[derive(Clone)]
pub struct Verifier(Arc<Shared>);

struct Shared {
    users: RwLock<Arc<Users>>,
    /// Theirs. Behind them for a moment when they change.
    edition: AtomicU64,
    /// Whether one of them has SCRAM keys.
    scram: AtomicBool,
    /// Known to this process alone.
    key: [u8; 32],
    nonces: AtomicU64,
    checks: SyncSender<Check>,
    counts: Arc<Counts>,
}

/// One question.
struct Check {
    login: Login,
    /// The list it is asked of: a reload does not reach into a check.
    users: Arc<Users>,
    mark: Mark,
    answer: Box<dyn FnOnce(Verdict) + Send>,
}

/// What is remembered of a login: nothing that could be turned back into a password.
type Mark = [u8; 32];

/// What the service does, in numbers.
#[derive(Debug, Default)]
pub struct Counts {
    /// Passwords hashed: once for each login that was not remembered, whoever it was.
    pub hash_runs: AtomicU64,
    /// Logins remembered.
    pub remembered: AtomicU64,
    /// Logins put off.
    pub busy: AtomicU64,
    /// Users there are.
    pub users: AtomicU64,
}

impl Counts {
    /// Each of them, with its name and what it counts.
    pub(crate) fn rows(&self) -> [(&'static str, &'static str, Kind, u64); 4] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("auth_users", "Users there are", Kind::Gauge, read(&self.users)),
            ("auth_hash_runs", "Passwords hashed", Kind::Counter, read(&self.hash_runs)),
            ("auth_remembered", "Logins remembered", Kind::Counter, read(&self.remembered)),
            ("auth_busy", "Logins put off", Kind::Counter, read(&self.busy)),
        ]
    }
}

/// Reads the users and starts `threads` that check passwords. They end when the last
/// [`Verifier`] is dropped. Whoever does the chore has the users read again when they change.
///
/// # Errors
/// If the users cannot be read, a thread not be started, or the system has no random numbers.
pub fn start(load: Load, threads: usize) -> io::Result<(Verifier, Chore)> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let (checks, waiting) = sync_channel(CHECKS_MAX);
    let counts = Arc::new(Counts::default());
    let waiting = Arc::new(Mutex::new(waiting));
    for index in 0..threads.max(1) {
        let (waiting, counts) = (Arc::clone(&waiting), Arc::clone(&counts));
        let name = format!("auth-{index}");
        thread::Builder::new().name(name).spawn(move || work(&waiting, &counts))?;
    }
    let (users, stamp) = load.first()?;
    let users = Users::new(users, None);
    counts.users.store(users.len() as u64, Ordering::Relaxed);
    let (edition, scram) = (users.edition().into(), users.prove().into());
    let users = RwLock::new(Arc::new(users));
    let nonces = AtomicU64::new(0);
    let shared = Arc::new(Shared { users, edition, scram, key, nonces, checks, counts });
    let chore = reload::chore(&shared, load, stamp);
    Ok((Verifier(shared), chore))
}

/// Checks until nobody can ask any more.
fn work(waiting: &Mutex<Receiver<Check>>, counts: &Counts) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Check { login, users, mark, answer }) = next else { return };
        counts.hash_runs.fetch_add(1, Ordering::Relaxed);
        // A check that breaks off, for want of memory perhaps, says nothing about the password.
        let verdict = catch_unwind(AssertUnwindSafe(|| users.check(&login)));
        let verdict = verdict.map_or(Verdict::Busy, |pass| match pass {
            Some(pass) => {
                users.remember(&login.name, mark, Instant::now() + REMEMBERED);
                Verdict::Granted(pass)
            }
            None => Verdict::Wrong,
        });
        answer(verdict);
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// Asks whether `login` is right. `answer` is called once, on this or another thread: it
    /// must only hand the verdict on.
    pub fn check(&self, login: Login, answer: impl FnOnce(Verdict) + Send + 'static) {
        let (users, mark) = (self.0.users(), self.mark(&login));
        if let Some(pass) = users.remembered(&login.name, &mark, Instant::now()) {
            self.0.counts.remembered.fetch_add(1, Ordering::Relaxed);
            return answer(Verdict::Granted(pass));
        }
        let check = Check { login, users, mark, answer: Box::new(answer) };
        if let Err(TrySendError::Full(check) | TrySendError::Disconnected(check)) =
            self.0.checks.try_send(check)
        {
            self.0.counts.busy.fetch_add(1, Ordering::Relaxed);
            (check.answer)(Verdict::Busy);
        }
    }

    /// The SCRAM keys of `name`, and whom they prove. Who has none gets some that prove nobody.
    #[must_use]
    pub fn keys(&self, name: &str) -> (Keys, Option<Pass>) {
        self.0.users().keys(name)
    }

    /// Whether anybody has SCRAM keys.
    #[must_use]
    pub fn takes_scram(&self) -> bool {
        self.0.scram.load(Ordering::Relaxed)
    }

    /// What a pass is worth now; nothing, if its user is gone, or is proved by another password
    /// or other keys since. Costs nothing to speak of as long as the users stay as they are.
    #[must_use]
    pub fn renew(&self, pass: &Pass) -> Option<Pass> {
        if self.edition() == pass.edition {
            return Some(pass.clone());
        }
        self.0.users().renew(pass)
    }

    /// The number of the list that there is now.
    #[must_use]
    pub fn edition(&self) -> u64 {
        self.0.edition.load(Ordering::Relaxed)
    }

    /// The pass of a user whom somebody else has let in: no password is asked for.
    #[must_use]
    pub fn vouched_for(&self, name: &str) -> Option<Pass> {
        self.0.users().vouched_for(name)
    }

    /// Whether there is a user with this name. For a log: a peer must not come to know.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.0.users().knows(name)
    }

    /// Our half of a nonce: printable, used once, not to be guessed.
    #[must_use]
    pub fn nonce(&self) -> String {
        use base64::Engine as _;
        let count = self.0.nonces.fetch_add(1, Ordering::Relaxed);
        let [random, ..] = *self.sign(b"nonce", &[&count.to_be_bytes()]).as_chunks::<18>().0 else {
            unreachable!("a SHA-256 has 32 bytes");
        };
        base64::engine::general_purpose::STANDARD.encode(random)
    }

    /// What it does, in numbers.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.0.counts)
    }

    fn mark(&self, login: &Login) -> Mark {
        // A name holds no NUL, so no two logins run into each other.
        self.sign(b"login", &[login.name.as_bytes(), b"\0", login.password.reveal()])
    }

    fn sign(&self, what_for: &[u8], parts: &[&[u8]]) -> Mark {
        sign(&self.0.key, &[&[what_for, b"\0"], parts].concat())
    }
}

impl Shared {
    fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes another list. What is remembered goes with the old one.
    fn replace(&self, users: Vec<User>) {
        let users = Users::new(users, Some(&self.users()));
        self.counts.users.store(users.len() as u64, Ordering::Relaxed);
        let (edition, scram) = (users.edition(), users.prove());
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
        self.edition.store(edition, Ordering::Relaxed);
        self.scram.store(scram, Ordering::Relaxed);
    }
}

/// HMAC-SHA-256 of `parts`, one behind the other.
fn sign(key: &[u8], parts: &[&[u8]]) -> Mark {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
