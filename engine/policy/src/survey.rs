//! What operators ask of the queues, and what a shard answers.
//!
//! Every shard is asked, and answers with what it knows at that moment; whoever asked puts it
//! together. Nothing here takes time in proportion to the mail that is queued.

mod limiter;
mod order;

pub use limiter::{Key, Limiter};
pub use order::{
    About, Elsewhere, ORDER_MAX, ORDERS_MAX, Order, REROUTES_MAX, Rerouted, Verb, is_of_site,
};

use crate::tenant::Class;
use event::{MessageId, ReplyClass, Response, Wall};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The most sites in one answer.
pub const SITES_MAX: usize = 1_000;
/// The most parts of a site's mail in one answer.
pub const PARTS_MAX: usize = 20;
/// The most sites in one answer about a tenant or a campaign.
pub const FLOW_SITES_MAX: usize = 50;
/// The most recipients of a message in one answer.
pub const RECIPIENTS_MAX: usize = 100;

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// So many sites, those with most mail first.
    Sites(usize),
    /// The site of this name, and the domain.
    Name(Arc<str>),
    /// The mail of a tenant, of a campaign, or of one that is a tenant's: all else is not looked at.
    Flows(Arc<About>),
    /// A message with an open recipient.
    Message(MessageId),
    /// What an order would be about, and that it is done.
    Order(Arc<Order>),
    /// That an order holds which held before the program was started.
    Kept(Arc<Order>),
}

/// What a shard answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Question::Sites`].
    Sites(Sites),
    /// To [`Question::Name`], and to [`Question::Flows`] the sites with most of it, whose loads are of
    /// that mail.
    Name(Box<Named>),
    /// To [`Question::Message`]; `None` if it is not this shard's, or not open.
    Message(Option<Box<Message>>),
    /// To [`Question::Order`] and [`Question::Kept`]; `None` if it knows nothing that this is about.
    Order(Option<Counted>),
}

/// What an order is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// All of it.
    pub load: Load,
    /// So many of these deliveries are tried before the time that is ordered, since theirs is up then.
    pub expiring: usize,
}

impl From<Load> for Counted {
    fn from(load: Load) -> Self {
        Self { load, expiring: 0 }
    }
}

impl Counted {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        let expiring = self.expiring + other.expiring;
        Self { load: self.load.plus(other.load), expiring }
    }
}

/// How much there is of something, in deliveries: a message to those of its recipients that share a
/// domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// They wait for a connection.
    pub ready: usize,
    /// They were put off, and wait for their time.
    pub waiting: usize,
    /// They are on a connection.
    pub in_flight: usize,
}

impl Load {
    /// All of it.
    #[must_use]
    pub const fn total(self) -> usize {
        self.ready + self.waiting + self.in_flight
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            ready: self.ready + other.ready,
            waiting: self.waiting + other.waiting,
            in_flight: self.in_flight + other.in_flight,
        }
    }
}

/// Sites of one shard, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sites {
    /// Those with most mail, most first.
    pub sites: Vec<Site>,
    /// How many there are that have mail, or are paused.
    pub sites_total: usize,
    /// All their mail.
    pub load: Load,
    /// Deliveries that wait to hear from DNS where they go.
    pub unrouted: usize,
    /// Why the shard takes no new mail, if it takes none.
    pub shut: Option<String>,
}

/// A site, as one shard or all of them know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: Arc<str>,
    /// Its mail.
    pub load: Load,
    /// Connections that work.
    pub open: u32,
    /// Connections being dialled.
    pub opening: u32,
    /// The most there may be.
    pub connections_max: u32,
    /// What keeps its ready mail from another connection, the first of which is in force.
    pub limiters: Vec<Limiter>,
    /// Whose mail is ready there, most first, [`PARTS_MAX`] at most; only if it was asked about by name.
    pub parts: Vec<Part>,
    /// Its hosts; only if it was asked about by name.
    pub hosts: Vec<Host>,
    /// What its hosts said last, the oldest first, where that was no; only if it was asked about by
    /// name.
    pub replies: Vec<Said>,
    /// Orders by which mail for it goes elsewhere.
    pub reroutes: Vec<Rerouted>,
}

/// What of a site's ready mail takes turns with the rest: a tenant's campaign, of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How urgent it is.
    pub class: Class,
    /// Whose; empty if nobody said.
    pub tenant: Arc<str>,
    /// Which of its mailings; empty if nobody said.
    pub campaign: Arc<str>,
    /// How many parts its tenant gets where another gets one.
    pub weight: u16,
    /// Its deliveries that wait for a connection.
    pub ready: usize,
    /// What keeps it, if that is not the site's.
    pub limiter: Option<Limiter>,
}

/// Those of these parts with most mail; what is of one flow is one.
#[must_use]
pub fn most(parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
    let mut all = BTreeMap::<_, Part>::new();
    for part in parts {
        let key = (part.class, Arc::clone(&part.tenant), Arc::clone(&part.campaign));
        all.entry(key).and_modify(|known| known.ready += part.ready).or_insert(part);
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_key(|part| Reverse(part.ready));
    all.truncate(PARTS_MAX);
    all
}

/// A host of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// What it is called.
    pub name: Box<str>,
    /// Where.
    pub address: SocketAddr,
    /// Others are dialled until then, if there are any, since it could not be reached.
    pub rests_until: Option<Wall>,
}

/// A reply that said no, or what we say where there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When, for the last time.
    pub at: Wall,
    /// Who said it.
    pub peer: Option<SocketAddr>,
    /// The message it was about.
    pub message: Option<MessageId>,
    /// The words.
    pub response: Response,
    /// How often they were said one after the other.
    pub times: u64,
    /// What it means.
    pub class: ReplyClass,
    /// The rule that says so.
    pub rule: Option<Box<str>>,
}

/// What a shard knows under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The site, and, if mail leaves for it by several pools, each of these.
    pub sites: Vec<Site>,
    /// The domain, if it can be one.
    pub domain: Option<Domain>,
}

/// A domain, as one shard knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name, in our spelling.
    pub name: Box<str>,
    /// The site that its mail goes to, as far as this shard has learnt.
    pub site: Option<Arc<str>>,
    /// Why its mail goes nowhere.
    pub limiter: Option<Limiter>,
    /// Deliveries that wait to hear where it goes.
    pub unrouted: usize,
    /// The order by which it goes there, if it is one.
    pub rerouted: Option<Rerouted>,
}

/// A message with an open recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name.
    pub id: MessageId,
    /// When it became ours.
    pub accepted: Wall,
    /// When the time of the last of them is up.
    pub expires: Wall,
    /// Open recipients, the first [`RECIPIENTS_MAX`].
    pub recipients: Vec<Recipient>,
    /// How many there are.
    pub recipients_total: usize,
}

/// An open recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its address; empty if the message cannot be read back now.
    pub address: Box<str>,
    /// Attempts made so far.
    pub attempts: u16,
    /// When its time is up.
    pub expires: Wall,
    /// Where it goes, as far as that is known.
    pub site: Option<Arc<str>>,
    /// What keeps it, if that is not its site.
    pub limiter: Option<Limiter>,
    /// The order by which it goes there, if it is one.
    pub rerouted: Option<Rerouted>,
}
