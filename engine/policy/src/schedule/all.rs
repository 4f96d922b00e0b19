//! The schedules of all mail: by the site it is for, and by how urgent it is.

use super::{Schedule, Waits};
use crate::survey::Key;
use crate::tenant::Class;
use std::time::Duration;

/// Where it is set what holds where neither a site nor a class says anything.
const USUAL: Key = Key { table: "retry", index: None, name: "first" };

/// What a site, or a class of mail, has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The pauses.
    pub waits: Option<Waits>,
    /// How old a message may grow.
    pub expire: Option<Duration>,
}

/// All schedules, each made before it is needed.
///
/// The pauses are those of the site, which knows what its hosts bear; else those of the class; else the
/// usual ones. Where both say how old mail may grow, it is the shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedules {
    usual: ByClass,
    /// By the place of a named site.
    sites: Box<[ByClass]>,
}

type ByClass = [Placed; Class::ALL.len()];

/// A schedule, and where its pauses are set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    schedule: Schedule,
    key: Key,
}

impl Schedules {
    /// The usual one, what each class has of its own, and what named sites have, in the order of their
    /// places.
    #[must_use]
    pub fn new(
        usual: &Schedule,
        classes: &[Own; Class::ALL.len()],
        sites: impl IntoIterator<Item = Own>,
    ) -> Self {
        let of = |site: &Own, place: Option<usize>| {
            Class::ALL.map(|class| placed(usual, (class, &classes[class as usize]), (place, site)))
        };
        let sites = sites.into_iter().enumerate().map(|(place, site)| of(&site, Some(place)));
        Self { usual: of(&Own::default(), None), sites: sites.collect() }
    }

    /// The schedule of mail of a class for a site, which has this place if it has a name.
    #[must_use]
    pub fn of(&self, class: Class, site: Option<usize>) -> &Schedule {
        &self.placed(class, site).schedule
    }

    /// Where its pauses are set.
    #[must_use]
    pub fn key(&self, class: Class, site: Option<usize>) -> Key {
        self.placed(class, site).key
    }

    /// The longest pause of any, jitter and all, where no host asks for more.
    #[must_use]
    pub fn longest_delay(&self) -> Duration {
        let all = self.sites.iter().chain([&self.usual]).flatten();
        all.map(|placed| placed.schedule.longest_delay()).max().unwrap_or_default()
    }

    /// The longest that any mail lives.
    #[must_use]
    pub fn longest_life(&self) -> Duration {
        let all = self.sites.iter().chain([&self.usual]).flatten();
        all.map(|placed| placed.schedule.expire).max().unwrap_or_default()
    }

    fn placed(&self, class: Class, site: Option<usize>) -> &Placed {
        let own = site.and_then(|place| self.sites.get(place));
        &own.unwrap_or(&self.usual)[class as usize]
    }
}

impl From<Schedule> for Schedules {
    /// One for all.
    fn from(usual: Schedule) -> Self {
        Self::new(&usual, &Default::default(), [])
    }
}

fn placed(
    usual: &Schedule,
    (class, of_class): (Class, &Own),
    (place, of_site): (Option<usize>, &Own),
) -> Placed {
    let (waits, key) = match (&of_site.waits, &of_class.waits) {
        (Some(waits), _) => (waits, Key { table: "site", index: place, name: "retry" }),
        (None, Some(waits)) => (waits, Key { table: "retry", index: None, name: class.name() }),
        (None, None) => (&usual.waits, USUAL),
    };
    let expire = [of_site.expire, of_class.expire].into_iter().flatten().min();
    let expire = expire.unwrap_or(usual.expire);
    Placed { schedule: Schedule { waits: waits.clone(), expire, ..usual.clone() }, key }
}

#[cfg(test)]
mod tests {
    use super::{Own, Schedules, USUAL};
    use crate::schedule::{Schedule, Waits};
    use crate::survey::Key;
    use crate::tenant::Class;
    use std::time::Duration;

    fn own(minutes: Option<u64>, hours: Option<u64>) -> Own {
        let listed = |minutes| Waits::Listed([Duration::from_mins(minutes)].into());
        Own { waits: minutes.map(listed), expire: hours.map(Duration::from_hours) }
    }

    #[test]
    fn the_pauses_are_the_sites_or_the_classes_and_the_shorter_life_holds() {
        let urgent = own(Some(1), Some(2));
        let sites = [own(Some(15), None), own(None, Some(1)), own(None, Some(96))];
        let usual = Schedule::default();
        let all = Schedules::new(&usual, &[urgent, Own::default()], sites);
        let key = |table, index, name| Key { table, index, name };
        let (site, class) = (key("site", Some(0), "retry"), key("retry", None, "transactional"));
        for (mail, place, minutes, hours, from) in [
            (Class::Bulk, None, 30, 72, USUAL),
            (Class::Transactional, None, 1, 2, class),
            (Class::Bulk, Some(0), 15, 72, site),
            (Class::Transactional, Some(0), 15, 2, site),
            (Class::Bulk, Some(1), 30, 1, USUAL),
            (Class::Transactional, Some(1), 1, 1, class),
            (Class::Bulk, Some(2), 30, 96, USUAL),
            // A site that the settings do not know any more is like one that never had a name.
            (Class::Bulk, Some(3), 30, 72, USUAL),
        ] {
            let schedule = all.of(mail, place);
            let found = (schedule.delay(1, None, 0), schedule.expire, all.key(mail, place));
            let wanted = (Duration::from_mins(minutes), Duration::from_hours(hours), from);
            assert_eq!(found, wanted, "{mail:?} {place:?}");
        }
        assert_eq!(all.longest_delay(), usual.longest_delay());
        assert_eq!(all.longest_life(), Duration::from_hours(96));
        assert_eq!(Schedules::from(usual.clone()).of(Class::Bulk, None), &usual);
    }
}
