//! The shards, as control asks them; and where settings were written, for what it answers.

use super::pauses::Pauses;
use crate::settings::{Entry, Loaded, Origin};
use control::{Shards, Tell};
use kernel::Sender;
use policy::survey::{Key, Order, Question};
use shard::{Inquiry, Letter};
use std::fmt;
use std::sync::Arc;

/// The way to every shard.
pub(super) struct Posts {
    shards: Vec<Sender<Letter>>,
    entries: Vec<Entry>,
    file: String,
    pauses: Pauses,
}

impl fmt::Debug for Posts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posts").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

impl Posts {
    /// To these shards, which are under these settings, and hear first what is paused.
    pub(super) fn new(shards: &[Sender<Letter>], loaded: &Loaded) -> Self {
        let (file, entries) = (loaded.file().to_owned(), loaded.entries.clone());
        let pauses = Pauses::open(&loaded.settings.spool.path, kernel::uring::wall());
        let posts = Self { shards: shards.to_vec(), entries, file, pauses };
        for order in posts.pauses.orders() {
            let order = Arc::new(order);
            for shard in 0..shards.len() {
                posts.ask(shard, Question::Order(Arc::clone(&order)), Box::new(drop));
            }
        }
        posts
    }
}

impl Shards for Posts {
    fn count(&self) -> usize {
        self.shards.len()
    }

    fn ask(&self, shard: usize, question: Question, tell: Tell) {
        self.shards[shard].post(Letter::Inquiry(Box::new(Inquiry { question, tell })));
    }

    fn keep(&self, order: &Order) {
        if let Err(error) = self.pauses.note(order, kernel::uring::wall()) {
            super::warn(format!("a pause of {} will not outlive a restart: {error}", order.site));
        }
    }

    fn place(&self, key: Key) -> Option<String> {
        place(&self.entries, &self.file, key)
    }
}

/// Where a key was written. A site's limit that was not is that of all sites.
fn place(entries: &[Entry], file: &str, key: Key) -> Option<String> {
    let usual = ("delivery", None, "connections_per_site");
    let mut wanted = vec![(key.table, key.index, key.name)];
    if (key.table, key.name) == ("site", "connections_max") {
        wanted.push(usual);
    }
    wanted.into_iter().find_map(|(table, index, name)| {
        let is_it = |entry: &&Entry| {
            (entry.table, entry.name) == (table, name) && (index.is_none() || entry.index == index)
        };
        let lines = entries.iter().filter(is_it).filter_map(|entry| match entry.origin {
            Origin::Line(line) => Some(line),
            Origin::Default => None,
        });
        lines.min().map(|line| format!("{file}:{line}"))
    })
}

#[cfg(test)]
mod tests {
    use super::place;
    use crate::settings::{Host, parse};
    use policy::survey::Key;

    #[test]
    fn a_limit_is_found_where_it_was_written() {
        let text = "[delivery]\nconnections_per_site = 5\n\
                    [[site]]\nname = \"a\"\nmx = [\"a.test\"]\nconnections_max = 2\n\
                    [[site]]\nname = \"b\"\nmx = [\"b.test\"]\n";
        let host = Host { cores: 1, name: "relay.test".to_owned() };
        let loaded = parse("ringpost.toml", text, &host).unwrap();
        let find =
            |table, index, name| place(&loaded.entries, loaded.file(), Key { table, index, name });
        for (table, index, name, line) in [
            ("delivery", None, "connections_per_site", Some(2)),
            ("site", Some(0), "connections_max", Some(6)),
            ("site", Some(1), "connections_max", Some(2)),
            ("retry", None, "first", None),
        ] {
            let found = find(table, index, name);
            assert_eq!(
                found,
                line.map(|line| format!("ringpost.toml:{line}")),
                "{table} {index:?}"
            );
        }
    }
}
