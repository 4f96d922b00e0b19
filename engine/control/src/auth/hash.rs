//! A password, hashed: a PHC string of Argon2id or scrypt.
//!
//! `$argon2id$v=19$m=19456,t=2,p=1$salt$hash` says itself how it was made, so what new ones are
//! made with can change while old ones stay right.

use argon2::password_hash::phc;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use scrypt::Scrypt;
use smtp::sasl::Secret;
use std::fmt;

/// The memory one check may take.
const MEMORY_BYTES_MAX: u64 = 256 * 1_024 * 1_024;
/// How often it may go over that memory.
const PASSES_MAX: u64 = 64;
/// What a new hash is salted with.
const SALT_BYTES: usize = 16;

/// A hash that can be checked.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Box<str>,
    parsed: phc::PasswordHash,
}

/// Why a text is no hash we check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFault {
    /// It is no PHC string, or lacks its salt or its hash.
    Syntax,
    /// It is neither Argon2id nor scrypt, or not in a version we know.
    Algorithm,
    /// A check would take more memory or time than one may.
    TooCostly,
}

impl fmt::Display for HashFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "is no hash of a password",
            Self::Algorithm => "is made neither by Argon2id nor by scrypt",
            Self::TooCostly => "takes more than 256 MiB or 64 passes to check",
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

impl PasswordHash {
    /// Reads one.
    ///
    /// # Errors
    /// If it is none that we can and want to check.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        let parsed = phc::PasswordHash::new(text).map_err(|_| HashFault::Syntax)?;
        if parsed.salt.is_none() || parsed.hash.is_none() {
            return Err(HashFault::Syntax);
        }
        let parameter = |name: &str| parsed.params.get_decimal(name).map(u64::from);
        let (bytes, passes) = match parsed.algorithm.as_str() {
            "argon2id" => {
                argon2::Params::try_from(&parsed).map_err(|_| HashFault::Algorithm)?;
                if parsed.version.is_some_and(|version| version != 0x13) {
                    return Err(HashFault::Algorithm);
                }
                (parameter("m").map(|kib| kib * 1_024), parameter("t"))
            }
            "scrypt" => {
                scrypt::Params::try_from(&parsed).map_err(|_| HashFault::Algorithm)?;
                let blocks = parameter("ln").and_then(|ln| 1_u64.checked_shl(ln as u32));
                let bytes = blocks.zip(parameter("r")).and_then(|(n, r)| n.checked_mul(r * 128));
                (bytes, parameter("p"))
            }
            _ => return Err(HashFault::Algorithm),
        };
        let fits = bytes.is_some_and(|bytes| bytes <= MEMORY_BYTES_MAX)
            && passes.is_some_and(|passes| passes <= PASSES_MAX);
        if fits { Ok(Self { text: text.into(), parsed }) } else { Err(HashFault::TooCostly) }
    }

    /// Hashes with Argon2id: 19 MiB, two passes, one lane.
    ///
    /// # Errors
    /// If the system has no random numbers, or no memory.
    pub fn argon2id(password: &Secret) -> std::io::Result<Self> {
        Self::make(|salt| Argon2::default().hash_password_with_salt(password.reveal(), salt))
    }

    /// Hashes with scrypt: 128 MiB.
    ///
    /// # Errors
    /// As [`Self::argon2id`].
    pub fn scrypt(password: &Secret) -> std::io::Result<Self> {
        Self::make(|salt| Scrypt::new().hash_password_with_salt(password.reveal(), salt))
    }

    fn make(
        hash: impl FnOnce(&[u8]) -> argon2::password_hash::Result<phc::PasswordHash>,
    ) -> std::io::Result<Self> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(std::io::Error::other)?;
        let parsed = hash(&salt).map_err(std::io::Error::other)?;
        Ok(Self { text: parsed.to_string().into(), parsed })
    }

    /// As it is written.
    #[must_use]
    pub const fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is this password's. Slow: a few hundredths of a second, as it says itself. The
    /// comparison at the end takes the same time wherever the difference is.
    #[must_use]
    pub fn verify(&self, password: &Secret) -> bool {
        let password = password.reveal();
        match self.parsed.algorithm.as_str() {
            "scrypt" => Scrypt::new().verify_password(password, &self.parsed).is_ok(),
            _ => Argon2::default().verify_password(password, &self.parsed).is_ok(),
        }
    }
}
