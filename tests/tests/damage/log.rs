//! A log on a simulated disk, and what a start makes of it when a bit of it is flipped.

use crate::Dice;
use crate::layout::{self, Area};
use event::{MessageId, Outcome, Wall};
use kernel::sim::{Crash, Host, Sim, World};
use shard::journal::{Journal, Options, ReadError, Reader, Recovered};
use spool::{Answer, Deferral, Draft, Envelope, SEGMENT_MIN, Settlement, Spot, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const LOG: &str = "/spool/log-00";
/// Messages put in: more than a third of them are through in the end.
const MESSAGES: u64 = 480;
const RECIPIENTS: [&[u8]; 3] = [b"b@example.net", b"c@example.org", b"d@example.com"];

/// Open recipients: how often they were tried, and when they are due.
pub(crate) type Standings = BTreeMap<u16, (u16, Wall)>;

/// A message as it was put in.
pub(crate) struct Message {
    pub(crate) envelope: Envelope,
    pub(crate) text: Vec<u8>,
}

/// The log, and what is in it.
pub(crate) struct Written {
    world: World,
    host: Host,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    pub(crate) live: BTreeMap<MessageId, Standings>,
}

/// What a start finds.
pub(crate) struct Opened {
    pub(crate) found: BTreeMap<MessageId, Found>,
    /// The messages that the report of damage names.
    pub(crate) named: BTreeSet<MessageId>,
}

/// A message that a start finds.
pub(crate) struct Found {
    pub(crate) envelope: Envelope,
    pub(crate) standings: Standings,
    /// Its text, or `None` if it turned out to be damaged when it was read.
    pub(crate) text: Option<Vec<u8>>,
}

impl Written {
    /// A log of two segments with everything in it that a log can hold but copies.
    pub(crate) fn new(seed: u64) -> Self {
        let world = World::new(seed);
        world.physics(|physics| physics.short_ppm = 0);
        let host = world.host();
        let mut written = Self { world, host, messages: BTreeMap::new(), live: BTreeMap::new() };
        written.fill(&mut Dice(seed));
        written.world.crash(host, Crash::Power);
        let opened = written.open(written.world.host_like(host));
        assert_eq!(opened.named, BTreeSet::new(), "a sound log");
        let found = opened.found.iter().map(|(id, found)| (*id, found.standings.clone()));
        assert!(found.eq(written.live.clone()), "what was put in is there");
        assert!(written.live.len() >= 300, "{} live messages", written.live.len());
        assert_eq!(written.segments().len(), 2);
        written
    }

    fn fill(&mut self, dice: &mut Dice) {
        let sim = self.world.shard(self.host);
        let (journal, _) = self.world.block_on(open(sim));
        for _ in 0..MESSAGES {
            let id = journal.next_id();
            let text = text(dice);
            let settled = (dice.below(8) == 0).then(|| self.any_live(dice)).flatten();
            let envelope = self.world.block_on(accept(&journal, id, &text, settled));
            if let Some((id, recipient)) = settled {
                self.close(id, recipient);
            }
            self.messages.insert(id, Message { envelope, text });
            let fresh = |recipient: usize| (recipient as u16, (0, Wall(0)));
            self.live.insert(id, (0..RECIPIENTS.len()).map(fresh).collect());
            for _ in 0..dice.below(3) {
                self.follow(&journal, dice);
            }
        }
        self.world.block_on(journal.drain());
    }

    /// Something becomes of a recipient.
    fn follow(&mut self, journal: &Journal<Sim>, dice: &mut Dice) {
        let Some((id, recipient)) = self.any_live(dice) else { return };
        let answer = Answer { code: 250, ..Answer::default() };
        if dice.below(3) > 0 {
            let recipients = &[recipient];
            journal.settle(&Settlement { id, recipients, outcome: Outcome::Delivered, answer });
            return self.close(id, recipient);
        }
        let standings = self.live.get_mut(&id).expect("it is live");
        let standing = standings.get_mut(&recipient).expect("it is open");
        let (attempt, due) = (standing.0 + 1, Wall(1_000 + dice.below(1_000_000)));
        *standing = (attempt, due);
        journal.defer(&Deferral { id, recipients: &[recipient], attempt, due, answer });
    }

    fn any_live(&self, dice: &mut Dice) -> Option<(MessageId, u16)> {
        let nth = dice.below(self.live.len().max(1) as u64) as usize;
        let (id, standings) = self.live.iter().nth(nth)?;
        Some((*id, *standings.keys().next()?))
    }

    fn close(&mut self, id: MessageId, recipient: u16) {
        let standings = self.live.get_mut(&id).expect("it is live");
        standings.remove(&recipient);
        if standings.is_empty() {
            self.live.remove(&id);
        }
    }

    /// Every byte of its segments.
    pub(crate) fn areas(&self) -> Vec<Area> {
        let areas = self.segments().into_iter().flat_map(|(number, path)| {
            let bytes = self.world.durable(self.host, &path).expect("its name is durable");
            layout::areas(number, &bytes)
        });
        areas.collect()
    }

    fn segments(&self) -> Vec<(u64, PathBuf)> {
        let names = self.world.durable_names(self.host);
        let ours = names.into_iter().filter(|path| path.parent() == Some(Path::new(LOG)));
        let numbered =
            ours.filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path)));
        numbered.collect()
    }

    /// What a start finds when a bit of what lies in `area` was turned over.
    pub(crate) fn open_with_flip(&self, area: &Area, at: usize, bit: u8) -> Opened {
        let host = self.world.host_like(self.host);
        let path = Path::new(LOG).join(format!("{:017}.seg", area.segment));
        self.world.flip(host, &path, at, bit);
        self.open(host)
    }

    fn open(&self, host: Host) -> Opened {
        let sim = self.world.shard(host);
        let opened = self.world.block_on(look(sim));
        self.world.crash(host, Crash::Kill);
        opened
    }
}

/// Opens the log and loads what it holds: all that must change here if opening does.
async fn open(sim: Sim) -> (Journal<Sim>, Vec<(MessageId, Spot, Standings)>) {
    let segment_bytes = SEGMENT_MIN as u64;
    let options = Options { segment_bytes, free_bytes_min: 0, ..Options::default() };
    let opened = Journal::open(sim, Path::new(LOG), 0, options).await;
    let (journal, mut backlog) = opened.expect("the log opens");
    let mut all = Vec::new();
    let take = |found: Recovered<'_>| {
        let standings = found.open().map(|(open, _)| (open.recipient, (open.attempt, open.due)));
        all.push((found.id, found.spot, standings.collect()));
    };
    backlog.load(take).await.expect("it can be read");
    (journal, all)
}

async fn look(sim: Sim) -> Opened {
    let (journal, survivors) = open(sim.clone()).await;
    let reader = Reader::new(sim, Path::new(LOG));
    let mut named: BTreeSet<MessageId> =
        journal.damage().iter().flat_map(|damage| damage.messages.iter().copied()).collect();
    let mut found = BTreeMap::new();
    for (id, spot, standings) in survivors {
        match read(&reader, id, &spot).await {
            Some((envelope, text)) => _ = found.insert(id, Found { envelope, standings, text }),
            // A full segment is known by its footer: a bad envelope is found out, by name, when
            // the message is to be sent.
            None => _ = named.insert(id),
        }
    }
    Opened { found, named }
}

/// The envelope, and the whole text or nothing if that is not what was written. Nothing at all
/// if the envelope is not.
async fn read(
    reader: &Reader<Sim>,
    id: MessageId,
    spot: &Spot,
) -> Option<(Envelope, Option<Vec<u8>>)> {
    // By itself the record of the envelope has a check of its own.
    let alone = Spot::new(spot.segment(), spot.offset(), spot.len(), 0);
    let loaded = match reader.load(id, &alone).await {
        Err(ReadError::Damaged) => return None,
        loaded => loaded.expect("it can be read"),
    };
    let mut text = Vec::new();
    for place in &loaded.places {
        match reader.read(place).await {
            Err(ReadError::Damaged) => {
                let whole = reader.load(id, spot).await;
                assert!(!whole.is_ok_and(|whole| whole.text.is_some()), "nobody is sent this");
                return Some((loaded.envelope, None));
            }
            part => text.extend_from_slice(&part.expect("it can be read")),
        }
    }
    Some((loaded.envelope, Some(text)))
}

/// Puts a message in; as a bounce, if it settles a recipient of another.
async fn accept(
    journal: &Journal<Sim>,
    id: MessageId,
    text: &[u8],
    settled: Option<(MessageId, u16)>,
) -> Envelope {
    let sender = format!("a{}@example.com", id.count);
    let draft = Draft {
        sender: sender.as_bytes(),
        recipients: &RECIPIENTS,
        prefix: b"Received: by us\r\n",
        accepted: Wall(1_000),
        eight_bit: false,
        utf8: false,
        requiretls: false,
        dotted: true,
        form: spool::Form::Stuffed,
        extra: b"",
    };
    let accepted = match settled {
        None => journal.accept(id, Text::new(), text, &draft).await,
        Some((of, recipient)) => {
            let (outcome, answer) = (Outcome::Failed, Answer::default());
            let settled = Settlement { id: of, recipients: &[recipient], outcome, answer };
            journal.accept_and_settle(id, text, &draft, &settled).await
        }
    };
    accepted.expect("the disk is sound").envelope
}

/// A text: none, short, of some length, and now and then one in several parts.
fn text(dice: &mut Dice) -> Vec<u8> {
    let len = match dice.below(150) {
        0 => 300_000,
        1..5 => 0,
        5..30 => 5_000 + dice.below(20_000),
        _ => 1 + dice.below(3_000),
    };
    (0..len).map(|_| dice.below(256) as u8).collect()
}
