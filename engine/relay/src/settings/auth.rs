//! Who may log in: the keys that settings have for it, and the file of the users.
//!
//! A users' file is read like settings, with the same refusals, but that nothing is repeated of
//! what stands in it: a line may hold a password that somebody forgot to hash.

use super::document::{Place, Reader, Section};
use super::fault::{Fault, Faults, Source};
use super::mail::words;
use super::source::{Label, read_terms};
use super::value::{Json, Text, Value};
use super::{Host, Listener, Settings};
use control::auth::{PasswordHash, USERS_MAX, User};
use smtp::sasl::Keys;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The largest users' file.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The most threads that check passwords.
const THREADS_MAX: u64 = 64;

/// `[auth]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The file of those who may log in.
    pub users: Option<PathBuf>,
    /// Threads that check passwords.
    pub threads: usize,
}

/// Who logs in at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Nobody.
    Off,
    /// Whoever wants to.
    Optional,
    /// Whoever wants to bring mail.
    Required,
}

words!(Login { "off" => Self::Off, "optional" => Self::Optional, "required" => Self::Required });

impl Auth {
    pub(super) fn read(auth: &mut Section<'_, '_>, host: &Host) -> Self {
        Self {
            users: auth.optional(
                "users",
                "The file of those who may log in, as `ringpost user hash` writes it. Read again \
                 when it changes.",
            ),
            threads: auth.bounded(
                "threads",
                1..=THREADS_MAX,
                (host.cores as u64 / 4).clamp(1, THREADS_MAX),
                "Threads that check passwords; each takes the memory that a hash asks for. \
                 Default: one for four cores.",
            ) as usize,
        }
    }
}

impl Settings {
    pub(super) fn check_auth(&self, reader: &mut Reader<'_>) {
        for (index, listener) in self.listeners.iter().enumerate() {
            let place = |name| Place { table: "listener", index: Some(index), name };
            if listener.auth != Login::Off && self.auth.users.is_none() {
                let wrong =
                    format!("`auth` is \"{}\", and there are no users", listener.auth.text());
                reader.refuse(place("auth"), wrong, "\"off\", or `users` in [auth]");
            }
            if listener.auth == Login::Off && !listener.auth_plaintext_from.is_empty() {
                let place = place("auth_plaintext_from");
                reader.refuse(place, "nobody logs in here: `auth` is \"off\"", "no such key");
            }
        }
    }
}

/// Reads the users in `file`, who may have these `pools`; without any, what is said of them is only
/// a label.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_users(file: &Path, pools: &[String]) -> Result<Vec<User>, Faults> {
    let name = file.display().to_string();
    let unread = |wrong: String| {
        let source = Source { name: &name, text: "" };
        Faults(vec![Fault::at(&source, None, wrong, String::new())])
    };
    let size = std::fs::metadata(file).map(|facts| facts.len());
    if size.is_ok_and(|size| size > FILE_BYTES_MAX) {
        return Err(unread(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => parse_users(&name, &text, pools),
        Err(error) => Err(unread(format!("cannot be read: {error}"))),
    }
}

/// Reads users from `text`, which messages call `name`. As [`load_users`].
///
/// # Errors
/// Everything that is wrong with it, without its text.
pub fn parse_users(name: &str, text: &str, pools: &[String]) -> Result<Vec<User>, Faults> {
    let source = Source { name, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| {
            Fault::at(&source, error.span(), error.message().to_owned(), String::new())
        };
        return Err(Faults::sorted(errors.iter().map(fault).collect()).without_excerpts());
    }
    let mut reader = Reader::of_another(source);
    let users = reader.top(Some(table.get_ref())).tables("user", 0, read_user);
    check(&users, pools, &mut reader);
    reader.finish().map_err(Faults::without_excerpts)?;
    Ok(users.into_iter().flatten().collect())
}

/// A name that a user can have, for the command line.
///
/// # Errors
/// What would be one.
pub fn user_name(text: &str) -> Result<String, String> {
    <Label as Text>::parse(text).map(|Label(name)| name).ok_or_else(<Label as Text>::allowed)
}

fn read_user(section: &mut Section<'_, '_>) -> Option<User> {
    let name = section.required::<Label>("name", "The name it logs in with.");
    let password = section.required("password", "Its password, hashed.");
    let scram = section.optional("scram", "Its keys for SCRAM-SHA-256.");
    let terms = read_terms(section);
    let scram = scram.map(|Secret(keys)| keys);
    Some(User { name: name?.0.into(), password: password.map(|Secret(hash)| hash)?, scram, terms })
}

fn check(users: &[Option<User>], pools: &[String], reader: &mut Reader<'_>) {
    let mut names = HashSet::new();
    for (index, user) in users.iter().enumerate() {
        let place = Place { table: "user", index: Some(index), name: "name" };
        if index == USERS_MAX {
            reader.refuse(place, "one user too many", format!("{USERS_MAX} users at most"));
        }
        if let Some(user) = user
            && !names.insert(&user.name)
        {
            let wrong = format!("another user is called \"{}\"", user.name);
            reader.refuse(place, wrong, "a name used once");
        }
        let pool = user.as_ref().and_then(|user| user.terms.pool.as_deref());
        let known = |pool| pools.iter().any(|known| known == pool);
        if !pools.is_empty() && pool.is_some_and(|pool| !known(pool)) {
            let place = Place { name: "pool", ..place };
            let names = pools.join("\", \"");
            reader.refuse(place, "no [[pool]] has this name", format!("\"{names}\""));
        }
    }
}

/// The listener's part of `check`: whether somebody can log in at all.
pub(super) fn warning(listener: &Listener, encrypts: bool) -> Option<String> {
    let deaf = listener.auth != Login::Off && !encrypts && listener.auth_plaintext_from.is_empty();
    deaf.then(|| {
        format!(
            "nobody can log in at {}: there is no TLS, and `auth_plaintext_from` is empty",
            listener.address
        )
    })
}

/// What is not repeated in messages.
struct Secret<T>(T);

/// A value that is written as a string and kept to itself.
trait Kept: Sized {
    const ALLOWED: &'static str;
    fn parse(text: &str) -> Option<Self>;
}

impl Kept for PasswordHash {
    const ALLOWED: &'static str =
        "an Argon2id or scrypt hash of at most 256 MiB, as `ringpost user hash` prints it";
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Kept for Keys {
    const ALLOWED: &'static str = "SCRAM-SHA-256 keys, as `ringpost user hash` prints them";
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl<T: Kept> Value for Secret<T> {
    const SECRET: bool = true;

    fn allowed() -> String {
        T::ALLOWED.to_owned()
    }

    fn schema() -> Json {
        serde_json::json!({ "type": "string", "description": T::ALLOWED })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        let read = value.get_ref().as_str().and_then(T::parse);
        read.map(Self).ok_or_else(|| value.span())
    }

    fn show(&self) -> String {
        "\"***\"".to_owned()
    }
}

#[cfg(test)]
mod tests;
