//! What is seen of each site from second to second: whether mail waits, how much goes, and what its gates do.

use super::book::Book;
use super::host::Host;
use event::{Meters, SiteMeters, Tick};
use policy::replies::Rules;
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Mail waits at a site where so much of it is there for each connection, on its way and behind.
const WAITING_PER_CONNECTION: u64 = 16;
/// One way between hosts, on average: see [`super::physics`].
pub(super) const ONE_WAY: Duration = Duration::from_millis(10);
/// What a connection costs before and behind its messages, in ways between the hosts: two to connect, one
/// each for the greeting, EHLO, its answer, the first envelope, the last answer and the end.
const WAYS_PER_CONNECTION: u32 = 8;
/// The day is in full swing.
pub(super) const WARM: Duration = Duration::from_hours(1);

/// All of the day.
pub(super) struct Watch {
    pub(super) sites: Vec<Site>,
    /// Why mail was put off: how often, by site and words.
    pub(super) deferrals: BTreeMap<(String, String), u64>,
}

/// One site.
pub(super) struct Site {
    pub(super) host: Rc<Host>,
    name: String,
    meters: Arc<SiteMeters>,
    /// Tries that were put off, and that were settled, when the day was in full swing.
    warm: Option<(u64, u64)>,
    /// Messages that were settled while mail waited, and seconds of that.
    carried: u64,
    pub(super) waited: u64,
    /// How many it would have taken meanwhile.
    allowed: f64,
    last: (u64, u64),
    pub(super) steps: Vec<Step>,
    /// What it has asked for in its trouble is still in force.
    is_recovering: bool,
}

/// A step of a gate.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: Tick,
    pub(super) key: String,
    pub(super) taken: String,
    pub(super) rule: String,
}

impl Watch {
    pub(super) fn new(hosts: &[Rc<Host>], meters: &Meters) -> Self {
        let site = |host: &Rc<Host>| {
            let name = host.site_name();
            Site {
                host: Rc::clone(host),
                meters: meters.site(&name),
                name,
                warm: None,
                carried: 0,
                waited: 0,
                allowed: 0.0,
                last: (0, 0),
                steps: Vec::new(),
                is_recovering: false,
            }
        };
        Self { sites: hosts.iter().map(site).collect(), deferrals: BTreeMap::new() }
    }

    /// A second has passed, and this was told in it.
    pub(super) fn look(&mut self, lines: &[u8], book: &Book, now: Tick, is_warm: bool) {
        for line in lines.split(|byte| *byte == b'\n') {
            if line.starts_with(b"{\"event\":\"gate\"") {
                self.note_step(line, now);
            } else if memchr::memmem::find(line, b"\"outcome\":\"deferred\"").is_some() {
                self.note_deferral(line);
            }
        }
        for (number, site) in self.sites.iter_mut().enumerate() {
            site.look(book.settled(number), now, is_warm);
        }
    }

    fn note_step(&mut self, line: &[u8], now: Tick) {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
        let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
        let found = self.sites.iter_mut().find(|site| line["site"] == *site.name);
        let Some(site) = found else { return };
        let key = format!("{} {}", word("scope"), word("value"));
        site.steps.push(Step { at: now, key, taken: word("step"), rule: word("rule") });
    }

    fn note_deferral(&mut self, line: &[u8]) {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
        let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
        let words = format!("{} {}", line["code"], word("text"));
        let words: String = words.chars().take(70).collect();
        *self.deferrals.entry((word("site"), words)).or_default() += 1;
    }
}

impl Site {
    fn look(&mut self, settled: u64, now: Tick, is_warm: bool) {
        let (queued, deferred) = (self.meters.queued.get(), self.meters.deferred.get());
        if is_warm && self.warm.is_none() {
            self.warm = Some((deferred, settled));
        }
        let (before, had) = std::mem::replace(&mut self.last, (queued, settled));
        let is_troubled = self.host.is_troubled(now) && self.host.told.get().is_some();
        let is_open = self.steps.last().is_none_or(|step| step.taken == "opened");
        self.is_recovering = is_troubled || (self.is_recovering && !is_open);
        let connections = u64::from(self.connections());
        if before.min(queued) >= WAITING_PER_CONNECTION * connections && !self.is_recovering {
            self.waited += 1;
            self.carried += settled - had;
            self.allowed += self.rate();
        }
    }

    /// Connections it lets us have.
    fn connections(&self) -> u32 {
        let own = self.host.part.profile.connections_per_source;
        if own == 0 { policy::Limits::default().connections_max.into() } else { own }
    }

    /// Tries that were put off.
    pub(super) fn put_off(&self) -> u64 {
        self.meters.deferred.get()
    }

    /// Messages it would take in a second from one who knew all its limits: as many connections as it
    /// lets us have, each busy but for what it costs to open it.
    pub(super) fn rate(&self) -> f64 {
        let part = &self.host.part;
        let each = match part.profile.messages_per_connection {
            0 => policy::Limits::default().messages_per_connection_max,
            each => each,
        };
        let time = part.service * each + ONE_WAY * WAYS_PER_CONNECTION;
        let carried = f64::from(self.connections() * each) / time.as_secs_f64();
        let rates = [part.profile.message_rate, part.profile.recipient_rate];
        let rates = rates.into_iter().flatten();
        let rates = rates.map(|rate| f64::from(rate.count) / rate.span.0.as_secs_f64());
        rates.fold(carried, f64::min)
    }

    /// Of what it would have taken while mail waited, what it got; and how long that was.
    #[expect(clippy::cast_precision_loss, reason = "it is a share")]
    pub(super) fn reached(&self) -> Option<f64> {
        (self.waited > 0).then(|| self.carried as f64 / self.allowed)
    }

    /// The share of all tries that were put off, since the day was in full swing.
    #[expect(clippy::cast_precision_loss, reason = "it is a share")]
    pub(super) fn deferred(&self, settled: u64) -> f64 {
        let (deferred_first, settled_first) = self.warm.unwrap_or_default();
        let deferred = self.meters.deferred.get() - deferred_first;
        deferred as f64 / (deferred + settled - settled_first).max(1) as f64
    }

    /// When what it asked for in its trouble was first let go of, and when all was as before.
    pub(super) fn recovery(&self) -> Option<Recovery> {
        let trouble = self.host.part.trouble.as_ref()?;
        let told = self.host.told.get()?;
        let of_it = || self.steps.iter().filter(|step| step.at >= told);
        let shut = of_it().find(|step| step.taken == "shut")?;
        let later = || of_it().filter(|step| step.key == shut.key && step.at > shut.at);
        let back = later().find(|step| matches!(&*step.taken, "widened" | "opened"));
        let open = later().find(|step| step.taken == "opened");
        let after = |step: &Step| step.at.since(told);
        Some(Recovery {
            rule: shut.rule.clone(),
            key: shut.key.clone(),
            published: trouble.pause,
            asked: Rules::shipped()
                .all()
                .iter()
                .find(|rule| *rule.name == *shut.rule)
                .and_then(|rule| rule.action.pause()),
            back: back.map(after),
            open: open.map(after),
        })
    }
}

/// How a provider's trouble ended for us.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    pub(super) rule: String,
    pub(super) key: String,
    pub(super) published: Duration,
    /// What the rule asks for that read its words.
    pub(super) asked: Option<Duration>,
    /// When mail went again, since it was told.
    pub(super) back: Option<Duration>,
    /// When all was as before.
    pub(super) open: Option<Duration>,
}
