//! Those who vouch for clients: read at start, looked at again while we run.

use super::{say, unreadable, warn};
use std::fs;
use std::path::{Path, PathBuf};
use wire::{Acceptor, Clients, Roots};

/// The file of a listener, and what is in it.
pub(super) struct Vouchers {
    path: PathBuf,
    /// Who shows no certificate is not let in.
    required: bool,
    roots: Roots,
    /// What was last found in the file, be it of use or not.
    found: Result<Vec<u8>, String>,
    /// What was found is in use, or it has been said why not.
    settled: bool,
}

impl Vouchers {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(path: &Path, required: bool) -> Result<Self, String> {
        let found = pem(path);
        let roots = roots(&found)?;
        Ok(Self { path: path.to_owned(), required, roots, found, settled: true })
    }

    /// What is asked of clients.
    pub(super) fn clients(&self) -> Clients {
        let roots = self.roots.clone();
        if self.required { Clients::Required(roots) } else { Clients::Optional(roots) }
    }

    /// Looks at the file, and has `acceptor` ask for what is new in it. What is no good is told
    /// of when it is still there at the next look: it may have been half written.
    pub(super) fn look(&mut self, acceptor: &Acceptor) {
        let found = pem(&self.path);
        let is_new = found != self.found;
        self.found = found;
        self.settled &= !is_new;
        if self.settled {
            return;
        }
        match self.take(acceptor) {
            Ok(()) => {
                self.settled = true;
                say(format!("{} has changed: clients are asked anew", self.path.display()));
            }
            Err(wrong) if !is_new => {
                self.settled = true;
                warn(format!(
                    "{} {wrong}: those who vouched for clients before still do",
                    self.path.display()
                ));
            }
            Err(_) => (),
        }
    }

    fn take(&mut self, acceptor: &Acceptor) -> Result<(), String> {
        self.roots = roots(&self.found)?;
        acceptor.replace_clients(&self.clients()).map_err(|fault| fault.to_string())
    }
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| unreadable(&error))
}

fn roots(found: &Result<Vec<u8>, String>) -> Result<Roots, String> {
    Roots::from_pem(found.as_ref().map_err(String::clone)?)
}
