//! TLS-RPT: what TLS with the hosts of a domain came to, told once a day to whoever it names.
//!
//! Shards note sessions in a [`Ledger`]; each minute they are counted here under the policy of
//! their domain, and the day's counts written to disk. The day after, each domain that asks for a
//! report in DNS gets one: by HTTPS from here, by mail from our own queue.
//!
//! [RFC 8460](https://www.rfc-editor.org/rfc/rfc8460)

mod book;
mod counts;
mod day;
mod document;
mod record;
mod store;
mod verdict;

pub(crate) use counts::Counts;
pub(super) use verdict::Standing;

use super::lookup::Names;
use super::sts::Policies;
use crate::https::{Https, Outfit};
use book::{Book, Fate};
use counts::Outcome;
use day::Day;
use document::{Document, Tally};
use event::Wall;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use policy::tls_report::Ledger;
use record::Place;
use route::{Answer, is_public};
use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::Store;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How often sessions are counted, and days looked at: what a crash may cost.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Domains whose reports are on their way at one time.
const SENT_EACH: usize = 16;
/// How long one way of sending a report may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a report is, by HTTPS and by mail.
/// [RFC 8460 §6.4](https://www.rfc-editor.org/rfc/rfc8460#section-6.4)
const MEDIA_TYPE: &str = "application/tlsrpt+gzip";

/// What is needed for reports.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The folder that days are kept in. Made if it is not there.
    pub folder: PathBuf,
    /// Where the shards note sessions.
    pub ledger: Arc<Ledger>,
    /// Who reports.
    pub organization: String,
    /// Whom to ask about a report.
    pub contact: String,
    /// What this server calls itself.
    pub hostname: String,
    /// How web servers are reached.
    pub outfit: Outfit,
    /// Whether they may be in private networks.
    pub private_allowed: bool,
}

/// A report that is to go by mail.
pub struct Mail {
    /// Whom to.
    pub recipient: String,
    /// The domain that it is about.
    pub domain: String,
    /// What it is called.
    pub report_id: String,
    /// What its file is called.
    pub file_name: String,
    /// The file: JSON under gzip.
    pub file: Vec<u8>,
    /// Where DNS says that the mail goes, with no policy and nothing proven: it has to arrive
    /// whatever TLS there is.
    /// [RFC 8460 §5.3](https://www.rfc-editor.org/rfc/rfc8460#section-5.3)
    pub answer: Answer,
    /// When it is sent.
    pub now: Wall,
    /// Hears whether it is ours to deliver.
    pub taken: Box<dyn FnOnce(bool) + Send>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}

/// How mail is sent. Works from any thread, and must not wait.
#[derive(Clone)]
pub struct Post(pub Arc<dyn Fn(Mail) + Send + Sync>);

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post")
    }
}

/// Whoever counts and reports.
pub(crate) struct Reporter {
    setup: Setup,
    names: Arc<Names>,
    policies: Option<Arc<Policies>>,
    https: Https,
    store: Arc<Mutex<Store>>,
    book: Mutex<Book>,
    counts: Arc<Counts>,
}

/// A report, as it is sent.
struct Packed {
    domain: String,
    report_id: String,
    file_name: String,
    file: Vec<u8>,
}

impl Reporter {
    /// # Errors
    /// There can be none, and why.
    pub(super) fn open(
        setup: &Setup,
        names: Arc<Names>,
        policies: Option<Arc<Policies>>,
        counts: Arc<Counts>,
        now: Wall,
    ) -> io::Result<Self> {
        let https = Https::new(&setup.outfit).map_err(io::Error::other)?;
        let store = Store::open(&setup.folder).map_err(|error| {
            let place = setup.folder.display();
            io::Error::new(error.kind(), format!("no report can be kept in {place}: {error}"))
        })?;
        let book = Mutex::new(Book::new(store.load(), now, random()));
        let (setup, store) = (setup.clone(), Arc::new(Mutex::new(store)));
        Ok(Self { setup, names, policies, https, store, book, counts })
    }

    /// The same, whose web servers listen at another port.
    #[cfg(test)]
    pub(super) fn at(self, port: u16) -> Arc<Self> {
        Arc::new(Self { https: self.https.at(port), ..self })
    }

    /// Counts and reports until it is dropped; reports, once it is known how mail is sent.
    pub(crate) async fn run(self, post: oneshot::Receiver<Post>) {
        let reporter = Arc::new(self);
        let sending = async {
            let Ok(post) = post.await else { return };
            loop {
                sleep(LOOK_EVERY).await;
                reporter.send(&post, now()).await;
            }
        };
        let counting = async {
            loop {
                sleep(LOOK_EVERY).await;
                reporter.count(now(), random()).await;
            }
        };
        tokio::join!(counting, sending);
    }

    /// Counts what the shards have noted, and writes it down.
    pub(super) async fn count(&self, now: Wall, random: u64) {
        let noted = self.setup.ledger.take();
        let is_quiet = noted.is_empty();
        let standing = |domain: &str| {
            self.policies.as_ref().map_or(Standing::Without, |policies| policies.standing(domain))
        };
        let mut lost = 0;
        let given_up = {
            let mut book = self.book();
            for (session, count) in noted {
                let (policy, failure) = verdict::verdict(&session, &standing(&session.domain));
                if !book.today.add(&session.domain, policy, failure, count) {
                    lost += count;
                }
            }
            book.turn(now, random)
        };
        self.counts.lose(lost, self.setup.ledger.lost());
        self.counts.add(Outcome::GivenUp, given_up);
        if !is_quiet || given_up > 0 {
            self.keep().await;
        }
    }

    /// Writes the days down.
    async fn keep(&self) {
        let days: Vec<Day> = {
            let book = self.book();
            book.yesterday().into_iter().chain([&book.today]).cloned().collect()
        };
        let store = Arc::clone(&self.store);
        let keep = move || store.lock().unwrap_or_else(PoisonError::into_inner).keep(&days);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(keep).await {
            tracing::warn!("what is to be reported of TLS cannot be kept on disk: {error}");
        }
    }

    /// Sends what is due.
    pub(super) async fn send(self: &Arc<Self>, post: &Post, now: Wall) {
        let due = self.book().due(now);
        for some in due.chunks(SENT_EACH) {
            let mut reports = JoinSet::new();
            for domain in some {
                let (reporter, post, domain) = (Arc::clone(self), post.clone(), domain.clone());
                reports.spawn(async move { reporter.report(&post, &domain, now).await });
            }
            reports.join_all().await;
        }
        if !due.is_empty() {
            self.keep().await;
        }
    }

    /// Sends the report to one domain, if it wants one.
    async fn report(&self, post: &Post, domain: &str, now: Wall) {
        let Some((day, tallies)) = self.book().news(domain) else { return };
        let outcome = match self.names.texts(&format!("_smtp._tls.{domain}")).await {
            Err(_) => Outcome::Deferred,
            Ok(texts) => match record::places(texts.iter().map(String::as_str)) {
                Err(_) => Outcome::Unwanted,
                Ok(places) => self.send_to(post, &places, (domain, &day, &tallies), now).await,
            },
        };
        self.counts.add(outcome, 1);
        let fate = if outcome == Outcome::Deferred { Fate::Later } else { Fate::Settled };
        self.book().settle(day.number, domain, fate);
    }

    /// It goes to all places, and has arrived if it has at one.
    /// [RFC 8460 §3](https://www.rfc-editor.org/rfc/rfc8460#section-3)
    async fn send_to(
        &self,
        post: &Post,
        places: &[Place],
        (domain, day, tallies): (&str, &Day, &[Tally]),
        now: Wall,
    ) -> Outcome {
        let packed = match self.pack(domain, day, tallies) {
            Ok(packed) => packed,
            Err(error) => {
                tracing::warn!("the report of TLS to {domain} cannot be written: {error}");
                return Outcome::Deferred;
            }
        };
        let mut sent = Outcome::Deferred;
        for place in places {
            let sending = async {
                match place {
                    Place::Mail(address) => self.by_mail(post, address, &packed, now).await,
                    Place::Web { host, path } => self.by_web(host, path, &packed).await,
                }
            };
            let late = || Err("it took too long".to_owned());
            match timeout(PATIENCE, sending).await.unwrap_or_else(|_| late()) {
                Ok(()) => sent = Outcome::Sent,
                Err(why) => {
                    tracing::warn!("the report of TLS to {domain} does not reach {place:?}: {why}");
                }
            }
        }
        sent
    }

    fn pack(&self, domain: &str, day: &Day, tallies: &[Tally]) -> io::Result<Packed> {
        let Setup { organization, contact, hostname, .. } = &self.setup;
        let report_id = format!("{}.{domain}@{hostname}", day.date());
        let document = Document {
            organization_name: organization,
            date_range: day.range(),
            contact_info: contact,
            report_id: &report_id,
            policies: tallies,
        };
        let mut file = GzEncoder::new(Vec::new(), Compression::default());
        file.write_all(&serde_json::to_vec(&document)?)?;
        let file = file.finish()?;
        // RFC 8460 section 5.1
        let (start, end) = day.seconds();
        let file_name = format!("{hostname}!{domain}!{start}!{end}.json.gz");
        Ok(Packed { domain: domain.to_owned(), report_id, file_name, file })
    }

    async fn by_mail(
        &self,
        post: &Post,
        address: &str,
        packed: &Packed,
        now: Wall,
    ) -> Result<(), String> {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let answer = Arc::clone(&self.names).mail(domain, None).await;
        let (tell, told) = oneshot::channel();
        (post.0)(Mail {
            recipient: address.to_owned(),
            domain: packed.domain.clone(),
            report_id: packed.report_id.clone(),
            file_name: packed.file_name.clone(),
            file: packed.file.clone(),
            answer,
            now,
            taken: Box::new(move |is_taken| {
                // Nobody waits any more, perhaps.
                let _ = tell.send(is_taken);
            }),
        });
        if told.await == Ok(true) { Ok(()) } else { Err("the queue does not take it".to_owned()) }
    }

    /// [RFC 8460 §5.4](https://www.rfc-editor.org/rfc/rfc8460#section-5.4)
    async fn by_web(&self, host: &str, path: &str, packed: &Packed) -> Result<(), String> {
        let mut addresses = Vec::new();
        if !self.https.is_led() {
            addresses = self.names.places(host).await?;
            // Whoever writes a record must not be able to aim us at what only we can reach (T17).
            let allowed = self.setup.private_allowed;
            addresses.retain(|address| allowed || is_public(*address));
        }
        let body = Bytes::from(packed.file.clone());
        let page = self.https.post(host, &addresses, path, (MEDIA_TYPE, body)).await;
        let page = page.map_err(|failure| failure.to_string())?;
        let taken = page.status.is_success();
        if taken { Ok(()) } else { Err(format!("the host answered {}", page.status)) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lot. Without any, all wait equally long: none.
fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "reports are of days, by the clock on the wall")]
pub(super) fn now() -> Wall {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
