//! `ringpost user`: entries for the file of those who may log in, made and checked.

use crate::command::say;
use crate::settings::{self, Faults};
use clap::Subcommand;
use control::auth::PasswordHash;
use smtp::sasl::{ITERATIONS_MAX, ITERATIONS_MIN, ITERATIONS_USUAL, Keys, SALT_BYTES_USUAL};
use smtp::sasl::{PASSWORD_BYTES_MAX, Secret, password};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

/// What is asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Reads a password from standard input and prints the entry of its user
    Hash(New),
    /// Says whether a file of users is right; if not, where, and what would be
    Check {
        /// The file
        file: PathBuf,
    },
}

/// A new entry.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The name to log in with: letters, digits and - _ . @
    #[arg(value_parser = settings::user_name)]
    name: String,
    /// Hashes with scrypt (128 MiB) instead of Argon2id (19 MiB)
    #[arg(long)]
    scrypt: bool,
    /// Makes no keys for SCRAM-SHA-256: the user then has to send the password
    #[arg(long)]
    without_scram: bool,
    /// Hashes that a client does to log in by SCRAM-SHA-256
    #[arg(long, value_name = "N", default_value_t = ITERATIONS_USUAL)]
    #[arg(value_parser = clap::value_parser!(u32).range(i64::from(ITERATIONS_MIN)..=i64::from(ITERATIONS_MAX)))]
    iterations: u32,
}

/// Does what is asked.
///
/// # Errors
/// The faults of the file of users.
pub(crate) fn run(verb: &Verb) -> Result<io::Result<()>, Faults> {
    Ok(match verb {
        Verb::Hash(new) => read_password().and_then(|password| hash(new, &password)),
        Verb::Check { file } => {
            let users = settings::load_users(file, &[])?;
            let proving = users.iter().filter(|user| user.scram.is_some()).count();
            let (file, count) = (file.display(), users.len());
            say(&format!("users are right: {file}: {count}, {proving} with SCRAM keys\n"))
        }
    })
}

fn hash(new: &New, password: &Secret) -> io::Result<()> {
    let hash = if new.scrypt { PasswordHash::scrypt } else { PasswordHash::argon2id };
    let hash = hash(password)?;
    let mut entry = format!("[[user]]\nname = \"{}\"\npassword = \"{}\"\n", new.name, hash.text());
    if !new.without_scram {
        let mut salt = [0; SALT_BYTES_USUAL];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let keys = Keys::derive(password, &salt, new.iterations);
        entry = format!("{entry}scram = \"{keys}\"\n");
    }
    say(&entry)
}

/// The first line of standard input.
fn read_password() -> io::Result<Secret> {
    let input = io::stdin().lock();
    if input.is_terminal() {
        crate::command::complain("Password (it will be seen), then Enter: ");
    }
    let mut line = Vec::new();
    input.take(PASSWORD_BYTES_MAX as u64 + 2).read_until(b'\n', &mut line)?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    password(line).map_err(|_| {
        io::Error::other(format!(
            "no such password: 1 to {PASSWORD_BYTES_MAX} bytes of UTF-8 without control characters"
        ))
    })
}
