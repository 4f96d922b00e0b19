//! The shards, as control asks them; and where settings were written, for what it answers.

use super::Happened;
use super::pauses::{Pauses, Unkept};
use super::reload::Wish;
use crate::settings::{Entry, Loaded, Origin};
use control::{Shards, Tell, TellReloaded};
use kernel::Sender;
use policy::survey::{Key, Order, Question};
use shard::{Inquiry, Letter, Live};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::Sender as Post;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The way to every shard.
pub(super) struct Posts {
    shards: Vec<Sender<Letter>>,
    written: Mutex<Written>,
    pauses: Pauses,
    /// To whoever reads the settings again.
    desk: Post<Happened>,
}

/// Where the settings in force were written.
#[derive(Default)]
struct Written {
    file: String,
    entries: Vec<Entry>,
    /// Which of the `[[site]]`s has this place.
    sites: BTreeMap<usize, usize>,
}

impl fmt::Debug for Posts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posts").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

impl Posts {
    /// To these shards, which are under these settings, and hear first what holds.
    pub(super) fn new(shards: &[Sender<Letter>], loaded: &Loaded, desk: Post<Happened>) -> Self {
        let pauses = Pauses::open(&loaded.settings.spool.path, kernel::uring::wall());
        let posts = Self { shards: shards.to_vec(), written: Mutex::default(), pauses, desk };
        for order in posts.orders() {
            let order = Arc::new(order);
            for shard in 0..shards.len() {
                posts.ask(shard, Question::Kept(Arc::clone(&order)), Box::new(drop));
            }
        }
        posts
    }

    /// These settings are in force now; a site with a name has the place that plans know it by.
    pub(super) fn note(&self, loaded: &Loaded, live: &Live) {
        let names = loaded.settings.sites.iter().enumerate();
        let place = |name| live.routing.rules.sites.place_of(name);
        let sites = names.filter_map(|(index, site)| Some((place(&site.name)?, index))).collect();
        let (file, entries) = (loaded.file().to_owned(), loaded.entries.clone());
        *self.written() = Written { file, entries, sites };
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shards for Posts {
    fn count(&self) -> usize {
        self.shards.len()
    }

    fn ask(&self, shard: usize, question: Question, tell: Tell) {
        self.shards[shard].post(Letter::Inquiry(Box::new(Inquiry { question, tell })));
    }

    fn keep(&self, order: &Order) -> Result<(), String> {
        match self.pauses.note(order, kernel::uring::wall()) {
            Ok(()) => Ok(()),
            Err(Unkept::TooMany(most)) => Err(format!(
                "{most} such orders hold, and there may be no more: end some; GET /orders tells them"
            )),
            Err(Unkept::Io(error)) => {
                let verb = order.verb.name();
                let about = &order.about;
                super::warn(format!("{verb} of {about} will not outlive a restart: {error}"));
                Ok(())
            }
        }
    }

    fn orders(&self) -> Vec<Order> {
        self.pauses.orders(kernel::uring::wall())
    }

    fn reload(&self, by: &str, is_dry: bool, tell: TellReloaded) {
        // Where nobody reads any more, the answer is dropped.
        let _ = self.desk.send(Happened::Reload(Wish { by: by.into(), is_dry, tell }));
    }

    fn place(&self, key: Key) -> Option<String> {
        let written = self.written();
        let index = match key {
            Key { table: "site", index: Some(place), .. } => Some(*written.sites.get(&place)?),
            Key { index, .. } => index,
        };
        place(&written.entries, &written.file, Key { index, ..key })
    }
}

/// Where a key was written, or whose profile says it. A site's limit of which nobody does is that of all
/// sites.
fn place(entries: &[Entry], file: &str, key: Key) -> Option<String> {
    let mut wanted = vec![(key.table, key.index, key.name)];
    match (key.table, key.name) {
        ("site", "connections_max") => wanted.push(("delivery", None, "connections_per_site")),
        ("site", name) => wanted.push(("delivery", None, name)),
        _ => (),
    }
    wanted.into_iter().find_map(|(table, index, name)| {
        let is_it = |entry: &&Entry| {
            (entry.table, entry.name) == (table, name) && (index.is_none() || entry.index == index)
        };
        let said = entries.iter().filter(is_it).filter_map(|entry| match entry.origin {
            Origin::Line(line) => Some((line, format!("{file}:{line}"))),
            Origin::Profile(name) => Some((usize::MAX, format!("Ringpost's profile of {name}"))),
            Origin::Default => None,
        });
        said.min().map(|(_, place)| place)
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
                    [[site]]\nname = \"b\"\nmx = [\"b.test\"]\nretry = [\"5m\"]\n\
                    [retry]\nbulk = [\"9m\"]\n";
        let host = Host { cores: 1, name: "relay.test".to_owned() };
        let loaded = parse("ringpost.toml", text, &host).unwrap();
        let find =
            |table, index, name| place(&loaded.entries, loaded.file(), Key { table, index, name });
        for (table, index, name, line) in [
            ("delivery", None, "connections_per_site", Some(2)),
            ("site", Some(0), "connections_max", Some(6)),
            ("site", Some(1), "connections_max", Some(2)),
            ("retry", None, "first", None),
            ("site", Some(1), "retry", Some(10)),
            ("retry", None, "bulk", Some(12)),
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
