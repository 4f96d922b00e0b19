//! The profiles that ship: the big mailbox providers, as far as their rules are known.

use super::provider::{BadProvider, Provider};
use std::path::Path;

/// Name and text of each, in the order they are listed.
pub const SHIPPED: &[(&str, &str)] = &[];

/// The text of a profile that ships.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// That there is none of this name, and which there are.
#[must_use]
pub fn unknown(name: &str) -> String {
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    format!("no profile is called `{name}`; there are {}", names.join(", "))
}

/// The profile that ships under this name, or that a file ending in `.toml` holds.
///
/// # Errors
/// If there is none, or what is wrong with it and in which line.
pub fn read(name: &str) -> Result<Provider, String> {
    let wrong = |error: BadProvider| error.to_string();
    if let Some(text) = text(name) {
        return Provider::read_profile(name, text).map_err(wrong);
    }
    if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        return Provider::read_profile(name, &text).map_err(wrong);
    }
    Err(format!("{}; or give a file that ends in .toml", unknown(name)))
}
