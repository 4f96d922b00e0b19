//! A provider as a log shows it: what is learnt of it before a replay.
//!
//! Each no of the log is put down to one of four causes, the first that explains it:
//!
//! 1. it is about one recipient or message: they hear it again, one try after the other ([`Log::own`]);
//! 2. there were too many connections: it turned one away within seconds of taking mail on others;
//! 3. it had had enough: a bucket was full, of a size and rate that explain nearly all of it ([`Bucket`]);
//! 4. it was the hour: it said no from then until it was seen to take mail again, less a minute, since
//!    nobody knows when in between it would have. What it said amid mail that it took is the message's own.

use super::bucket::Bucket;
use super::log::{Log, Refused, Site};
use std::collections::BTreeMap;

/// When mail was taken first after a long no, the host would have taken it so much sooner.
const SLACK_MILLIS: u32 = 60_000;
/// What was said within so long of mail that was taken was not for the hour.
const AMID_MILLIS: u32 = 10_000;
/// So many texts are looked at to know how long one takes.
const SAMPLE: usize = 10_001;

/// What is known of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Provider {
    /// What it takes in a time, and what it says when that is over.
    pub(super) bucket: Option<(Bucket, u32)>,
    /// The connections it bears at once, and what it says to one more.
    pub(super) connections: Option<(usize, u32)>,
    /// When it said no, to whom.
    pub(super) spells: BTreeMap<To, Vec<Spell>>,
    /// From the last octet of a text until it is taken, as a rule.
    pub(super) takes_millis: u32,
}

/// Whom it says no to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum To {
    /// Connections.
    Callers,
    /// All mail.
    All,
    /// Mail of a domain.
    Sender(u32),
}

/// A time in which it said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spell {
    pub(super) from: u32,
    pub(super) to: u32,
    /// With which reply; `None`: it did not answer.
    pub(super) reply: Option<u32>,
}

/// What is known of each site's provider. What proves to be a message's own goes to [`Log::own`].
pub(super) fn learn(log: &mut Log) -> Vec<Provider> {
    let mut own = std::mem::take(&mut log.own);
    let learnt = log.sites.iter().map(|site| Provider::of(site, &mut own)).collect();
    // What was read in the order in which it was settled happened in this one.
    for replies in own.values_mut() {
        replies.sort_by_key(|(at, _)| *at);
    }
    log.own = own;
    // They are known by now.
    for site in &mut log.sites {
        (site.taken, site.refused, site.dials) = Default::default();
    }
    learnt
}

impl Provider {
    fn of(site: &Site, own: &mut BTreeMap<u32, Vec<(u32, u32)>>) -> Self {
        let taken: Vec<u32> = site.taken.iter().map(|(_, at)| *at).collect();
        let mut spells = Spells { taken: &taken, all: BTreeMap::new() };
        let mut turned_away = Vec::new();
        for dial in &site.dials {
            match dial.reply {
                Some(reply) if is_amid(&taken, dial.at) => turned_away.push(reply),
                reply => spells.add(To::Callers, dial.at, reply),
            }
        }
        let (general, of_sender): (Vec<&Refused>, Vec<&Refused>) =
            site.refused.iter().partition(|refused| refused.sender.is_none());
        let times: Vec<u32> = general.iter().map(|refused| refused.at).collect();
        let bucket = Bucket::of(&taken, &times);
        let bucket = bucket.zip(most_frequent(general.iter().map(|refused| refused.reply)));
        let others = general.into_iter().filter(|_| bucket.is_none()).chain(of_sender);
        for refused in others {
            let to = refused.sender.map_or(To::All, To::Sender);
            match refused.message {
                Some(message) if to == To::All && is_amid(&taken, refused.at) => {
                    own.entry(message).or_default().push((refused.at, refused.reply));
                }
                _ => spells.add(to, refused.at, Some(refused.reply)),
            }
        }
        let most = most_at_once(&site.taken);
        let connections = most_frequent(turned_away).map(|reply| (most, reply));
        Self { bucket, connections, spells: spells.all, takes_millis: takes(&site.taken) }
    }

    /// What it says then, if that is no for the hour.
    pub(super) fn spell(&self, to: To, now: u32) -> Option<Spell> {
        let spells = self.spells.get(&to)?;
        let behind = spells.partition_point(|spell| spell.from <= now);
        let spell = *spells.get(behind.checked_sub(1)?)?;
        (now < spell.to).then_some(spell)
    }
}

struct Spells<'t> {
    taken: &'t [u32],
    all: BTreeMap<To, Vec<Spell>>,
}

impl Spells<'_> {
    /// Adds what was said then; calls come in the order of time.
    fn add(&mut self, to: To, at: u32, reply: Option<u32>) {
        let spells = self.all.entry(to).or_default();
        if let Some(last) = spells.last_mut()
            && at < last.to
        {
            return;
        }
        let next = self.taken.get(self.taken.partition_point(|taken| *taken <= at));
        let end = match next {
            Some(next) if next - at > 2 * SLACK_MILLIS => next - SLACK_MILLIS,
            Some(next) => *next,
            None => u32::MAX,
        };
        spells.push(Spell { from: at, to: end, reply });
    }
}

/// Whether mail was taken shortly before and shortly after.
fn is_amid(taken: &[u32], at: u32) -> bool {
    let behind = taken.partition_point(|taken| *taken <= at);
    let before = behind.checked_sub(1).and_then(|place| taken.get(place));
    let is_near = |other: Option<&u32>| other.is_some_and(|it| it.abs_diff(at) <= AMID_MILLIS);
    is_near(before) && is_near(taken.get(behind))
}

fn most_frequent(replies: impl IntoIterator<Item = u32>) -> Option<u32> {
    let mut times = BTreeMap::<u32, usize>::new();
    replies.into_iter().for_each(|reply| *times.entry(reply).or_default() += 1);
    times.into_iter().max_by_key(|(_, times)| *times).map(|(reply, _)| reply)
}

/// The most texts that it had at once without having answered: a connection has one.
fn most_at_once(taken: &[(u32, u32)]) -> usize {
    let mut sent: Vec<u32> = taken.iter().map(|(sent, _)| *sent).collect();
    sent.sort_unstable();
    // An answer in the same millisecond may have come behind the next text.
    let at_once = taken.iter().enumerate().map(|(answered, (_, at))| {
        let out = sent.partition_point(|sent| sent < at);
        out.saturating_sub(answered)
    });
    at_once.max().unwrap_or_default().max(1)
}

fn takes(taken: &[(u32, u32)]) -> u32 {
    let step = taken.len().div_ceil(SAMPLE).max(1);
    let sample = taken.iter().step_by(step);
    let mut sample: Vec<u32> = sample.map(|(sent, at)| at.saturating_sub(*sent)).collect();
    sample.sort_unstable();
    sample.get(sample.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
