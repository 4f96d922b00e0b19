//! Days on disk.
//!
//! ```text
//!  spool/tls-report/     0700
//!    2026-11-28.json     0600: a day, as far as it is counted, or not yet reported
//!    -new                the one being written
//! ```
//!
//! What cannot be read, or is too old to be reported, is removed.

use super::day::Day;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What stands behind the date in the name of a day's file.
const SUFFIX: &str = ".json";

/// The folder of days.
#[derive(Debug)]
pub(super) struct Store(PathBuf);

impl Store {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// The days that are there.
    pub(super) fn load(&self) -> Vec<Day> {
        let read = |name: String| {
            let text = fs::read(self.0.join(&name)).ok()?;
            let day: Day = serde_json::from_slice(&text).ok()?;
            (file_of(&day) == name).then_some(day)
        };
        self.names().into_iter().filter_map(read).collect()
    }

    /// Writes these days, each in place of what was there of it, and removes all others.
    pub(super) fn keep(&self, days: &[Day]) -> io::Result<()> {
        for day in days {
            self.write(day)?;
        }
        for name in self.names() {
            if !days.iter().any(|day| file_of(day) == name) {
                fs::remove_file(self.0.join(name))?;
            }
        }
        Ok(())
    }

    fn write(&self, day: &Day) -> io::Result<()> {
        let new = self.0.join("-new");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(day)?)?;
        // A power cut costs a minute's counts, not the day's.
        file.sync_all()?;
        fs::rename(new, self.0.join(file_of(day)))
    }

    /// What is called as a day is.
    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        names.filter(|name| name.ends_with(SUFFIX)).collect()
    }
}

/// What the file of a day is called.
fn file_of(day: &Day) -> String {
    day.date() + SUFFIX
}

#[cfg(test)]
mod tests {
    use super::super::document::{Policy, PolicyType};
    use super::{Day, Store};
    use event::Wall;
    use std::{env, fs, process};

    #[test]
    fn days_are_read_back_as_they_were_and_others_go() {
        let folder = env::temp_dir().join(format!("ringpost-tls-report-{}", process::id()));
        let store = Store::open(&folder).unwrap();
        let mut day = Day::of(Wall(1_795_824_000_000));
        let policy = Policy {
            policy_type: PolicyType::NoPolicyFound,
            policy_string: Vec::new(),
            policy_domain: "a.example".to_owned(),
            mx_host: Vec::new(),
        };
        assert!(day.add("a.example", policy, None, 3));
        let next = Day { number: day.number + 1, ..Day::default() };
        store.keep(&[day.clone(), next.clone()]).unwrap();
        assert!(folder.join("2026-11-28.json").exists());
        fs::write(folder.join("2026-11-27.json"), "{").unwrap();
        fs::copy(folder.join("2026-11-28.json"), folder.join("2026-11-30.json")).unwrap();
        let mut days = Store::open(&folder).unwrap().load();
        days.sort_by_key(|day| day.number);
        assert_eq!(days, [day, next.clone()], "no other file is a day");
        store.keep(&[next]).unwrap();
        assert_eq!(store.names(), ["2026-11-29.json"]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
