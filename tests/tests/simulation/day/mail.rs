//! The mail of the day: some all day long, most of it in three campaigns.

use super::cast::Part;
use loadgen::hash::{Random, hex, scatter};
use loadgen::message::Composer;
use loadgen::recipient;
use std::time::Duration;

/// Of a hundred messages so many are of no campaign.
const STEADY_PERCENT: u64 = 40;
/// When campaigns begin, in thousandths of the day.
const CAMPAIGNS: [u64; 3] = [330, 520, 800];
/// So many messages a campaign hands in in a second.
const CAMPAIGN_RATE: u64 = 1_000;
/// Bytes of a message.
const SIZE: u32 = 700;
/// The domain that sends.
pub(super) const SENDER: &str = "news.test";

/// What comes in which second.
pub(super) struct Mail {
    seed: u64,
    composer: Composer,
    /// By second.
    counts: Vec<u32>,
    next: u64,
    /// Of each provider, the last ticket that is its own, and its domains.
    shares: Vec<(u64, Vec<String>)>,
    /// How many were for each.
    pub(super) offered: Vec<u64>,
}

/// A message to be handed in.
pub(super) struct Letter {
    pub(super) sender: String,
    pub(super) recipient: String,
    pub(super) text: Vec<u8>,
}

impl Mail {
    pub(super) fn new(seed: u64, messages: u64, length: Duration, parts: &[&Part]) -> Self {
        let mut sum = 0;
        let share = |part: &&Part| {
            sum += u64::from(part.share);
            (sum, part.profile.domains.clone())
        };
        Self {
            seed,
            composer: Composer::new(seed, SENDER, "Thu, 01 Jan 2026 00:00:00 +0000"),
            counts: counts(seed, messages, length.as_secs()),
            next: 0,
            shares: parts.iter().map(share).collect(),
            offered: vec![0; parts.len()],
        }
    }

    /// What comes in this second, one after another.
    pub(super) fn of(&mut self, second: u64, mut take: impl FnMut(&Letter)) {
        let count = self.counts.get(second as usize).copied().unwrap_or(0);
        for _ in 0..count {
            let letter = self.write();
            take(&letter);
        }
    }

    fn write(&mut self) -> Letter {
        let id = self.next;
        self.next += 1;
        let random = scatter(self.seed ^ scatter(id));
        let all = self.shares.last().map_or(1, |last| last.0);
        let provider = self.shares.partition_point(|(last, _)| *last <= random % all);
        self.offered[provider] += 1;
        let domains = &self.shares[provider].1;
        let mut address = b"u".to_vec();
        hex(id, &mut address);
        address.push(b'@');
        address.extend_from_slice(domains[scatter(random) as usize % domains.len()].as_bytes());
        let (mut sender, mut text) = (Vec::new(), Vec::new());
        recipient::sender(id, SENDER, &mut sender);
        self.composer.write(id, SIZE, false, &address, &mut text);
        let word = |bytes| String::from_utf8(bytes).expect("addresses are ASCII");
        Letter { sender: word(sender), recipient: word(address), text }
    }
}

/// How many messages come in each second of a day.
fn counts(seed: u64, messages: u64, seconds: u64) -> Vec<u32> {
    let mut counts = vec![0; seconds as usize];
    let steady = messages * STEADY_PERCENT / 100;
    let mut random = Random::new(seed ^ 0xda11);
    for _ in 0..steady {
        // The better of two: noon has more than midnight.
        let middle = |second: u64| second.abs_diff(seconds / 2);
        let (one, other) = (random.next() % seconds, random.next() % seconds);
        counts[if middle(one) < middle(other) { one } else { other } as usize] += 1;
    }
    let each = (messages - steady) / CAMPAIGNS.len() as u64;
    for (number, begins) in CAMPAIGNS.iter().enumerate() {
        let mut left = each;
        if number == 0 {
            left = messages - steady - each * (CAMPAIGNS.len() as u64 - 1);
        }
        let from = (seconds * begins / 1_000) as usize;
        for count in &mut counts[from..] {
            let now = left.min(CAMPAIGN_RATE);
            *count += now as u32;
            left -= now;
        }
    }
    counts
}
