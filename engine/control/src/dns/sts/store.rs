//! Policies that were fetched, in memory and on disk.
//!
//! ```text
//!  spool/mta-sts/     0700
//!    example.com      0600: its policy, as it was fetched, behind two lines of ours
//!      id 20160831085700Z
//!      fetched 1800000000000          milliseconds since 1970
//!      version: STSv1
//!      ...
//!    -new             the one being written; no domain begins with a hyphen
//! ```
//!
//! What is lost is fetched again; what cannot be read is removed.

use event::Wall;
use route::{STS_BYTES_MAX, StsPolicy, in_our_spelling};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most policies that are kept. Past it, the one that ends first goes.
pub(super) const POLICIES_MAX: usize = 10_000;
/// The most bytes that they may have, all together.
pub(super) const BYTES_MAX: usize = 32 << 20;
/// A policy is fetched again after this, or after half its life.
/// [RFC 8461 §3.3](https://www.rfc-editor.org/rfc/rfc8461#section-3.3)
const RENEW_AFTER: Duration = Duration::from_hours(24);
/// If that fails, it is tried again after this.
const RETRY_AFTER: Duration = Duration::from_hours(1);
/// Policies that nobody has used for so long are let go of when they end.
const USED_WITHIN: Duration = Duration::from_hours(7 * 24);
/// What is written before a policy is no longer than this.
const HEAD_BYTES_MAX: usize = 128;

/// Policies in memory.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Never iterated: its order is nobody's.
    kept: HashMap<String, Kept>,
    /// The same domains by when their policies end.
    ends: BTreeSet<(Wall, String)>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    policy: Arc<StsPolicy>,
    bytes: usize,
    fetched: Wall,
    /// When it was last tried to fetch it again.
    tried: Wall,
    used: Wall,
}

impl Kept {
    fn ends(&self) -> Wall {
        self.fetched + self.policy.age_max
    }

    fn is_due(&self, now: Wall) -> bool {
        let renew = self.fetched + RENEW_AFTER.min(self.policy.age_max / 2);
        let is_old = renew <= now && now < self.ends();
        is_old && self.tried + RETRY_AFTER <= now && now < self.used + USED_WITHIN
    }
}

impl Store {
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The policy of a domain that holds now, and for how long it does.
    pub(super) fn live(&self, domain: &str, now: Wall) -> Option<(&Arc<StsPolicy>, Duration)> {
        let kept = self.kept.get(domain).filter(|kept| now < kept.ends())?;
        Some((&kept.policy, kept.ends().since(now)))
    }

    /// Somebody uses the policy of this domain.
    pub(super) fn used(&mut self, domain: &str, now: Wall) {
        if let Some(kept) = self.kept.get_mut(domain) {
            kept.used = now;
        }
    }

    /// The policy of a domain could not be fetched; the one that holds all the same, if one does.
    pub(super) fn tried(&mut self, domain: &str, now: Wall) -> Option<Arc<StsPolicy>> {
        let kept = self.kept.get_mut(domain)?;
        kept.tried = now;
        (now < kept.ends()).then(|| Arc::clone(&kept.policy))
    }

    /// Keeps a policy of so many bytes that was just fetched; the domains whose had to go for it.
    pub(super) fn keep(
        &mut self,
        domain: &str,
        policy: StsPolicy,
        now: Wall,
        bytes: usize,
    ) -> Vec<String> {
        self.remove(domain);
        let policy = Arc::new(policy);
        let kept = Kept { policy, bytes, fetched: now, tried: Wall(0), used: now };
        self.ends.insert((kept.ends(), domain.to_owned()));
        self.bytes += bytes;
        self.kept.insert(domain.to_owned(), kept);
        let mut gone = Vec::new();
        while (self.kept.len() > POLICIES_MAX || self.bytes > BYTES_MAX)
            && let Some((_, first)) = self.ends.first().cloned()
        {
            self.remove(&first);
            gone.push(first);
        }
        gone
    }

    /// At most `most` domains whose policies are to be fetched again, with what their records
    /// said; those that end first, first.
    pub(super) fn due(&self, now: Wall, most: usize) -> Vec<(String, Box<str>)> {
        let kept = self.ends.iter().filter_map(|(_, domain)| self.kept.get_key_value(domain));
        let due = kept.filter(|(_, kept)| kept.is_due(now));
        due.map(|(domain, kept)| (domain.clone(), kept.policy.id.clone())).take(most).collect()
    }

    /// Lets go of those that have ended; whose they were.
    pub(super) fn end(&mut self, now: Wall) -> Vec<String> {
        let mut ended = Vec::new();
        while let Some((_, first)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            self.remove(&first);
            ended.push(first);
        }
        ended
    }

    fn remove(&mut self, domain: &str) {
        if let Some((domain, old)) = self.kept.remove_entry(domain) {
            self.bytes -= old.bytes;
            self.ends.remove(&(old.ends(), domain));
        }
    }
}

/// Policies on disk.
#[derive(Debug)]
pub(super) struct Disk(Mutex<PathBuf>);

impl Disk {
    /// In this folder.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self(Mutex::new(folder.to_owned())))
    }

    /// Those that are there, and hold. Others are removed.
    pub(super) fn load(&self, now: Wall) -> Store {
        let mut store = Store::default();
        let folder = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let names =
            fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.file_name());
        for name in names {
            let Some(domain) = name.to_str().filter(|name| is_ours(name)) else { continue };
            let gone = match read(&folder.join(domain)) {
                Some((policy, fetched, bytes)) if now < fetched + policy.age_max => {
                    store.keep(domain, policy, fetched, bytes)
                }
                _ => vec![domain.to_owned()],
            };
            for domain in gone {
                self.remove(&domain);
            }
            store.used(domain, now);
        }
        store
    }

    /// Writes one, in place of any there was.
    pub(super) fn write(&self, domain: &str, id: &str, now: Wall, text: &[u8]) -> io::Result<()> {
        // One at a time: they all use the same file before it has its name.
        let folder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (new, place) = (folder.join("-new"), folder.join(domain));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(format!("id {id}\nfetched {}\n", now.0).as_bytes())?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(new, place)
    }

    /// Removes one; it does not matter if that fails.
    pub(super) fn remove(&self, domain: &str) {
        let folder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = fs::remove_file(folder.join(domain));
    }
}

/// Whether a file is called as we call one.
fn is_ours(name: &str) -> bool {
    in_our_spelling(name).is_some_and(|domain| domain == name)
}

/// The policy in a file, when it was fetched, and its bytes.
fn read(path: &Path) -> Option<(StsPolicy, Wall, usize)> {
    let mut text = Vec::new();
    let most = (HEAD_BYTES_MAX + STS_BYTES_MAX) as u64;
    File::open(path).ok()?.take(most).read_to_end(&mut text).ok()?;
    let (id, rest) = line(&text, "id ")?;
    let (fetched, policy) = line(rest, "fetched ")?;
    Some((StsPolicy::parse(id, policy).ok()?, Wall(fetched.parse().ok()?), policy.len()))
}

/// What stands behind `name` in the first line, and what stands behind that.
fn line<'t>(text: &'t [u8], name: &str) -> Option<(&'t str, &'t [u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let line = str::from_utf8(text.get(..end)?).ok()?;
    Some((line.strip_prefix(name)?, text.get(end + 1..)?))
}

#[cfg(test)]
mod tests;
