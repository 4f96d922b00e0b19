//! Orders that hold outlive a restart: they are kept in the spool, as `pauses.json`, before the shards
//! hear of them.

use super::keepers::replace;
use event::Wall;
use policy::survey::{About, Load, ORDERS_MAX, Order, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

const NAME: &str = "pauses.json";

/// The orders that hold.
#[derive(Debug)]
pub(super) struct Pauses {
    file: PathBuf,
    held: Mutex<Held>,
}

/// By what they are about.
type Held = BTreeMap<About, Order>;

/// Why an order is not kept.
#[derive(Debug)]
pub(super) enum Unkept {
    /// As many hold as may.
    TooMany,
    /// It cannot be written: it holds until a restart.
    Io(io::Error),
}

impl Pauses {
    /// Those in this spool. What cannot be read is none, and said.
    pub(super) fn open(spool: &Path, now: Wall) -> Self {
        let file = spool.join(NAME);
        let held = match fs::read_to_string(&file) {
            Ok(text) => read(&text, now).unwrap_or_else(|| {
                super::warn(format!(
                    "{} is not what it should be: nothing is paused, and no source disabled",
                    file.display()
                ));
                Held::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Held::new(),
            Err(error) => {
                super::warn(format!(
                    "{}: {error}: nothing is paused, and no source disabled",
                    file.display()
                ));
                Held::new()
            }
        };
        Self { file, held: Mutex::new(held) }
    }

    /// Those that hold now.
    pub(super) fn orders(&self, now: Wall) -> Vec<Order> {
        self.held().values().filter(|order| holds(order, now)).cloned().collect()
    }

    /// Keeps what an order changes.
    ///
    /// # Errors
    /// If it cannot be written, or is one too many.
    pub(super) fn note(&self, order: &Order, now: Wall) -> Result<(), Unkept> {
        let mut held = self.held();
        held.retain(|_, order| holds(order, now));
        if order.verb.holds() {
            if held.len() >= ORDERS_MAX && !held.contains_key(&order.about) {
                return Err(Unkept::TooMany);
            }
            held.insert(order.about.clone(), order.clone());
        } else if order.verb.lifts() {
            held.remove(&order.about);
        } else {
            return Ok(());
        }
        let orders: Vec<Value> = held.values().map(told).collect();
        let text = format!("{:#}\n", json!({ "pauses": orders }));
        replace(&self.file, text.as_bytes()).map_err(Unkept::Io)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(order: &Order, now: Wall) -> bool {
    order.until.is_some_and(|until| now < until)
}

fn told(order: &Order) -> Value {
    let About { site, tenant, campaign, source, .. } = &order.about;
    json!({
        "verb": order.verb.name(),
        "site": site.as_deref(),
        "tenant": tenant.as_deref(),
        "campaign": campaign.as_deref(),
        "source": source.as_deref(),
        "until": order.until.map(|until| until.0),
        "by": order.by,
        "reason": order.reason,
    })
}

/// The orders in a file that are not over. One without a verb is a pause: so they were written once.
fn read(text: &str, now: Wall) -> Option<Held> {
    let told: Value = serde_json::from_str(text).ok()?;
    let orders = told["pauses"].as_array()?.iter().map(|one| {
        let name = |name: &str| one[name].as_str().map(Into::into);
        let is_verb = |verb: &Verb| verb.holds() && one["verb"] == verb.name();
        let verb = match &one["verb"] {
            Value::Null => Verb::Pause,
            _ => Verb::ALL.into_iter().find(is_verb)?,
        };
        let about = About {
            site: name("site"),
            tenant: name("tenant"),
            campaign: name("campaign"),
            source: name("source"),
            ..About::default()
        };
        let until = Some(Wall(one["until"].as_u64()?));
        let (by, reason) = (one["by"].as_str()?.into(), one["reason"].as_str()?.into());
        let (is_dry, counted) = (false, Load::default());
        let is_about_something = about != About::default();
        is_about_something.then_some(Order { verb, about, by, reason, until, is_dry, counted })
    });
    let orders = orders.collect::<Option<Vec<_>>>()?;
    let held = orders.into_iter().filter(|order| holds(order, now));
    Some(held.map(|order| (order.about.clone(), order)).collect())
}

#[cfg(test)]
mod tests {
    use super::{NAME, Pauses, Unkept};
    use event::Wall;
    use policy::survey::{About, Load, ORDERS_MAX, Order, Verb};
    use std::path::PathBuf;

    fn order(verb: Verb, about: About, until: u64) -> Order {
        let (by, reason) = ("anna".into(), "a \"complaint\"".into());
        let (until, is_dry, counted) = (Some(Wall(until)), false, Load::default());
        Order { verb, about, by, reason, until, is_dry, counted }
    }

    fn source(name: &str, site: Option<&str>) -> About {
        About { source: Some(name.into()), site: site.map(Into::into), ..About::default() }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = format!("ringpost-pauses-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn what_holds_is_known_after_a_start_until_it_ends() {
        let folder = folder("known");
        let pauses = Pauses::open(&folder, Wall(0));
        assert!(pauses.orders(Wall(0)).is_empty());
        for (site, until) in [("a", 100), ("b", 50), ("c", 100)] {
            pauses.note(&order(Verb::Pause, About::site(site), until), Wall(1)).unwrap();
        }
        let disabled = [
            order(Verb::DisableSource, source("192.0.2.1", None), 100),
            order(Verb::DisableSource, source("192.0.2.1", Some("a")), 100),
        ];
        for order in &disabled {
            pauses.note(order, Wall(1)).unwrap();
        }
        pauses.note(&order(Verb::EnableSource, source("192.0.2.1", None), 0), Wall(2)).unwrap();
        pauses.note(&order(Verb::Resume, About::site("c"), 0), Wall(2)).unwrap();
        pauses.note(&order(Verb::Flush, About::site("a"), 0), Wall(2)).unwrap();
        let again = Pauses::open(&folder, Wall(10)).orders(Wall(10));
        let [a, b] =
            [("a", 100), ("b", 50)].map(|(site, end)| order(Verb::Pause, About::site(site), end));
        let mut expected = vec![a, b, disabled[1].clone()];
        expected.sort_by(|one, other| one.about.cmp(&other.about));
        assert_eq!(again, expected);
        assert_eq!(Pauses::open(&folder, Wall(50)).orders(Wall(50)).len(), 2, "one is over");
        std::fs::write(folder.join(NAME), "{").unwrap();
        assert!(Pauses::open(&folder, Wall(10)).orders(Wall(10)).is_empty());
        let before = r#"{"pauses":[{"site":"a","until":100,"by":"anna","reason":"x"}]}"#;
        std::fs::write(folder.join(NAME), before).unwrap();
        let old = Pauses::open(&folder, Wall(10)).orders(Wall(10));
        assert_eq!((old[0].verb, &old[0].about), (Verb::Pause, &About::site("a")));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn no_more_hold_than_may() {
        let folder = folder("bounded");
        let pauses = Pauses::open(&folder, Wall(0));
        let pause = |site: usize| {
            pauses.note(&order(Verb::Pause, About::site(site.to_string()), 9), Wall(1))
        };
        for site in (1..ORDERS_MAX).map(|site| site.to_string()) {
            let about = About::site(site);
            pauses.held().insert(about.clone(), order(Verb::Pause, about, 9));
        }
        assert!(pause(0).is_ok());
        assert!(matches!(pause(ORDERS_MAX), Err(Unkept::TooMany)));
        assert!(pause(0).is_ok(), "that holds already");
        pauses.note(&order(Verb::Resume, About::site("0"), 9), Wall(1)).unwrap();
        assert!(pause(ORDERS_MAX).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
