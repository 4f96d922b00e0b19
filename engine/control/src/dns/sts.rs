//! MTA-STS: the policies of domains, fetched where each domain keeps its own, and remembered.
//!
//! Whoever asks about a domain is told its policy too. One that is known costs a look at DNS,
//! which says whether it has changed. One that is not is fetched, and mail waits for it a little
//! while; what comes later counts from the next question on, which is soon. What cannot be fetched
//! is as if there were none, unless an older one still holds.
//!
//! [RFC 8461 §3.3](https://www.rfc-editor.org/rfc/rfc8461#section-3.3)

mod counts;
mod store;

pub(crate) use counts::Counts;

use super::lookup::Names;
use super::tls_report::Standing;
use crate::https::{Failure, Https, Kind, Outfit};
use event::{TlsResult, Wall};
use route::{STS_BYTES_MAX, StsMode, StsPolicy, StsRecord, is_public};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Disk, Store};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// By mail, for a policy that nobody knows yet.
    pub(super) mail: Duration,
    /// For a whole fetch.
    pub(super) fetch: Duration,
}

/// A policy is fetched for as long as
/// [RFC 8461 §3.3](https://www.rfc-editor.org/rfc/rfc8461#section-3.3) suggests; mail cannot wait
/// that long whenever somebody's web server is down.
pub(super) const PATIENCE: Patience =
    Patience { mail: Duration::from_secs(10), fetch: Duration::from_mins(1) };
/// Fetches at one time. What is asked for beyond is as if it had failed.
const FETCHES_MAX: usize = 1_000;
/// How long a policy that could not be fetched is let be.
const PAUSE: Duration = Duration::from_mins(5);
/// The most of which it is remembered that they could not be.
const FAILED_MAX: usize = 10_000;
/// How often policies are looked through for those that have grown old.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// The most fetched again then.
const RENEWED_EACH: usize = 16;
/// Where a policy is, on the host of its domain.
const PATH: &str = "/.well-known/mta-sts.txt";

/// What is needed for policies.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The folder they are kept in. Made if it is not there.
    pub folder: PathBuf,
    /// How their hosts are reached.
    pub outfit: Outfit,
    /// Whether they may be in private networks.
    pub private_allowed: bool,
}

/// The policies of domains.
pub(super) struct Policies {
    names: Arc<Names>,
    https: Https,
    private_allowed: bool,
    patience: Patience,
    disk: Arc<Disk>,
    state: Mutex<State>,
    counts: Arc<Counts>,
}

struct State {
    store: Store,
    /// Domains whose policy is being fetched: since when, and what ends with it.
    fetches: HashMap<String, (Instant, watch::Receiver<()>)>,
    /// Domains whose policy could not be, under which record, and until when it is let be.
    failed: HashMap<String, (Box<str>, Instant, Failure)>,
}

/// What is known of a domain's policy, and how long that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) policy: Option<Arc<StsPolicy>>,
    pub(super) life: Duration,
}

impl Policies {
    /// # Errors
    /// There can be none, and why.
    pub(super) fn open(
        setup: &Setup,
        names: Arc<Names>,
        counts: Arc<Counts>,
    ) -> io::Result<Arc<Self>> {
        let https = Https::new(&setup.outfit).map_err(io::Error::other)?;
        let disk = Disk::open(&setup.folder).map_err(|error| {
            let place = setup.folder.display();
            io::Error::new(error.kind(), format!("no policy can be kept in {place}: {error}"))
        })?;
        let store = disk.load(now());
        counts.keep(store.len());
        let state = State { store, fetches: HashMap::new(), failed: HashMap::new() };
        Ok(Arc::new(Self {
            names,
            https,
            private_allowed: setup.private_allowed,
            patience: PATIENCE,
            disk: Arc::new(disk),
            state: Mutex::new(state),
            counts,
        }))
    }

    /// The same, whose hosts listen at another port.
    #[cfg(test)]
    pub(super) fn opened(
        setup: &Setup,
        names: Arc<Names>,
        counts: Arc<Counts>,
        (port, patience): (u16, Patience),
    ) -> Arc<Self> {
        let policies = Arc::into_inner(Self::open(setup, names, counts).unwrap()).unwrap();
        Arc::new(Self { https: policies.https.at(port), patience, ..policies })
    }

    /// What is known of the policy of `domain`, after a look at what it says in DNS.
    pub(super) async fn ruling(self: Arc<Self>, domain: &str) -> Ruling {
        let deadline = Instant::now() + self.patience.mail;
        if let Ok(Some(record)) = timeout_at(deadline, self.record(domain)).await
            && self.state().is_news(domain, &record, Instant::now())
            && let Some((began, mut done)) = self.begin(domain, record)
        {
            // Whoever comes later has waited already.
            let deadline = deadline.min(began + self.patience.mail);
            // It is an error that nobody will say more: that is the end of it.
            let _ = timeout_at(deadline, done.changed()).await;
        }
        self.state().known(domain, now(), Instant::now())
    }

    /// Fetches policies again before they end, for as long as somebody uses them.
    pub(super) async fn renew(self: Arc<Self>) {
        loop {
            sleep(LOOK_EVERY).await;
            for (domain, id) in self.due() {
                let record = self.record(&domain).await;
                self.begin(&domain, record.unwrap_or(StsRecord { id }));
            }
        }
    }

    /// Those to be fetched again now. Those that have ended are let go of.
    fn due(&self) -> Vec<(String, Box<str>)> {
        let (ended, due) = {
            let mut state = self.state();
            let ended = state.store.end(now());
            self.counts.keep(state.store.len());
            (ended, state.store.due(now(), RENEWED_EACH))
        };
        let disk = Arc::clone(&self.disk);
        tokio::task::spawn_blocking(move || ended.iter().for_each(|domain| disk.remove(domain)));
        due
    }

    /// What DNS says of a policy, if it says anything that can be used.
    async fn record(&self, domain: &str) -> Option<StsRecord> {
        let texts = self.names.texts(&format!("_mta-sts.{domain}")).await.ok()?;
        StsRecord::find(texts.iter().map(String::as_str))
    }

    /// Sees that the policy of `domain` is fetched: since when it is, and what ends with it.
    /// `None` if too many are.
    fn begin(
        self: &Arc<Self>,
        domain: &str,
        record: StsRecord,
    ) -> Option<(Instant, watch::Receiver<()>)> {
        let mut state = self.state();
        if let Some(fetch) = state.fetches.get(domain) {
            return Some(fetch.clone());
        }
        if state.fetches.len() >= FETCHES_MAX {
            self.counts.failed(Kind::Crowded);
            return None;
        }
        let (end, done) = watch::channel(());
        let fetch = (Instant::now(), done);
        state.fetches.insert(domain.to_owned(), fetch.clone());
        let under_way =
            UnderWay { policies: Arc::clone(self), domain: domain.to_owned(), _end: end };
        tokio::spawn(async move { under_way.policies.fetch(&under_way.domain, &record).await });
        Some(fetch)
    }

    /// Fetches a policy, and remembers what came of that.
    async fn fetch(&self, domain: &str, record: &StsRecord) {
        let late = || Failure::new(Kind::Late, "it took too long");
        let text = timeout(self.patience.fetch, self.page(domain)).await;
        let text = text.unwrap_or_else(|_| Err(late()));
        let read = text.and_then(|text| match StsPolicy::parse(&record.id, &text) {
            Ok(policy) => Ok((policy, text)),
            Err(bad) => Err(Failure::new(Kind::Invalid, bad)),
        });
        let (policy, text) = match read {
            Ok(read) => read,
            Err(failure) => return self.failed(domain, record, &failure),
        };
        self.counts.fetched();
        let gone = {
            let mut state = self.state();
            state.failed.remove(domain);
            let gone = state.store.keep(domain, policy, now(), text.len());
            self.counts.keep(state.store.len());
            gone
        };
        let (disk, domain, id) = (Arc::clone(&self.disk), domain.to_owned(), record.id.clone());
        // Nobody waits for the disk.
        tokio::task::spawn_blocking(move || {
            for domain in gone {
                disk.remove(&domain);
            }
            if let Err(error) = disk.write(&domain, &id, now(), &text) {
                tracing::warn!("the MTA-STS policy of {domain} cannot be kept on disk: {error}");
            }
        });
    }

    async fn page(&self, domain: &str) -> Result<Vec<u8>, Failure> {
        let host = format!("mta-sts.{domain}");
        let mut addresses = Vec::new();
        if !self.https.is_led() {
            let found = self.names.places(&host).await;
            addresses = found.map_err(|cause| Failure::new(Kind::Dns, cause))?;
            // Whoever writes a record must not be able to aim us at what only we can reach (T17).
            addresses.retain(|address| self.private_allowed || is_public(*address));
        }
        let page = self.https.get(&host, &addresses, PATH, STS_BYTES_MAX).await?;
        // RFC 8461 section 3.3: no redirect is followed, nor anything else taken for a policy.
        if page.status != 200 {
            let text = format!("the host answered {}", page.status);
            return Err(Failure::new(Kind::Status, text));
        }
        if page.media_type != "text/plain" {
            let text = format!("its media type is {:?}", page.media_type);
            return Err(Failure::new(Kind::MediaType, text));
        }
        Ok(page.body.to_vec())
    }

    fn failed(&self, domain: &str, record: &StsRecord, failure: &Failure) {
        self.counts.failed(failure.kind);
        let mut state = self.state();
        let holds = state.store.tried(domain, now());
        state.let_be(domain, record, Instant::now(), failure);
        drop(state);
        // RFC 8461 section 3.3: somebody may be keeping it from us until the old one has ended.
        if holds.is_some_and(|policy| policy.mode != StsMode::None) {
            tracing::warn!(
                "the MTA-STS policy of {domain} cannot be fetched again, and the old one holds: \
                 {failure}"
            );
        }
    }

    /// What a report says of the policy of `domain`. One that could not be fetched is missed for
    /// as long as nobody has tried again.
    pub(super) fn standing(&self, domain: &str) -> Standing {
        let state = self.state();
        if let Some((policy, _)) = state.store.live(domain, now()) {
            return Standing::Known(Arc::clone(policy));
        }
        let recent = |(_, until, _): &&(_, Instant, _)| Instant::now() < *until + PAUSE;
        state.failed.get(domain).filter(recent).map_or(Standing::Without, |(_, _, failure)| {
            let result = match failure.kind {
                Kind::Certificate => TlsResult::StsWebpkiInvalid,
                Kind::Invalid | Kind::MediaType | Kind::TooLarge => TlsResult::StsPolicyInvalid,
                _ => TlsResult::StsPolicyFetchError,
            };
            Standing::Missing(result, failure.to_string().into())
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fetch under way, however it ends.
struct UnderWay {
    policies: Arc<Policies>,
    domain: String,
    _end: watch::Sender<()>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.policies.state().fetches.remove(&self.domain);
    }
}

impl State {
    /// Whether what a domain says in DNS is of another policy than the one that is known.
    fn is_news(&self, domain: &str, record: &StsRecord, at: Instant) -> bool {
        let known = self.store.live(domain, now());
        let is_let_be =
            self.failed.get(domain).is_some_and(|(id, until, _)| *id == record.id && at < *until);
        known.is_none_or(|(policy, _)| policy.id != record.id) && !is_let_be
    }

    fn known(&mut self, domain: &str, now: Wall, at: Instant) -> Ruling {
        self.store.used(domain, now);
        let known = self.store.live(domain, now);
        let (policy, life) =
            known.map_or((None, Duration::MAX), |(policy, life)| (Some(Arc::clone(policy)), life));
        let life = if self.fetches.contains_key(domain) {
            Duration::ZERO
        } else {
            let let_be = self.failed.get(domain).map(|(_, until, _)| until.duration_since(at));
            life.min(let_be.unwrap_or(life))
        };
        Ruling { policy, life }
    }

    fn let_be(&mut self, domain: &str, record: &StsRecord, at: Instant, failure: &Failure) {
        if self.failed.len() >= FAILED_MAX {
            self.failed.retain(|_, (_, until, _)| at < *until);
        }
        if self.failed.len() >= FAILED_MAX {
            self.failed.clear();
        }
        let failed = (record.id.clone(), at + PAUSE, failure.clone());
        self.failed.insert(domain.to_owned(), failed);
    }
}

#[expect(clippy::disallowed_methods, reason = "policies are dated by the clock on the wall")]
fn now() -> Wall {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
