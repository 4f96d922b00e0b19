//! How a relay's program is started: what it is told, and what of the file system it sees.

use super::relay::Site;
use ::tests::process::Process;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the unpacked packages are inside a relay's mounts: a place that is always there, and
/// that a user without rights can reach, wherever the workspace lies.
const UNPACKED: &str = "/mnt";
/// What our own users are called by number, far from those of a system.
const USER_IDS_FIRST: u32 = 64_901;

/// Mounts folders in pairs, and becomes the program behind them.
const MOUNT_AND_RUN: &str = r#"
    set -e
    while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
    shift
    exec "$@""#;

/// A program, ready to be started, and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Launch {
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    /// Further environment variables.
    pub(super) environment: Vec<(&'static str, String)>,
    /// Folders it sees in the place of others: in a mount namespace of its own, which is gone
    /// when its last process is.
    pub(super) mounts: Vec<(PathBuf, &'static str)>,
}

impl Launch {
    /// Starts it; what it says is added to `log`.
    pub(super) fn start(&self, log: &Path) -> io::Result<Process> {
        if self.mounts.is_empty() {
            return Process::start(&mut self.plain(&self.command), log);
        }
        let mut unshare = vec!["unshare".into(), "--mount".into(), "sh".into(), "-c".into()];
        unshare.extend([MOUNT_AND_RUN.into(), "sh".into()]);
        for (folder, place) in &self.mounts {
            unshare.extend([folder.display().to_string(), (*place).to_owned()]);
        }
        unshare.push("--".into());
        unshare.extend(self.command.iter().cloned());
        Process::start(&mut self.plain(&unshare), log)
    }

    /// Another command that sees what the running program `id` sees.
    pub(super) fn beside(&self, id: u32, command: &[String]) -> Command {
        if self.mounts.is_empty() {
            return self.plain(command);
        }
        let mut enter = vec!["nsenter".into(), "--mount".into(), "--target".into()];
        enter.push(id.to_string());
        enter.extend(command.iter().cloned());
        self.plain(&enter)
    }

    fn plain(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs(self.environment.iter().cloned());
        command
    }
}

/// A relay of Debian's: installed on this system, or unpacked by `bench/peers/install`.
#[derive(Clone, Debug)]
pub(super) struct Installed {
    /// Where it is unpacked, if it is not installed.
    unpacked: Option<PathBuf>,
}

impl Installed {
    /// Where `program` (such as `usr/sbin/exim4`) is.
    ///
    /// # Errors
    /// What to do, if it is nowhere.
    pub(super) fn find(program: &str) -> Result<Self, String> {
        if Path::new("/").join(program).is_file() {
            return Ok(Self { unpacked: None });
        }
        let unpacked = folder().join("debian");
        let there = unpacked.join(program).is_file();
        there.then_some(Self { unpacked: Some(unpacked) }).ok_or_else(|| missing(program))
    }

    /// The path of one of its programs, as it is seen inside [`Self::mounts`].
    pub(super) fn path(&self, program: &str) -> String {
        format!("{}/{program}", if self.unpacked.is_some() { UNPACKED } else { "" })
    }

    /// Where its libraries are, for `LD_LIBRARY_PATH`.
    pub(super) fn libraries(&self) -> String {
        format!("{}/usr/lib/x86_64-linux-gnu", if self.unpacked.is_some() { UNPACKED } else { "" })
    }

    /// What must be mounted for it: itself, if it is unpacked; and below `folder` an `/etc`
    /// with only what programs need of it, and `users`.
    pub(super) fn mounts(
        &self,
        folder: &Path,
        users: &[&str],
    ) -> io::Result<Vec<(PathBuf, &'static str)>> {
        let etc = folder.join("etc");
        fs::create_dir_all(&etc)?;
        for file in ["passwd", "group", "hosts", "services", "protocols", "ld.so.cache"] {
            let text = fs::read(Path::new("/etc").join(file)).unwrap_or_default();
            fs::write(etc.join(file), text)?;
        }
        // Nobody here may ask the world's DNS.
        let sources = "passwd: files\ngroup: files\nhosts: files\nservices: files\n";
        fs::write(etc.join("nsswitch.conf"), sources)?;
        fs::write(etc.join("resolv.conf"), "nameserver 127.0.0.1\n")?;
        add_users(&etc, users)?;
        let itself = self.unpacked.iter().map(|root| (root.clone(), UNPACKED));
        Ok(itself.chain([(etc, "/etc")]).collect())
    }
}

/// Where `bench/peers/install` puts the relays.
pub(super) fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    let folder = target.join("peers");
    fs::canonicalize(&folder).unwrap_or(folder)
}

/// What to do about a program that is not there.
pub(super) fn missing(program: &str) -> String {
    format!("no {program} on this system nor below {}: run bench/peers/install", folder().display())
}

/// A folder of the round.
pub(super) fn make(site: &Site, name: &str) -> io::Result<PathBuf> {
    let folder = site.folder.join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// [`make`], and it belongs to `user` of the round's own `/etc`.
pub(super) fn make_for(site: &Site, name: &str, user: &str) -> io::Result<()> {
    let users = fs::read_to_string(site.folder.join("etc/passwd"))?;
    let ids = ids_of(user, &users).ok_or_else(|| io::Error::other(format!("no user {user}")))?;
    std::os::unix::fs::chown(make(site, name)?, Some(ids.0), Some(ids.1))
}

/// The numbers of a user and of its group.
fn ids_of(user: &str, users: &str) -> Option<(u32, u32)> {
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.first() == Some(&user))?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// Users and groups that an installed relay has already stay as they are.
fn add_users(etc: &Path, users: &[&str]) -> io::Result<()> {
    for (file, rest) in [("passwd", ":/nonexistent:/usr/sbin/nologin"), ("group", "")] {
        let mut text = fs::read_to_string(etc.join(file))?;
        for (id, user) in (USER_IDS_FIRST..).zip(users) {
            if !text.lines().any(|line| line.split(':').next() == Some(*user)) {
                let group = if file == "passwd" { format!("{id}:") } else { String::new() };
                let _ = writeln!(text, "{user}:x:{id}:{group}{rest}");
            }
        }
        fs::write(etc.join(file), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{add_users, ids_of};
    use ::tests::scratch::Scratch;
    use std::fs;

    #[test]
    fn users_are_added_where_they_are_not() {
        let scratch = Scratch::new("peers-users").unwrap();
        let etc = scratch.path();
        fs::write(etc.join("passwd"), "root:x:0:0::/root:/bin/sh\nb:x:9:8::/:/bin/sh\n").unwrap();
        fs::write(etc.join("group"), "root:x:0:\n").unwrap();
        add_users(etc, &["a", "b"]).unwrap();
        let users = fs::read_to_string(etc.join("passwd")).unwrap();
        assert_eq!(
            users,
            "root:x:0:0::/root:/bin/sh\n\
             b:x:9:8::/:/bin/sh\n\
             a:x:64901:64901::/nonexistent:/usr/sbin/nologin\n"
        );
        let groups = fs::read_to_string(etc.join("group")).unwrap();
        assert_eq!(groups, "root:x:0:\na:x:64901:\nb:x:64902:\n");
        let ids = ["a", "b", "c"].map(|user| ids_of(user, &users));
        assert_eq!(ids, [Some((64_901, 64_901)), Some((9, 8)), None]);
    }
}
