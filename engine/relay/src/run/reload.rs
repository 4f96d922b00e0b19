//! New settings, read and put in force while we run: all of them or none.
//!
//! On SIGHUP, or asked for at the admin door. What is wrong with the file is said, and the old
//! settings go on: so it is with what can only be read at start ([`crate::settings::change`]).

use super::{guard, live, politeness, survey, tls};
use crate::settings::{Loaded, change};
use arc_swap::ArcSwap;
use control::{Reloaded, Resolver, Sources as Named, TellReloaded};
use event::Meters;
use kernel::Sender;
use shard::{Letter, Live, Politeness, Reload, Sources};
use std::io;
use std::sync::Arc;

/// Keys that the event names; of more it says how many.
const NAMED_MAX: usize = 20;

/// Somebody wants the settings read again.
pub(super) struct Wish {
    pub(super) by: Arc<str>,
    /// Only what would change is asked for.
    pub(super) is_dry: bool,
    pub(super) tell: TellReloaded,
}

/// Who reads them.
pub(super) struct Desk {
    pub(super) loaded: Loaded,
    pub(super) live: Live,
    pub(super) resolver: Resolver,
    pub(super) counts: Arc<Meters>,
    /// Who gives us mail, as every listener sees it; and for the metrics.
    pub(super) sources: Arc<ArcSwap<Sources>>,
    pub(super) named: Named,
    pub(super) posts: Arc<survey::Posts>,
    pub(super) shards: Vec<Sender<Letter>>,
}

/// Everything that new settings lead to, made before any of it is in force.
struct Ready {
    loaded: Loaded,
    live: Live,
    reroutes: bool,
    told: Reloaded,
}

impl Desk {
    /// Does what is wanted, and says what came of it.
    pub(super) fn fulfil(&mut self, wish: Wish) {
        let Wish { by, is_dry, tell } = wish;
        let outcome = self.prepare().map(|ready| {
            let told = ready.told.clone();
            if !is_dry {
                told.warnings.iter().for_each(super::warn);
                self.put_in_force(ready, &by);
            }
            told
        });
        if !is_dry {
            self.counts.reloads().note(outcome.is_ok(), kernel::uring::wall());
        }
        if let Err(wrong) = &outcome
            && !is_dry
        {
            super::warn(format!("the old settings are still in force (reload by {by}):\n{wrong}"));
        }
        tell(outcome);
    }

    /// Reads the settings, and everything they name.
    fn prepare(&self) -> Result<Ready, String> {
        let loaded = self.loaded.again().map_err(|faults| faults.to_string())?;
        let change = change(&self.loaded, &loaded).map_err(|faults| faults.to_string())?;
        super::check(&loaded).map_err(|error| error.to_string())?;
        let live = self.live(&loaded).map_err(|error| error.to_string())?;
        let warnings = loaded.warnings.iter().cloned().chain(super::absent(&loaded)).collect();
        let told = Reloaded { changed: change.keys, warnings };
        Ok(Ready { loaded, live, reroutes: change.reroutes, told })
    }

    fn live(&self, loaded: &Loaded) -> io::Result<Live> {
        let before = &self.live;
        let own_ca = |loaded: &Loaded| loaded.settings.delivery_tls.server_ca.clone();
        // With another, hosts would not know our sessions again.
        let connector = match own_ca(loaded) {
            None if own_ca(&self.loaded).is_none() => Arc::clone(&before.connector),
            _ => tls::connector(loaded)?,
        };
        let known = before.politeness.clone();
        let rules = politeness(loaded)?;
        let Politeness { rules, others, suppress_after, .. } = rules;
        let politeness = Politeness { rules, others, suppress_after, ..known };
        let parts = (&self.resolver, &connector, &*self.counts);
        live::live(loaded, parts, politeness, Some(before))
    }

    fn put_in_force(&mut self, ready: Ready, by: &Arc<str>) {
        let Ready { loaded, live, reroutes, told } = ready;
        let sources = self.sources.load().renewed(guard::rules(&loaded.settings));
        self.named.store(Arc::new(sources.named()));
        self.sources.store(Arc::new(sources));
        self.posts.note(&loaded, &live);
        let changed: Arc<str> = summary(&told.changed).into();
        for shard in &self.shards {
            let (live, by, changed) = (live.clone(), Arc::clone(by), Arc::clone(&changed));
            shard.post(Letter::Reload(Box::new(Reload { live, reroutes, by, changed })));
        }
        super::say(format!("settings are read again, for {by}: {changed}"));
        (self.loaded, self.live) = (loaded, live);
    }
}

/// What has changed, in one line.
fn summary(keys: &[String]) -> String {
    if keys.is_empty() {
        return "nothing has changed".to_owned();
    }
    let named = keys[..keys.len().min(NAMED_MAX)].join(", ");
    match keys.len().checked_sub(NAMED_MAX) {
        None | Some(0) => named,
        Some(more) => format!("{named}, and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMED_MAX, summary};

    #[test]
    fn many_keys_are_counted() {
        assert_eq!(summary(&[]), "nothing has changed");
        let keys: Vec<_> = (0..NAMED_MAX + 3).map(|n| format!("k{n}")).collect();
        assert_eq!(summary(&keys[..2]), "k0, k1");
        assert!(!summary(&keys[..NAMED_MAX]).contains("more"));
        assert!(summary(&keys).ends_with("and 3 more"));
    }
}
