//! What is new in settings that are read again, and whether that can be put in force while we run.

use super::fault::{Fault, Faults, Source};
use super::{Entry, Loaded, Origin};
use std::collections::BTreeMap;

/// Tables that may change: where mail comes from and goes, from where and how fast.
const LIVE: [&str; 8] =
    ["delivery", "pool", "pool.source", "retry", "route", "site", "source", "warmup"];
/// Keys of them that may not: what was begun with them goes on.
const FIXED: [(&str, &str); 3] =
    [("delivery", "pool"), ("delivery", "dane"), ("delivery", "mta_sts")];
/// Tables that say where a domain's mail goes; and what else does.
const ROUTING: [&str; 3] = ["route", "site", "pool"];
const ROUTING_KEYS: [(&str, &str); 1] = [("delivery", "tls")];

/// What is new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Each key once: `retry.first`; or `[[route]]` for any of a list.
    pub(crate) keys: Vec<String>,
    /// Domains may go elsewhere than before.
    pub(crate) reroutes: bool,
}

type Key<'e> = (&'static str, Option<usize>, &'static str);

/// What is different in `new`.
///
/// # Errors
/// What of it has to wait for a restart, each with its line.
pub(crate) fn change(old: &Loaded, new: &Loaded) -> Result<Change, Faults> {
    let (before, after) = (by_key(&old.entries), by_key(&new.entries));
    let mut change = Change::default();
    let mut faults = Vec::new();
    let is_other = |key: &Key<'_>| {
        before.get(key).map(|entry| &entry.value) != after.get(key).map(|entry| &entry.value)
    };
    let all = after.keys().chain(before.keys().filter(|key| !after.contains_key(*key)));
    for key in all.filter(|key| is_other(key)) {
        let (table, index, name) = *key;
        if !LIVE.contains(&table) || FIXED.contains(&(table, name)) {
            faults.push(fixed(new, after.get(key).copied(), *key));
        }
        change.reroutes |= ROUTING.contains(&table) || ROUTING_KEYS.contains(&(table, name));
        let title = match index {
            Some(_) => format!("[[{table}]]"),
            None => format!("{table}.{name}"),
        };
        if !change.keys.contains(&title) {
            change.keys.push(title);
        }
    }
    if faults.is_empty() { Ok(change) } else { Err(Faults::sorted(faults)) }
}

fn by_key(entries: &[Entry]) -> BTreeMap<Key<'_>, &Entry> {
    let key = |entry: &Entry| (entry.table, entry.index, entry.name);
    entries.iter().map(|entry| (key(entry), entry)).collect()
}

/// What to say of a key that is read at start only; it stands at `entry`, if it still does.
fn fixed(new: &Loaded, entry: Option<&Entry>, (table, index, name): Key<'_>) -> Fault {
    let title = match (table, index) {
        ("", _) => "the top level".to_owned(),
        (table, None) => format!("[{table}]"),
        (table, Some(_)) => format!("[[{table}]]"),
    };
    let how = match entry.map(|entry| entry.origin) {
        Some(Origin::Line(_)) => "has changed",
        Some(Origin::Default | Origin::Profile(_)) => "was taken out",
        None => "was taken out with its table",
    };
    let wrong = format!(
        "`{name}` of {title} {how}, and is read at start only: restart to have it in force, or put \
         it back and reload"
    );
    let source = Source { name: &new.document.0, text: &new.document.1 };
    Fault::at(&source, entry.and_then(Entry::span), wrong, String::new())
}

#[cfg(test)]
mod tests {
    use super::{Change, change};
    use crate::settings::{Host, Loaded, parse};

    fn loaded(text: &str) -> Loaded {
        let host = Host { cores: 1, name: "relay.test".to_owned() };
        parse("ringpost.toml", text, &host).unwrap()
    }

    #[test]
    fn what_has_changed_is_named_once() {
        let old = loaded(
            "[retry]\nfirst = \"5m\"\n[[route]]\ndomain = \"a.test\"\nto = [\"192.0.2.1\"]\n",
        );
        let same = change(&old, &old).unwrap();
        assert_eq!(same, Change::default());
        for (text, keys, reroutes) in [
            // Another order and a comment change nothing; a default that is written out neither.
            (
                "[[route]]\nto = [\"192.0.2.1\"]\ndomain = \"a.test\"\n[retry]\nfirst = \"5m\" # x\nfactor = 2.0\n",
                vec![],
                false,
            ),
            (
                "[retry]\nfirst = \"6m\"\n[[route]]\ndomain = \"a.test\"\nto = [\"192.0.2.1\"]\n",
                vec!["retry.first"],
                false,
            ),
            (
                "[retry]\nfirst = \"5m\"\n[[route]]\ndomain = \"b.test\"\nto = [\"192.0.2.2\"]\n",
                vec!["[[route]]"],
                true,
            ),
            ("[retry]\nfirst = \"5m\"\n", vec!["[[route]]"], true),
        ] {
            let change = change(&old, &loaded(text)).unwrap();
            assert_eq!(
                (change.keys, change.reroutes),
                (keys.iter().map(|key| (*key).to_owned()).collect(), reroutes),
                "{text}"
            );
        }
    }

    #[test]
    fn what_needs_a_restart_is_named_with_its_line() {
        let old = loaded(
            "hostname = \"a.test\"\n[[listener]]\naddress = \"127.0.0.1:25\"\n[[listener]]\naddress = \"127.0.0.1:26\"\n",
        );
        let new = loaded("[[listener]]\naddress = \"127.0.0.1:27\"\n[retry]\nfirst = \"1m\"\n");
        let faults = change(&old, &new).unwrap_err().to_string();
        for said in [
            "ringpost.toml:2: `address` of [[listener]] has changed",
            "`hostname` of the top level was taken out",
            "`address` of [[listener]] was taken out with its table",
            "restart",
        ] {
            assert!(faults.contains(said), "{said} is not in\n{faults}");
        }
        assert!(!faults.contains("first"), "{faults}");
    }
}
