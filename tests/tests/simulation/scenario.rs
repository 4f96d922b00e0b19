//! From a seed to what is to happen.

use crate::chance::Chance;
use crate::ledger::SETTLE_BOUND;
use crate::provider::Temper;
use kernel::sim::{Crash, Fault, Host, Operation, When, World};
use std::time::Duration;

/// The domain whose mail an operator gives up.
pub(crate) const GIVEN_UP: &str = "one.test";

/// What happens in one world.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    /// Shards in each life, in turn.
    pub(crate) shards: Vec<usize>,
    pub(crate) sessions: u64,
    pub(crate) messages: u64,
    pub(crate) text_max: u64,
    pub(crate) moody_percent: u64,
    /// Messages that come by BDAT, so many in a hundred.
    pub(crate) chunked_percent: u64,
    pub(crate) temper: Temper,
    pub(crate) disk: Disk,
    pub(crate) window_bytes: usize,
    pub(crate) short_ppm: u32,
    pub(crate) reset_ppm: u32,
    /// When the relay goes down, counted from the start.
    pub(crate) crashes: Vec<(Duration, Crash)>,
    /// Steps of the relay's wall clock.
    pub(crate) steps: Vec<(Duration, i64)>,
    /// Also writes to a domain where nobody answers.
    pub(crate) dead: bool,
    /// Senders come through a balancer that says who they are.
    pub(crate) proxied: bool,
    /// Connections to providers go wrong as a profile may ask for: reset at a byte, a tarpit, a
    /// reply without end, or one that never comes.
    pub(crate) faults: bool,
    /// Settings are read again so often, with another limit of connections.
    pub(crate) reloads: Option<Duration>,
    /// An operator gives up what waits for [`GIVEN_UP`] so often.
    pub(crate) drops: Option<Duration>,
    /// When all troubles end.
    pub(crate) calm: Duration,
}

/// What is wrong with the relay's disk until the calm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    Sound,
    /// Writes and syncs take up to so long.
    Slow(Duration),
    /// Operations fail, so many times in a million.
    Failing(u32),
    /// There is room for so many bytes, and from the calm on for more.
    Full(u64),
}

impl Disk {
    /// Plans it for `host`.
    pub(crate) fn trouble(self, world: &World, host: Host) {
        match self {
            Self::Sound => (),
            Self::Slow(span) => {
                let slow = [Operation::FileWrite, Operation::FileSync, Operation::SyncDirectory];
                for operation in slow {
                    world.plan(host, operation, When::Chance(300_000), Fault::Slow(span));
                }
            }
            Self::Failing(ppm) => {
                for operation in Operation::ALL.into_iter().filter(|kind| kind.is_of_disk()) {
                    world.plan(host, operation, When::Chance(ppm), Fault::Error(5));
                }
            }
            Self::Full(bytes) => world.resize_disk(host, bytes),
        }
    }
}

impl Scenario {
    /// Whether the disk keeps up, so that the usual bounds hold.
    pub(crate) const fn has_sound_disk(&self) -> bool {
        matches!(self.disk, Disk::Sound)
    }

    /// How many logs the relay has in the end.
    pub(crate) fn logs(&self) -> usize {
        self.shards.iter().copied().max().unwrap_or(0).max(3)
    }

    /// How long a settlement may be lost: the design's bound while the disk is sound, and else
    /// as long as the disk takes.
    pub(crate) fn bound(&self) -> Duration {
        match self.disk {
            Disk::Sound => SETTLE_BOUND,
            Disk::Slow(span) => SETTLE_BOUND + span * 4,
            Disk::Failing(_) | Disk::Full(_) => self.calm,
        }
    }

    /// What `seed` stands for.
    pub(crate) fn of(seed: u64) -> Self {
        // Worlds have their own dice; these are another's, so that they do not agree.
        let world = World::new(seed ^ 0x5ce9_a810);
        let dice = world.shard(world.host());
        let temper = match dice.within(0..10) {
            0 => Temper::Kind,
            1 => Temper::Silent,
            _ => Temper::Rough,
        };
        let disk = match dice.within(0..12) {
            0 => Disk::Slow(dice.millis(50..3_000)),
            1 | 2 => Disk::Failing(dice.pick(&[2_000, 20_000, 100_000])),
            3 => Disk::Full(dice.within(8 << 20..40 << 20)),
            _ => Disk::Sound,
        };
        let crash = |_| (dice.millis(20..9_000), dice.pick(&[Crash::Power, Crash::Kill]));
        let step =
            |_| (dice.millis(100..9_000), dice.within(0..7_200_000).cast_signed() - 3_600_000);
        Self {
            seed,
            shards: (0..4).map(|_| dice.pick(&[1, 2, 2, 3])).collect(),
            sessions: dice.within(1..6),
            messages: dice.within(1..6),
            text_max: if dice.one_in(8) { 700_000 } else { 6_000 },
            moody_percent: dice.pick(&[0, 5, 15]),
            chunked_percent: dice.pick(&[0, 30, 60]),
            temper,
            disk,
            window_bytes: dice.pick(&[700, 4_096, 65_536]),
            short_ppm: dice.pick(&[0, 100_000, 600_000]),
            reset_ppm: dice.pick(&[0, 0, 5_000, 30_000]),
            crashes: (0..dice.pick(&[0, 1, 1, 2, 3])).map(crash).collect(),
            steps: (0..u64::from(dice.one_in(12))).map(step).collect(),
            dead: dice.one_in(10),
            proxied: dice.one_in(4),
            calm: Duration::from_secs(10),
            faults: dice.one_in(3),
            reloads: dice.one_in(4).then_some(Duration::from_secs(1)),
            drops: dice.one_in(4).then(|| dice.millis(100..1_500)),
        }
    }

    /// As [`Self::quiet`], with enough to do that it asks its disk for 2,000 things and more:
    /// starts after every kind of end, segments that fill, and much mail.
    pub(crate) fn busy(seed: u64) -> Self {
        let crash = |number: u32| {
            let crash = if number.is_multiple_of(2) { Crash::Power } else { Crash::Kill };
            (Duration::from_millis(1_300) * number, crash)
        };
        Self {
            sessions: 8,
            messages: 60,
            text_max: 300_000,
            crashes: (1..=8).map(crash).collect(),
            calm: Duration::from_secs(13),
            ..Self::quiet(seed)
        }
    }

    /// A world in which each life has another number of cores.
    pub(crate) fn cores(seed: u64) -> Self {
        let kill = |number: u32| (Duration::from_millis(900) * number, Crash::Kill);
        Self {
            shards: vec![1, 8, 3, 1],
            sessions: 6,
            messages: 12,
            crashes: (1..4).map(kill).collect(),
            calm: Duration::from_secs(4),
            ..Self::quiet(seed)
        }
    }

    /// A small world in which nothing goes wrong by itself: what is to, is planned.
    pub(crate) fn quiet(seed: u64) -> Self {
        Self {
            seed,
            shards: vec![1],
            sessions: 1,
            messages: 2,
            text_max: 120,
            moody_percent: 0,
            chunked_percent: 0,
            temper: Temper::Kind,
            disk: Disk::Sound,
            window_bytes: 65_536,
            short_ppm: 0,
            reset_ppm: 0,
            crashes: Vec::new(),
            steps: Vec::new(),
            dead: false,
            proxied: false,
            faults: false,
            reloads: None,
            drops: None,
            calm: Duration::from_secs(3),
        }
    }
}
