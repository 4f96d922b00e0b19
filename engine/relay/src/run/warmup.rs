//! What addresses that warm up have sent of their day, kept over a restart: a file of the spool.

use super::keepers::{self, Book as _, Keeper};
use crate::settings::{Settings, Warmup};
use policy::warmup::{Book, Kept, Quota};
use route::NamedSites;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    sent: Vec<Kept>,
}

/// How much an address may send of a day, by all plans that name it; what it has sent is in the book.
pub(super) fn of(
    settings: &Settings,
    (sites, book): (&NamedSites, &Book),
    address: IpAddr,
) -> Box<[shard::Warmup]> {
    let all = settings.warmups.iter().enumerate();
    let own = all.filter(|(_, warmup)| warmup.sources.contains(&address));
    let quota = |(index, Warmup { site, plan, .. }): (usize, &Warmup)| shard::Warmup {
        site: site.as_deref().and_then(|name| sites.place_of(name)),
        quota: Arc::new(Quota::new(plan.clone(), book.counter(address, site.as_deref()))),
        index,
    };
    own.map(quota).collect()
}

/// What was kept; nothing, and why, if it cannot be used.
pub(super) fn open(spool: &Path) -> (Arc<Book>, Keeper<Warmups>) {
    let book = Arc::new(read(&spool.join(Warmups::FILE)).unwrap_or_else(|error| {
        super::warn(error);
        Book::default()
    }));
    let keeper = Keeper::new(spool, Warmups(Arc::clone(&book)), book.edition());
    (book, keeper)
}

fn read(path: &Path) -> io::Result<Book> {
    let wrong = |why: &dyn std::fmt::Display| {
        let path = path.display();
        let count = "the messages of today are counted anew";
        io::Error::other(format!("{path} cannot be used, {count}: {why}"))
    };
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Book::default()),
        Err(error) => Err(wrong(&error)),
        Ok(text) => {
            let Contents { sent } = toml::from_str(&text).map_err(|error| wrong(&error))?;
            Book::of(sent).map_err(|error| wrong(&error))
        }
    }
}

/// The counts of all shards.
pub(super) struct Warmups(Arc<Book>);

impl keepers::Book for Warmups {
    const FILE: &'static str = "warmup.toml";
    const WRITE_EVERY: Duration = Duration::from_secs(1);
    const WHAT: &'static str = "what addresses that warm up have sent";

    fn newer(&self, edition: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        let newest = self.0.edition();
        if newest == edition {
            return Ok(None);
        }
        let contents = Contents { sent: self.0.kept() };
        let text = toml::to_string(&contents).map_err(io::Error::other)?;
        Ok(Some((newest, text.into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::{Warmups, open, read};
    use crate::run::keepers::Book as _;
    use event::Wall;
    use jiff::tz::TimeZone;
    use policy::warmup::{Plan, Quota};
    use std::fs;

    #[test]
    fn what_was_sent_is_there_at_the_next_start() {
        let folder = std::env::temp_dir().join(format!("ringpost-warmup-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (book, keeper) = open(&folder);
        keeper.write().unwrap();
        assert!(!folder.join(Warmups::FILE).exists(), "there is nothing to keep");
        let plan = Plan {
            started: "1970-01-01".parse().unwrap(),
            per_day: [2].into(),
            zone: TimeZone::UTC,
        };
        let address = "192.0.2.1".parse().unwrap();
        let takes = |book: &policy::warmup::Book| {
            let quota = Quota::new(plan.clone(), book.counter(address, Some("google")));
            quota.take(Wall(1)).is_ok()
        };
        assert!(takes(&book));
        keeper.write().unwrap();
        let (book, keeper) = open(&folder);
        assert!(takes(&book) && !takes(&book), "the second of two");
        keeper.write().unwrap();
        assert!(!takes(&open(&folder).0));
        fs::write(folder.join(Warmups::FILE), "[[sent]]\nsource = 1\n").unwrap();
        let told = read(&folder.join(Warmups::FILE)).unwrap_err().to_string();
        assert!(told.contains("warmup.toml cannot be used") && told.contains("counted anew"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
