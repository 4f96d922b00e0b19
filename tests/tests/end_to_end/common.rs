//! What the tests here have in common.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tests::postfix::Postfix;
use tests::wait;

/// How long mail may take, on a machine that does ten other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Retries soon enough for a test.
pub(crate) const RETRY_SOON: &str = "[retry]\nfirst = \"300ms\"\nfactor = 1.0\njitter = 0.0\n";

/// The settings of a route.
pub(crate) fn route(domain: &str, to: SocketAddr) -> String {
    format!("[[route]]\ndomain = \"{domain}\"\nto = [\"{to}\"]\n")
}

/// Runs `command` to its end.
///
/// # Errors
/// If it fails; with all it said.
pub(crate) fn succeed(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let failure = || io::Error::other(format!("{command:?}: {}\n{said}", output.status));
    if output.status.success() { Ok(said) } else { Err(failure()) }
}

/// A Postfix that delivers all mail for `site.test` into one maildir.
pub(crate) struct Mailboxes {
    pub(crate) postfix: Postfix,
    inbox: PathBuf,
}

impl Mailboxes {
    /// Starts one in `folder`, with `settings` on top.
    pub(crate) fn start(folder: &Path, settings: &[(&str, &str)]) -> io::Result<Self> {
        /// Whom Postfix delivers as: nobody, who must own the place.
        const NOBODY: u32 = 65_534;
        let base = folder.join("mail");
        fs::create_dir_all(&base)?;
        chown(&base, Some(NOBODY), Some(NOBODY))?;
        let (owner, place) = (format!("static:{NOBODY}"), base.display().to_string());
        let mailboxes = [
            ("virtual_mailbox_domains", "site.test"),
            ("virtual_mailbox_maps", "static:inbox/"),
            ("virtual_mailbox_base", place.as_str()),
            ("virtual_uid_maps", owner.as_str()),
            ("virtual_gid_maps", owner.as_str()),
        ];
        let settings: Vec<_> = mailboxes.iter().chain(settings).copied().collect();
        let postfix = Postfix::start(folder, &settings)?;
        Ok(Self { postfix, inbox: base.join("inbox/new") })
    }

    /// Waits for exactly `count` mails and returns their texts.
    pub(crate) fn wait_for(&self, count: usize) -> io::Result<Vec<String>> {
        let there = || (fs::read_dir(&self.inbox).ok()?.count() >= count).then_some(());
        wait::until("mail in the maildir", PATIENCE, there)
            .map_err(|late| io::Error::other(format!("{late}\n{}", self.postfix.log())))?;
        let files = fs::read_dir(&self.inbox)?.map(|file| fs::read(file?.path()));
        files.map(|text| Ok(String::from_utf8_lossy(&text?).into_owned())).collect()
    }
}
