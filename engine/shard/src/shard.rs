//! What the tasks of one shard share. All state changes between awaits, never across one.

use crate::access::{Access, Logins};
use crate::ages::Ages;
use crate::bounce::Bounces;
use crate::crowd::Crowd;
use crate::delivery_log::DeliveryLog;
use crate::domains::Domains;
use crate::gates::Aside;
use crate::inbound::Shelf;
use crate::journal::{Closed, Journal, Reader};
use crate::letter::Letter;
use crate::message::{Budget, Delivery, Share};
use crate::outbound::{InUse, Refusals};
use crate::setup::{Live, Setup};
use crate::sites::Sites;
use crate::spread::Loans;
use crate::survey::Accounts;
use crate::valve::Valve;
use crate::watch::Watches;
use event::{MessageId, Meters, ShardMeters, Shut, Tick};
use kernel::{Kernel, Sender};
use policy::gate::Gates;
use policy::hosts::{HostMemory, Hosts};
use policy::tls_report::Ledger;
use queue::{Queue, SiteIndex};
use route::Place;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Once the queue is full, new mail waits until no more than this share of it is used.
const QUEUE_LOW_PERCENT: u64 = 95;
/// With more than this share of the memory for reception used, no message begins ...
const INTAKE_HIGH_PERCENT: u64 = 87;
/// ... until no more than this is.
const INTAKE_LOW_PERCENT: u64 = 75;

const _: () = assert!(
    INTAKE_LOW_PERCENT < INTAKE_HIGH_PERCENT && QUEUE_LOW_PERCENT < 100,
    "what is shut opens at a lower mark"
);

const fn share(whole: u64, percent: u64) -> u64 {
    (whole as u128 * percent as u128 / 100) as u64
}

/// One shard.
pub(crate) struct Shard<K: Kernel> {
    pub(crate) kernel: K,
    pub(crate) index: usize,
    pub(crate) hostname: Arc<str>,
    /// What of the settings may change. Replaced as a whole, by [`Letter::Reload`].
    pub(crate) live: RefCell<Live>,
    /// What they have asked of sites that are at home here.
    pub(crate) gates: RefCell<Gates>,
    /// When what waits for these was last looked through, and they were written down; whether they have
    /// changed since.
    pub(crate) gates_looked: Cell<Tick>,
    pub(crate) gates_written: Cell<Tick>,
    pub(crate) gates_changed: Cell<bool>,
    /// Mail of senders that are slowed at a site.
    pub(crate) aside: RefCell<Aside>,
    pub(crate) shards: Vec<Sender<Letter>>,
    pub(crate) all_meters: Arc<Meters>,
    pub(crate) crowd: Arc<Crowd>,
    /// New mail goes to the first; the others only drain. Never empty.
    pub(crate) journals: Vec<(u16, Journal<K>)>,
    /// Ways to read texts, by log: any shard's.
    readers: RefCell<BTreeMap<u16, Reader<K>>>,
    spool: PathBuf,
    pub(crate) queue: RefCell<Queue<Delivery>>,
    pub(crate) sites: RefCell<Sites>,
    /// Connections that other shards have of sites at home here, and this one has of others.
    pub(crate) loans: RefCell<Loans>,
    /// What operators are told of, and what they have ordered.
    pub(crate) accounts: RefCell<Accounts>,
    /// What single hosts did.
    pub(crate) hosts: RefCell<Hosts<HostMemory>>,
    /// What they did to single addresses of ours.
    pub(crate) refusals: RefCell<Refusals>,
    /// What connections there are to them.
    pub(crate) in_use: RefCell<InUse>,
    pub(crate) domains: RefCell<route::Cache>,
    /// Deliveries that wait for DNS, by domain.
    pub(crate) parked: RefCell<BTreeMap<String, Vec<Delivery>>>,
    /// The same domains, as deliveries name them.
    pub(crate) names: Domains,
    pub(crate) held: Budget,
    pub(crate) intake: Budget,
    pub(crate) shelf: Shelf,
    pub(crate) watches: Watches<K::Stream>,
    /// Bytes that TLS held for peers in the middle of a word, when it was last looked at.
    pub(crate) sealed_waiting: Cell<u64>,
    pub(crate) log: DeliveryLog<K::File>,
    queued_max: u64,
    free_bytes_min: u64,
    queue_valve: Valve,
    intake_valve: Valve,
    /// Bytes that an inbound connection takes up at rest, what it was told beside.
    pub(crate) visit_bytes: Cell<usize>,
    draining: Cell<bool>,
    /// Deliveries on lanes.
    pub(crate) carrying: Cell<usize>,
    /// Open recipients of this shard's messages, by age.
    pub(crate) ages: RefCell<Ages>,
    /// Bounces to be written.
    pub(crate) bounces: Bounces,
    /// Outgoing connections open or opening.
    pub(crate) lanes: Cell<usize>,
    /// When it dials next since a rate then allows more.
    pub(crate) awaits_rates: Cell<Tick>,
    /// Who may log in, if anybody may.
    pub(crate) access: Option<Arc<dyn Access>>,
    /// Sessions that wait to hear whether they may.
    pub(crate) logins: Logins,
    /// Where it is counted what TLS with hosts came to, if anybody is told.
    pub(crate) tls_ledger: Option<Arc<Ledger>>,
}

impl<K: Kernel> Shard<K> {
    pub(crate) fn new(
        kernel: K,
        setup: &Setup,
        journals: Vec<(u16, Journal<K>)>,
        log: DeliveryLog<K::File>,
    ) -> Rc<Self> {
        let now = kernel.now();
        Rc::new(Self {
            index: setup.index,
            hostname: Arc::clone(&setup.hostname),
            live: RefCell::new(setup.live.clone()),
            gates: RefCell::default(),
            gates_looked: Cell::default(),
            gates_written: Cell::default(),
            gates_changed: Cell::default(),
            aside: RefCell::default(),
            shards: setup.shards.clone(),
            all_meters: Arc::clone(&setup.meters),
            crowd: Arc::clone(&setup.crowd),
            journals,
            readers: RefCell::default(),
            spool: setup.spool.directory.clone(),
            queue: RefCell::new(Queue::new(now)),
            sites: RefCell::default(),
            loans: RefCell::default(),
            accounts: RefCell::default(),
            hosts: RefCell::default(),
            refusals: RefCell::default(),
            in_use: RefCell::default(),
            domains: RefCell::new(route::Cache::default()),
            parked: RefCell::default(),
            names: Domains::new(Arc::clone(&setup.weights)),
            held: Budget::new(setup.held_bytes_max),
            intake: Budget::new(setup.intake_bytes_max),
            shelf: Shelf::default(),
            watches: Watches::default(),
            sealed_waiting: Cell::new(0),
            log,
            queued_max: setup.queued_max,
            free_bytes_min: setup.spool.options.free_bytes_min,
            queue_valve: Valve::new(setup.queued_max, share(setup.queued_max, QUEUE_LOW_PERCENT)),
            intake_valve: Valve::new(
                share(setup.intake_bytes_max, INTAKE_HIGH_PERCENT),
                share(setup.intake_bytes_max, INTAKE_LOW_PERCENT),
            ),
            visit_bytes: Cell::new(0),
            draining: Cell::new(false),
            carrying: Cell::new(0),
            ages: RefCell::default(),
            bounces: Bounces::default(),
            lanes: Cell::new(0),
            awaits_rates: Cell::new(Tick::NEVER),
            access: setup.access.clone(),
            logins: Logins::default(),
            tls_ledger: setup.tls_ledger.clone(),
            kernel,
        })
    }

    pub(crate) fn meters(&self) -> &ShardMeters {
        self.all_meters.shard(self.index)
    }

    /// The log that takes new mail.
    pub(crate) fn journal(&self) -> &Journal<K> {
        &self.journals[0].1
    }

    /// The log that holds this message.
    ///
    /// # Panics
    /// If it is another shard's: its owner was asked for, and that is us.
    pub(crate) fn journal_of(&self, id: MessageId) -> &Journal<K> {
        let journal = self.journals.iter().find(|(log, _)| *log == id.log);
        &journal.expect("a message is settled by the shard that owns its log").1
    }

    /// The shard that keeps the log of this message, and so records what becomes of it.
    pub(crate) fn owner(&self, id: MessageId) -> usize {
        usize::from(id.log) % self.shards.len()
    }

    /// Reads texts of a log, which may be another shard's.
    pub(crate) fn reader(&self, log: u16) -> Reader<K> {
        let mut readers = self.readers.borrow_mut();
        let open = || Reader::new(self.kernel.clone(), &crate::log_directory(&self.spool, log));
        readers.entry(log).or_insert_with(open).clone()
    }

    /// Why no new message would be taken now, if none would.
    pub(crate) fn shut(&self) -> Option<Shut> {
        let closed = self.journal().state().closed.map(|closed| match closed {
            Closed::Full => Shut::DiskFull,
            Closed::Failed => Shut::DiskFailed,
            Closed::Slow => Shut::DiskSlow,
        });
        let waiting = !self.queue_valve.is_open(self.meters().queued_recipients.get());
        closed.or(waiting.then_some(Shut::QueueFull))
    }

    /// Shows how much room is left, of that which may run out. Asks the filesystem.
    pub(crate) fn measure(&self) {
        let meters = self.meters();
        // Where it cannot be asked, what it last said stands.
        if let Ok((free, _)) = self.kernel.space(&self.spool) {
            meters.spool_free_bytes.set(free);
            meters.spool_free_bytes_min.set(self.free_bytes_min);
        }
        meters.queued_recipients_max.set(self.queued_max);
        meters.intake_bytes.set(self.intake.used());
        meters.intake_bytes_max.set(self.intake.limit());
    }

    /// The memory a new message begins with, unless there is little left: then those that are
    /// under way get it.
    pub(crate) fn intake_share(&self, bytes: usize) -> Option<Share> {
        self.intake_valve.is_open(self.intake.used()).then(|| self.intake.take(bytes)).flatten()
    }

    pub(crate) fn draining(&self) -> bool {
        self.draining.get()
    }

    pub(crate) fn drain(&self) {
        self.draining.set(true);
    }

    pub(crate) fn site_name(&self, index: SiteIndex) -> Arc<str> {
        Arc::clone(&self.sites.borrow().find(index).name)
    }

    /// Where a site may be reached at addresses that are `allowed`, in the order of preference.
    pub(crate) fn site_places(
        &self,
        index: SiteIndex,
        allowed: impl Fn(IpAddr) -> bool,
    ) -> Vec<Place> {
        let plan = Arc::clone(&self.sites.borrow().find(index).plan);
        plan.places(allowed, &mut || self.kernel.random())
    }

    /// Hands a letter to a shard, which may be this one.
    pub(crate) fn post(self: &Rc<Self>, to: usize, letter: Letter) {
        if to == self.index {
            self.open(letter);
        } else {
            self.shards[to].post(letter);
        }
    }

    /// Acts on a letter.
    pub(crate) fn open(self: &Rc<Self>, letter: Letter) {
        match letter {
            Letter::Deliver(plan, delivery) => self.enqueue(&plan, delivery),
            Letter::Loan(site, loan) => self.hear_loan(&site, loan),
            Letter::Asked(plan, asked) => self.asked(&plan, &asked),
            Letter::Report(report) => self.settle(*report),
            Letter::Scheduled(scheduled) => self.note_scheduled(&scheduled),
            Letter::Locate(delivery) => self.locate(delivery),
            Letter::Suspect(id) => self.journal_of(id).suspect(id),
            Letter::Resolved(domain, answer) => self.resolved(&domain, &answer),
            Letter::Submit(submission) => self.submit(*submission),
            Letter::Recall(recall) => self.heed(&recall),
            Letter::Reload(reload) => self.reload(*reload),
            Letter::Inquiry(inquiry) => self.answer(*inquiry),
            Letter::Verdict(number, verdict) => self.logins.hear(number, verdict),
            Letter::Connection(_) | Letter::Drain | Letter::LanesEnded => {
                unreachable!("the main loop keeps these")
            }
        }
    }
}
