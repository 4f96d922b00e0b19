//! Orders that hold outlive a restart: they are kept in the spool, as `pauses.json`, before the shards
//! hear of them.

use super::keepers::replace;
use event::Wall;
use policy::survey::{About, Elsewhere, Load, ORDERS_MAX, Order, REROUTES_MAX, Verb};
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

/// By what they are, and what they are about.
type Held = BTreeMap<(&'static str, About), Order>;

/// Why an order is not kept.
#[derive(Debug)]
pub(super) enum Unkept {
    /// As many hold as may: so many.
    TooMany(usize),
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
                    "{} is not what it should be: nothing is paused or rerouted, and no source disabled",
                    file.display()
                ));
                Held::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Held::new(),
            Err(error) => {
                super::warn(format!(
                    "{}: {error}: nothing is paused or rerouted, and no source disabled",
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
            let most = most(&held, order.verb);
            if let Some(most) = most.filter(|_| !held.contains_key(&key(order))) {
                return Err(Unkept::TooMany(most));
            }
            held.insert(key(order), order.clone());
        } else if let Some(verb) = order.verb.ends() {
            held.remove(&(verb.name(), order.about.clone()));
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

fn key(order: &Order) -> (&'static str, About) {
    (order.verb.name(), order.about.clone())
}

/// How many orders may hold, of all or of one kind, if so many do.
fn most(held: &Held, verb: Verb) -> Option<usize> {
    let alike = held.values().filter(|order| order.verb == verb).count();
    let is_full = verb == Verb::Reroute && alike >= REROUTES_MAX;
    is_full.then_some(REROUTES_MAX).or_else(|| (held.len() >= ORDERS_MAX).then_some(ORDERS_MAX))
}

fn holds(order: &Order, now: Wall) -> bool {
    order.until.is_some_and(|until| now < until)
}

fn told(order: &Order) -> Value {
    let About { site, domain, tenant, campaign, message, source } = &order.about;
    json!({
        "verb": order.verb.name(),
        "site": site.as_deref(),
        "domain": domain.as_deref(),
        "tenant": tenant.as_deref(),
        "campaign": campaign.as_deref(),
        "message": message.map(|id| id.to_string()),
        "source": source.as_deref(),
        "pool": order.elsewhere.pool.as_deref(),
        "to": order.elsewhere.to.as_deref(),
        "until": order.until.map(|until| until.0),
        "by": order.by,
        "reason": order.reason,
    })
}

/// The orders in a file that are not over. One without a verb is a pause: so they were written once.
fn read(text: &str, now: Wall) -> Option<Held> {
    let told: Value = serde_json::from_str(text).ok()?;
    let orders = told["pauses"].as_array()?.iter().map(order);
    let orders = orders.collect::<Option<Vec<_>>>()?;
    let held = orders.into_iter().filter(|order| holds(order, now));
    Some(held.map(|order| (key(&order), order)).collect())
}

fn order(told: &Value) -> Option<Order> {
    let name = |name: &str| told[name].as_str().map(Into::into);
    let is_verb = |verb: &Verb| verb.holds() && told["verb"] == verb.name();
    let verb = match &told["verb"] {
        Value::Null => Verb::Pause,
        _ => Verb::ALL.into_iter().find(is_verb)?,
    };
    let message = told["message"].as_str().map(str::parse).transpose().ok()?;
    let about = About {
        site: name("site"),
        domain: name("domain"),
        tenant: name("tenant"),
        campaign: name("campaign"),
        message,
        source: name("source"),
    };
    let elsewhere = Elsewhere { pool: name("pool"), to: name("to") };
    let until = Some(Wall(told["until"].as_u64()?));
    let (by, reason) = (told["by"].as_str()?.into(), told["reason"].as_str()?.into());
    let (due, is_dry, counted) = (None, false, Load::default());
    let is_about_something = about != About::default();
    let order = Order { verb, about, by, reason, until, elsewhere, due, is_dry, counted };
    is_about_something.then_some(order)
}

#[cfg(test)]
mod tests {
    use super::{NAME, Pauses, Unkept};
    use event::Wall;
    use policy::survey::{About, Elsewhere, Load, ORDERS_MAX, Order, REROUTES_MAX, Verb};
    use std::path::PathBuf;

    fn order(verb: Verb, about: About, until: u64) -> Order {
        let (by, reason) = ("anna".into(), "a \"complaint\"".into());
        let (until, is_dry, counted) = (Some(Wall(until)), false, Load::default());
        let (elsewhere, due) = Default::default();
        Order { verb, about, by, reason, until, elsewhere, due, is_dry, counted }
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
        expected.sort_by_key(super::key);
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
    fn a_site_may_be_paused_and_its_mail_go_elsewhere() {
        let folder = folder("both");
        let pauses = Pauses::open(&folder, Wall(0));
        let message = "0-2-1f4".parse().ok();
        let elsewhere = Elsewhere { pool: Some("warm".into()), to: Some("mx.test:26".into()) };
        let reroute =
            |about| Order { elsewhere: elsewhere.clone(), ..order(Verb::Reroute, about, 9) };
        let domain = Some("a.test".into());
        let all = [
            order(Verb::Pause, About::site("a"), 9),
            reroute(About::site("a")),
            reroute(About { message, domain, ..About::default() }),
        ];
        for order in &all {
            pauses.note(order, Wall(1)).unwrap();
        }
        let again = || Pauses::open(&folder, Wall(1)).orders(Wall(1));
        let known = again();
        assert!(known.len() == 3 && all.iter().all(|order| known.contains(order)), "{known:?}");
        pauses.note(&order(Verb::EndReroute, About::site("a"), 9), Wall(1)).unwrap();
        assert_eq!(again(), [all[0].clone(), all[2].clone()]);
        for site in 1..REROUTES_MAX {
            pauses.note(&reroute(About::site(site.to_string())), Wall(1)).unwrap();
        }
        let one_more = pauses.note(&reroute(About::site("one more")), Wall(1));
        assert!(matches!(one_more, Err(Unkept::TooMany(REROUTES_MAX))));
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
            let order = order(Verb::Pause, about, 9);
            pauses.held().insert(super::key(&order), order);
        }
        assert!(pause(0).is_ok());
        assert!(matches!(pause(ORDERS_MAX), Err(Unkept::TooMany(ORDERS_MAX))));
        assert!(pause(0).is_ok(), "that holds already");
        pauses.note(&order(Verb::Resume, About::site("0"), 9), Wall(1)).unwrap();
        assert!(pause(ORDERS_MAX).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
