use super::{BYTES_MAX, Disk, POLICIES_MAX, RENEW_AFTER, RETRY_AFTER, Store, USED_WITHIN};
use event::Wall;
use route::{STS_AGE_MIN, STS_BYTES_MAX, StsPolicy};
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs, process};

const NOW: Wall = Wall(1_800_000_000_000);
const HOUR: Duration = Duration::from_hours(1);

fn text(age: Duration) -> String {
    format!("version: STSv1\nmode: enforce\nmx: a.b\nmax_age: {}\n", age.as_secs())
}

fn policy(age: Duration) -> StsPolicy {
    StsPolicy::parse("1", text(age).as_bytes()).unwrap()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("ringpost-store-{name}-{}", process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_was_fetched_is_there_after_a_restart() {
    let folder = Folder::new("restart");
    let disk = Disk::open(&folder.0).unwrap();
    for (domain, hours) in [("long.example", 48), ("short.example", 2)] {
        disk.write(domain, "old", NOW, text(HOUR * hours).as_bytes()).unwrap();
        disk.write(domain, "id7", NOW, text(HOUR * hours).as_bytes()).unwrap();
    }
    disk.write("broken.example", "1", NOW, b"version: STSv2").unwrap();
    disk.write("..", "1", NOW, b"x").unwrap_err();
    let whole = text(HOUR) + &"x".repeat(STS_BYTES_MAX);
    disk.write("large.example", "1", NOW, whole.as_bytes()).unwrap();
    fs::write(folder.0.join("note.TXT"), "not ours").unwrap();

    let disk = Disk::open(&folder.0).unwrap();
    let store = disk.load(NOW + HOUR * 2);
    let (known, life) = store.live("long.example", NOW + HOUR * 2).unwrap();
    assert_eq!((&*known.id, life), ("id7", HOUR * 46));
    assert_eq!(store.len(), 1, "the others have ended, or cannot be read");
    let mut left: Vec<_> =
        fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["long.example", "note.TXT"]);
}

#[test]
fn the_number_and_the_size_of_policies_are_bounded() {
    let mut store = Store::default();
    for number in 0..POLICIES_MAX {
        let age = STS_AGE_MIN * if number == 7 { 1 } else { 2 };
        assert!(store.keep(&format!("d{number}.example"), policy(age), NOW, 1).is_empty());
    }
    assert_eq!(store.keep("more.example", policy(HOUR), NOW, 1), ["d7.example"]);
    assert_eq!((store.len(), store.bytes), (POLICIES_MAX, POLICIES_MAX));
    assert!(store.live("more.example", NOW).is_some() && store.live("d7.example", NOW).is_none());

    let mut store = Store::default();
    let most = BYTES_MAX / STS_BYTES_MAX;
    for number in 0..most + 3 {
        store.keep(&format!("d{number}.example"), policy(HOUR), NOW, STS_BYTES_MAX);
    }
    assert_eq!((store.len(), store.bytes), (most, BYTES_MAX));
    store.keep("d5.example", policy(HOUR), NOW, 1);
    assert_eq!((store.len(), store.bytes), (most, BYTES_MAX - STS_BYTES_MAX + 1));
}

#[test]
fn a_policy_holds_for_as_long_as_it_says() {
    let mut store = Store::default();
    store.keep("a.example", policy(HOUR), NOW, 1);
    let last = Wall((NOW + HOUR).0 - 1);
    assert_eq!(store.live("a.example", last).unwrap().1, Duration::from_millis(1));
    assert!(store.live("a.example", NOW + HOUR).is_none());
    assert!(store.end(last).is_empty());
    assert_eq!(store.end(NOW + HOUR), ["a.example"]);
    assert_eq!(store.len(), 0);
}

/// Once a day, and more often where it would end before.
#[test]
fn policies_are_renewed_while_they_hold_and_are_used() {
    let mut store = Store::default();
    store.keep("short.example", policy(HOUR * 4), NOW, 1);
    store.keep("long.example", policy(HOUR * 24 * 30), NOW, 1);
    let due = |store: &Store, after: Duration| {
        let due = store.due(NOW + after, 2);
        due.into_iter().map(|(domain, _)| domain).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(due(&store, Duration::from_mins(119)), "");
    assert_eq!(due(&store, HOUR * 2), "short.example");
    assert!(store.tried("short.example", NOW + HOUR * 2).is_some());
    assert_eq!(due(&store, HOUR * 2 + RETRY_AFTER / 2), "");
    assert_eq!(due(&store, HOUR * 2 + RETRY_AFTER), "short.example");
    assert_eq!(due(&store, HOUR * 4), "", "that has ended");
    assert!(store.tried("short.example", NOW + HOUR * 4).is_none());
    assert_eq!(due(&store, RENEW_AFTER), "long.example");
    assert_eq!(due(&store, USED_WITHIN), "", "nobody needs it");
    store.used("long.example", NOW + HOUR);
    assert_eq!(due(&store, USED_WITHIN), "long.example");
}
