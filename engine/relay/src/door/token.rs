//! `ringpost token`: an entry for the file of those who may ask and order at the admin door.

use crate::command::{complain, say};
use crate::settings;
use control::admin::{Role, Token as Kept};
use std::io;

/// A new token.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The entry goes to standard output, for the file that [admin] `tokens` names; the secret, which is
kept nowhere, to standard error.")]
pub(crate) struct Token {
    /// Who will have it: letters, digits and - _ . @
    #[arg(value_parser = settings::user_name)]
    name: String,
    /// What its bearer may do: monitor, operator or admin
    #[arg(long, value_parser = role)]
    role: Role,
}

fn role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.name() == text);
    known.ok_or_else(|| format!("one of {}", Role::ALL.map(Role::name).join(", ")))
}

impl Token {
    /// Makes it.
    pub(crate) fn make(&self) -> io::Result<()> {
        let (secret, sha256) = Kept::secret()?;
        let role = self.role.name();
        say(&format!(
            "[[token]]\nname = \"{}\"\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n",
            self.name
        ))?;
        complain(&format!("{secret}\n"));
        Ok(())
    }
}
