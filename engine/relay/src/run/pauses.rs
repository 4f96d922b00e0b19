//! Pauses outlive a restart: they are kept in the spool, as `pauses.json`, before the shards hear of
//! them.

use event::Wall;
use policy::survey::{Order, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const NAME: &str = "pauses.json";

/// The pauses that hold.
#[derive(Debug)]
pub(super) struct Pauses {
    file: PathBuf,
    held: Mutex<BTreeMap<Box<str>, Order>>,
}

impl Pauses {
    /// Those in this spool. What cannot be read is none, and said.
    pub(super) fn open(spool: &Path, now: Wall) -> Self {
        let file = spool.join(NAME);
        let held = match fs::read_to_string(&file) {
            Ok(text) => read(&text, now).unwrap_or_else(|| {
                super::warn(format!(
                    "{} is not what it should be: nothing is paused",
                    file.display()
                ));
                BTreeMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                super::warn(format!("{}: {error}: nothing is paused", file.display()));
                BTreeMap::new()
            }
        };
        Self { file, held: Mutex::new(held) }
    }

    /// All of them, to be given to those who have just started.
    pub(super) fn orders(&self) -> Vec<Order> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Keeps what an order changes.
    ///
    /// # Errors
    /// If it cannot be written: then it holds until a restart.
    pub(super) fn note(&self, order: &Order, now: Wall) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, order| order.until.is_some_and(|until| now < until));
        match order.verb {
            Verb::Pause => _ = held.insert((*order.site).into(), order.clone()),
            Verb::Resume => _ = held.remove(&*order.site),
            Verb::Flush => return Ok(()),
        }
        let pauses: Vec<Value> = held.values().map(told).collect();
        let text = format!("{:#}\n", json!({ "pauses": pauses }));
        let fresh = self.file.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.file)
    }
}

fn told(order: &Order) -> Value {
    json!({
        "site": *order.site,
        "until": order.until.map(|until| until.0),
        "by": order.by,
        "reason": order.reason,
    })
}

/// The pauses in a file that are not over.
fn read(text: &str, now: Wall) -> Option<BTreeMap<Box<str>, Order>> {
    let told: Value = serde_json::from_str(text).ok()?;
    let orders = told["pauses"].as_array()?.iter().map(|one| {
        let text = |name: &str| one[name].as_str();
        Some(Order {
            verb: Verb::Pause,
            site: text("site")?.into(),
            by: text("by")?.into(),
            reason: text("reason")?.into(),
            until: Some(Wall(one["until"].as_u64()?)),
            is_dry: false,
        })
    });
    let orders = orders.collect::<Option<Vec<_>>>()?;
    let holds = |order: &Order| order.until.is_some_and(|until| now < until);
    Some(orders.into_iter().filter(holds).map(|order| ((*order.site).into(), order)).collect())
}

#[cfg(test)]
mod tests {
    use super::{NAME, Pauses};
    use event::Wall;
    use policy::survey::{Order, Verb};

    fn order(verb: Verb, site: &str, until: u64) -> Order {
        let (by, reason) = ("anna".into(), "a \"complaint\"".into());
        Order { verb, site: site.into(), by, reason, until: Some(Wall(until)), is_dry: false }
    }

    #[test]
    fn what_was_paused_is_known_after_a_start_until_it_ends() {
        let folder = std::env::temp_dir().join(format!("ringpost-pauses-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let pauses = Pauses::open(&folder, Wall(0));
        assert!(pauses.orders().is_empty());
        for (site, until) in [("a", 100), ("b", 50), ("c", 100)] {
            pauses.note(&order(Verb::Pause, site, until), Wall(1)).unwrap();
        }
        pauses.note(&order(Verb::Resume, "c", 0), Wall(2)).unwrap();
        pauses.note(&order(Verb::Flush, "a", 0), Wall(2)).unwrap();
        let again = Pauses::open(&folder, Wall(10)).orders();
        assert_eq!(again, [order(Verb::Pause, "a", 100), order(Verb::Pause, "b", 50)]);
        assert_eq!(Pauses::open(&folder, Wall(50)).orders().len(), 1, "one is over");
        std::fs::write(folder.join(NAME), "{").unwrap();
        assert!(Pauses::open(&folder, Wall(10)).orders().is_empty());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
