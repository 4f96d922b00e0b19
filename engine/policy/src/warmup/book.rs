//! What our addresses have sent of a day, and how it is written down.

use super::{Counter, Sent, days};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A day that is so far behind the last one is not written down any more.
const KEPT_DAYS: i32 = 7;

type Counters = BTreeMap<(IpAddr, Box<str>), Arc<Counter>>;

/// All counters, by the address and the name of the site, which is empty for all sites together. One that
/// was there stays for as long as the program runs.
#[derive(Debug, Default)]
pub struct Book {
    counters: Mutex<Counters>,
    edition: Arc<AtomicU64>,
}

/// A counter, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The address.
    pub source: IpAddr,
    /// The site; left out: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Box<str>>,
    /// The day, such as `2026-11-28`.
    pub day: String,
    /// So many messages were sent of it.
    pub messages: u64,
}

impl Book {
    /// As it was written down.
    ///
    /// # Errors
    /// What is no day.
    pub fn of(kept: impl IntoIterator<Item = Kept>) -> Result<Self, String> {
        let book = Self::default();
        for Kept { source, site, day, messages: count } in kept {
            let date: Date = day.parse().map_err(|_| format!("`{day}` is no day"))?;
            let counter = book.counter(source, site.as_deref());
            *counter.sent() = Sent { date: Some(date), count };
        }
        Ok(book)
    }

    /// The counter of an address, for a site or for all of them.
    #[must_use]
    pub fn counter(&self, source: IpAddr, site: Option<&str>) -> Arc<Counter> {
        let key = (source, site.unwrap_or_default().into());
        let new = || Counter { edition: Arc::clone(&self.edition), ..Counter::default() };
        Arc::clone(self.counters().entry(key).or_insert_with(|| Arc::new(new())))
    }

    /// Changes with everything that is sent.
    #[must_use]
    pub fn edition(&self) -> u64 {
        self.edition.load(Ordering::Relaxed)
    }

    /// All of it, to be written down.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        let counters = self.counters();
        let sent = counters.iter().filter_map(|((source, site), counter)| {
            let Sent { date, count } = *counter.sent();
            Some((date?, count, *source, site))
        });
        let sent: Vec<_> = sent.collect();
        let last = sent.iter().map(|(date, ..)| *date).max();
        let is_near = |date: Date| last.is_none_or(|last| days(date, last) <= KEPT_DAYS);
        let near = sent.into_iter().filter(|(date, ..)| is_near(*date));
        let kept = near.map(|(date, messages, source, site)| Kept {
            source,
            site: (!site.is_empty()).then(|| site.clone()),
            day: date.to_string(),
            messages,
        });
        kept.collect()
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
