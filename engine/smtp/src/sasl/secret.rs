//! Names and passwords as they are compared: prepared, and not shown.

use super::Fault;
use std::fmt;

/// The longest name of a user, in bytes, prepared.
pub const NAME_BYTES_MAX: usize = 255;
/// The longest password, in bytes, prepared.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Something that must not be shown. Its debug form is stars, however long it is.
///
/// It cannot be compared either, but in tests of the machine: whoever checks a password
/// compares what a hash makes of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes these bytes as they are.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// What it is.
    #[must_use]
    pub const fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A user's name as it is compared.
///
/// # Errors
/// If no user can have it.
pub fn name(bytes: &[u8]) -> Result<Box<str>, Fault> {
    prepared(bytes, NAME_BYTES_MAX)
}

/// A password as it is hashed.
///
/// # Errors
/// If nobody can have it.
pub fn password(bytes: &[u8]) -> Result<Secret, Fault> {
    Ok(Secret(prepared(bytes, PASSWORD_BYTES_MAX)?.into_boxed_bytes()))
}

/// [RFC 4013 §2](https://www.rfc-editor.org/rfc/rfc4013#section-2): of ASCII, all but control
/// characters, unchanged.
fn prepared(bytes: &[u8], bytes_max: usize) -> Result<Box<str>, Fault> {
    let fits = |text: &str| (1..=bytes_max).contains(&text.len());
    let text = std::str::from_utf8(bytes).ok().filter(|text| fits(text)).ok_or(Fault::Denied)?;
    let text = stringprep::saslprep(text).map_err(|_| Fault::Denied)?;
    fits(&text).then(|| text.into()).ok_or(Fault::Denied)
}
