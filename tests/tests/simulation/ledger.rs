//! What was promised and what arrived: everything both outsides know, in one book.

use event::{MessageId, Tick};

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// How long after its answer a delivery may be forgotten by a crash: the design's bound for
/// settle records, and the time an answer travels.
pub(crate) const SETTLE_BOUND: Duration = Duration::from_millis(110);

/// How long a provider may be about other things before it sees that its connection is broken.
const UNSEEN: Duration = Duration::from_secs(1);

/// The book, shared by all outside.
pub(crate) type Book = Rc<RefCell<Ledger>>;

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) messages: BTreeMap<u64, Message>,
    /// By recipient: each address is used once, so it names the message too.
    pub(crate) fates: BTreeMap<String, Fate>,
    /// Bounces that arrived, by their whole text.
    pub(crate) bounces: BTreeMap<Vec<u8>, Bounce>,
    /// Reports that arrived of what is no failure.
    pub(crate) notices: BTreeMap<Vec<u8>, Bounce>,
    /// When the relay went down.
    pub(crate) crashes: Vec<Tick>,
    /// Messages whose 250 was just read.
    pub(crate) acknowledged: Vec<u64>,
    /// What must never happen, and did.
    pub(crate) violations: Vec<String>,
    /// How long after its answer a delivery may be forgotten in this world.
    pub(crate) bound: Duration,
    /// When the disk last failed as planned.
    pub(crate) struck: Option<Tick>,
    /// An operator gives up what waits for this domain, now and then.
    pub(crate) given_up: Option<&'static str>,
    /// The relay's wall clock was stepped: ages are not what they were.
    pub(crate) clock_stepped: bool,
    /// What is written on a connection arrives.
    pub(crate) network_sound: bool,
    pub(crate) visits: u32,
}

/// One message, as its sender sees it.
pub(crate) struct Message {
    pub(crate) sender: String,
    /// Those that RCPT was answered 250 for.
    pub(crate) recipients: Vec<String>,
    /// As it is to arrive: wire form, without the final dot; or what BDAT carries.
    pub(crate) text: Vec<u8>,
    /// As it leaves its sender, and lies on the disk.
    pub(crate) sent: Vec<u8>,
    pub(crate) form: Form,
    /// How many answers its text gets.
    pub(crate) answers: usize,
    pub(crate) eight_bit: bool,
    pub(crate) standing: Standing,
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Data,
    /// By BDAT, though it consists of lines.
    Chunks,
    /// By BDAT, and it need not.
    Binary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its final dot was not said.
    Begun,
    /// Its final dot may have been heard.
    Dotted,
    /// 250 was read.
    Acknowledged { at: Tick, id: MessageId },
    /// Another answer was read.
    Refused { at: Tick },
}

/// What became of one recipient, as providers see it.
#[derive(Default)]
pub(crate) struct Fate {
    pub(crate) token: u64,
    pub(crate) takings: Vec<Taking>,
    /// 5xx.
    pub(crate) refused: Vec<Tick>,
    /// 4xx.
    pub(crate) deferred: Vec<Tick>,
    /// Its domain cannot be delivered to.
    pub(crate) hopeless: bool,
    /// Its provider may lack what the message needs.
    pub(crate) unfit: bool,
    /// What NOTIFY said of it; empty if it was not said.
    pub(crate) notify: &'static str,
}

/// A provider has taken responsibility.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taking {
    /// When it said so, or, if it did not, when it took it.
    pub(crate) at: Tick,
    /// When the connection came about that it was taken on.
    pub(crate) begun: Tick,
    /// That connection, while it lasts.
    pub(crate) visit: Option<u32>,
    /// It said so, and nothing kept the relay from hearing it.
    pub(crate) is_certain: bool,
}

/// A bounce, as its provider sees it.
#[derive(Default)]
pub(crate) struct Bounce {
    pub(crate) to: String,
    /// Whom it tells of.
    pub(crate) of: Vec<String>,
    pub(crate) takings: Vec<Taking>,
}

impl Fate {
    /// Whether its sender wants to hear of this, as NOTIFY names it.
    pub(crate) fn asks_for(&self, what: &str) -> bool {
        match self.notify {
            "" => what == "FAILURE",
            said => said.split(',').any(|word| word == what),
        }
    }
}

impl Ledger {
    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    pub(crate) fn visit(&mut self) -> u32 {
        self.visits += 1;
        self.visits
    }

    /// A provider has answered all it was told on this connection.
    pub(crate) fn answered(&mut self, visit: u32, now: Tick) {
        for taking in self.takings_on(visit).filter(|taking| !taking.is_certain) {
            (taking.at, taking.is_certain) = (now, true);
        }
    }

    /// A connection ended; if badly, its last answers may not have been heard.
    pub(crate) fn ended(&mut self, visit: u32, badly: bool, now: Tick) {
        for taking in self.takings_on(visit) {
            taking.visit = None;
            taking.is_certain &= !badly || taking.at + UNSEEN < now;
        }
    }

    fn takings_on(&mut self, visit: u32) -> impl Iterator<Item = &mut Taking> {
        let delivered = self.fates.values_mut().flat_map(|fate| &mut fate.takings);
        let bounced = self.bounces.values_mut().flat_map(|bounce| &mut bounce.takings);
        let noticed = self.notices.values_mut().flat_map(|notice| &mut notice.takings);
        delivered.chain(bounced).chain(noticed).filter(move |taking| taking.visit == Some(visit))
    }

    /// Whether a message may be sent again although this provider has it: the relay did not
    /// hear so, or it went down before that was on its disk.
    pub(crate) fn excuses(&self, taking: &Taking) -> bool {
        !taking.is_certain || self.crashed_within(taking.begun, taking.at + self.bound)
    }

    pub(crate) fn crashed_within(&self, from: Tick, to: Tick) -> bool {
        self.crashes.iter().any(|at| from <= *at && *at <= to)
    }

    pub(crate) fn fate(&mut self, recipient: &str) -> Option<&mut Fate> {
        self.fates.get_mut(recipient)
    }

    /// All recipients of a message at a domain.
    pub(crate) fn fates_at(&mut self, token: u64, domain: &str) -> impl Iterator<Item = &mut Fate> {
        let within = move |(address, fate): &(&String, &mut Fate)| {
            fate.token == token && address.rsplit('@').next() == Some(domain)
        };
        self.fates.iter_mut().filter(within).map(|(_, fate)| fate)
    }

    /// Whether an operator may have given up a recipient.
    pub(crate) fn may_be_given_up(&self, recipient: &str) -> bool {
        let domain = recipient.rsplit('@').next();
        self.given_up.is_some() && domain == self.given_up
    }

    /// Acknowledged messages.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (u64, &Message, Tick, MessageId)> {
        self.messages.iter().filter_map(|(token, message)| match message.standing {
            Standing::Acknowledged { at, id } => Some((*token, message, at, id)),
            _ => None,
        })
    }

    /// Where a report with this text belongs.
    pub(crate) fn reports_like(&mut self, text: &[u8]) -> &mut BTreeMap<Vec<u8>, Bounce> {
        let text = String::from_utf8_lossy(text);
        let is_bounce = text.contains("\r\nAction: failed\r\n");
        if is_bounce { &mut self.bounces } else { &mut self.notices }
    }

    /// Bounces that name this recipient.
    pub(crate) fn bounces_of<'b>(&'b self, recipient: &'b str) -> impl Iterator<Item = &'b Bounce> {
        self.bounces.values().filter(move |bounce| bounce.of.iter().any(|told| told == recipient))
    }
}

/// Whom the text of a bounce tells of.
pub(crate) fn told_of(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let rows = text.split_inclusive('\n').filter_map(|row| row.strip_suffix("\r\n"));
    let named = rows.filter_map(|row| row.strip_prefix("final-recipient: rfc822;"));
    named.map(|named| named.trim_start().to_owned()).collect()
}

/// The token of an address we made.
pub(crate) fn token_of(address: &str) -> Option<u64> {
    let local = address.split('@').next()?.strip_prefix('m')?;
    local.split('.').next()?.parse().ok()
}
