//! How fetches of policies ended.

use crate::https::Kind;
use std::sync::atomic::{AtomicU64, Ordering};

/// How fetches of policies ended, and how many policies are known.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    kept: AtomicU64,
    fetches: [AtomicU64; Self::OUTCOMES.len()],
}

impl Counts {
    const OUTCOMES: [(&str, Option<Kind>); 12] = [
        ("fetched", None),
        ("dns", Some(Kind::Dns)),
        ("connect", Some(Kind::Connect)),
        ("certificate", Some(Kind::Certificate)),
        ("tls", Some(Kind::Tls)),
        ("http", Some(Kind::Http)),
        ("status", Some(Kind::Status)),
        ("media_type", Some(Kind::MediaType)),
        ("too_large", Some(Kind::TooLarge)),
        ("late", Some(Kind::Late)),
        ("invalid", Some(Kind::Invalid)),
        ("crowded", Some(Kind::Crowded)),
    ];

    pub(super) fn fetched(&self) {
        self.count(None);
    }

    pub(super) fn failed(&self, kind: Kind) {
        self.count(Some(kind));
    }

    pub(super) fn keep(&self, policies: usize) {
        self.kept.store(policies as u64, Ordering::Relaxed);
    }

    /// Policies that are known.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Each way a fetch ends with how often it did.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.fetches.iter().map(|count| count.load(Ordering::Relaxed));
        Self::OUTCOMES.into_iter().map(|(name, _)| name).zip(counts)
    }

    fn count(&self, kind: Option<Kind>) {
        let mut all = Self::OUTCOMES.iter().zip(&self.fetches);
        if let Some((_, count)) = all.find(|((_, counted), _)| *counted == kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
