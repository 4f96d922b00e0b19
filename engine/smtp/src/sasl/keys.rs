//! What a server keeps of a password for SCRAM: enough to check a proof, too little to make one.
//!
//! Written as `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, the last three in base64:
//! [RFC 5803 §2](https://www.rfc-editor.org/rfc/rfc5803#section-2).

use super::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Fewer iterations than this no client should do.
/// [RFC 7677 §4](https://www.rfc-editor.org/rfc/rfc7677#section-4)
pub const ITERATIONS_MIN: u32 = 4_096;
/// More than this no client should be asked for.
pub const ITERATIONS_MAX: u32 = 10_000_000;
/// What new keys are made with: a hundredth of a second of a client's time, and a hundred
/// thousand times that of whoever has a list of keys and guesses.
pub const ITERATIONS_USUAL: u32 = 100_000;
/// The length of a new salt.
pub const SALT_BYTES_USUAL: usize = 16;
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=2 * HASH_BYTES;

const SCHEME: &str = "SCRAM-SHA-256$";

/// The length of a SHA-256.
pub(super) const HASH_BYTES: usize = 32;
pub(super) type Hash = [u8; HASH_BYTES];

/// One user's keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    salt: Box<[u8]>,
    iterations: u32,
    pub(super) stored: Hash,
    pub(super) server: Hash,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored, &self.server].map(|bytes| STANDARD.encode(bytes));
        write!(f, "{SCHEME}{}:{salt}${stored}:{server}", self.iterations)
    }
}

impl Keys {
    /// Makes them from a password, which takes as many hashes as there are iterations.
    ///
    /// [RFC 5802 §3](https://www.rfc-editor.org/rfc/rfc5802#section-3)
    #[must_use]
    pub fn derive(password: &Secret, salt: &[u8], iterations: u32) -> Self {
        let mut salted = Hash::default();
        pbkdf2::pbkdf2_hmac::<Sha256>(password.reveal(), salt, iterations, &mut salted);
        let client = sign(&salted, &[b"Client Key"]);
        let (stored, server) = (Sha256::digest(client).into(), sign(&salted, &[b"Server Key"]));
        Self { salt: salt.into(), iterations, stored, server }
    }

    /// Keys nobody can prove to have: in the likeness of `model`, with a salt and secrets that
    /// come from `seed`. The peer sees nothing in them that real ones would not have.
    #[must_use]
    pub fn made_up(model: Option<&Self>, seed: &[u8]) -> Self {
        let (length, iterations) = model.map_or((SALT_BYTES_USUAL, ITERATIONS_USUAL), |model| {
            (model.salt.len(), model.iterations)
        });
        let grow = |label: &[u8]| sign(seed, &[label]);
        let salt = [grow(b"salt"), grow(b"more salt")].concat();
        let salt = salt.into_iter().take(length).collect();
        Self { salt, iterations, stored: grow(b"stored"), server: grow(b"server") }
    }

    /// Reads them as they are written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (work, secrets) = text.strip_prefix(SCHEME)?.split_once('$')?;
        let (iterations, salt) = work.split_once(':')?;
        let (stored, server) = secrets.split_once(':')?;
        let iterations = number(iterations)?;
        let salt = STANDARD.decode(salt).ok().filter(|salt| SALT_BYTES.contains(&salt.len()))?;
        let hash = |text: &str| Hash::try_from(STANDARD.decode(text).ok()?).ok();
        let (stored, server) = (hash(stored)?, hash(server)?);
        (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations).then(|| Self {
            salt: salt.into(),
            iterations,
            stored,
            server,
        })
    }

    /// The salt, in base64.
    pub(super) fn salt(&self) -> String {
        STANDARD.encode(&self.salt)
    }

    pub(super) const fn iterations(&self) -> u32 {
        self.iterations
    }
}

/// A number with one spelling.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

/// HMAC-SHA-256 of `parts`, one behind the other.
pub(super) fn sign(key: &[u8], parts: &[&[u8]]) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
