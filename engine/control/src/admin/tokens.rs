//! Who may ask, and order, at the operator's door.
//!
//! A token is a secret that whoever makes it shows once; kept is its SHA-256. It is long and random,
//! so a slow hash would protect nothing.

use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// The most tokens.
pub const TOKENS_MAX: usize = 1_000;
/// Random bytes of a new one.
const SECRET_BYTES: usize = 32;

/// What somebody may do. Who may do more may do all of the less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Ask.
    Monitor,
    /// Give orders as well.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Monitor, Self::Operator, Self::Admin];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// A token, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Who has it: what the log says who ordered something.
    pub name: Box<str>,
    /// What its bearer may do.
    pub role: Role,
    digest: [u8; 32],
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Token");
        shown.field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Token {
    /// A token of this name whose secret has this SHA-256 in hexadecimal digits; `None` if these
    /// are not 64 of them.
    #[must_use]
    pub fn new(name: &str, role: Role, sha256: &str) -> Option<Self> {
        let is_hexadecimal = sha256.len() == 64 && sha256.bytes().all(|it| it.is_ascii_hexdigit());
        let mut digest = [0; 32];
        for (byte, digits) in digest.iter_mut().zip(sha256.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).ok()?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        is_hexadecimal.then(|| Self { name: name.into(), role, digest })
    }

    /// A new secret, and its SHA-256, both in hexadecimal digits.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn secret() -> std::io::Result<(String, String)> {
        let mut random = [0; SECRET_BYTES];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let secret = hexadecimal(&random);
        let digest = hexadecimal(&Sha256::digest(secret.as_bytes()));
        Ok((secret, digest))
    }

    /// The token of whoever says this secret. Takes as long whichever it is.
    pub(super) fn of<'t>(all: &'t [Self], secret: &str) -> Option<&'t Self> {
        let digest = Sha256::digest(secret.as_bytes());
        let mut found = None;
        for token in all {
            if bool::from(token.digest.ct_eq(digest.as_slice())) {
                found = Some(token);
            }
        }
        found
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::{Role, Token};

    #[test]
    fn a_secret_is_known_by_its_digest_only() {
        let (secret, digest) = Token::secret().unwrap();
        let (other, _) = Token::secret().unwrap();
        assert_ne!(secret, other);
        let token = Token::new("anna", Role::Operator, &digest).unwrap();
        let all = [Token::new("x", Role::Monitor, &"0".repeat(64)).unwrap(), token.clone()];
        assert_eq!(Token::of(&all, &secret), Some(&token));
        assert_eq!(Token::of(&all, &other), None);
        assert_eq!(Token::of(&all, &digest), None);
        assert!(!format!("{token:?}").contains(&digest[..8]));
    }

    #[test]
    fn a_digest_has_64_digits() {
        for bad in ["", "abc", &"g".repeat(64), &"0".repeat(63), &"0".repeat(66), &"é".repeat(32)]
        {
            assert_eq!(Token::new("x", Role::Admin, bad), None, "{bad}");
        }
        assert!(Role::Monitor < Role::Operator && Role::Operator < Role::Admin);
    }
}
