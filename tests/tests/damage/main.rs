//! Ten thousand flipped bits, one at a time, anywhere in a log with some hundred live messages:
//! each time the log opens, what was not hit is there as it was, and what was hit is named when
//! the log is opened, or found out when it is read; nobody is sent a text that is not his.

#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod layout;
mod log;

use event::MessageId;
use kernel::allocator::Allocator;
use layout::{Area, Kind, Part};
use log::{Opened, Standings, Written};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;

/// The program's own. Every world asks for megabytes and gives them back, and the usual allocator
/// has the kernel clear them each time, which takes longer than the world.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Bits that are flipped, each in a log as it was.
const FLIPS: u64 = 10_000;
/// After so many the world is made anew, to have its memory back.
const BATCH: u64 = 250;
const SEED: u64 = 7;

/// How many flips fell where, how many messages they cost, and how many texts are damaged.
type Tally = BTreeMap<Part, [u64; 3]>;

#[test]
fn a_flipped_bit_costs_what_it_hit_and_that_is_named() {
    let tally = Mutex::new(Tally::new());
    let halves = [0..FLIPS / 2, FLIPS / 2..FLIPS];
    std::thread::scope(|scope| {
        for half in halves {
            scope.spawn(|| run(half, &tally));
        }
    });
    let tally = tally.into_inner().expect("no thread has panicked");
    println!("{:<24}{:>8}{:>8}{:>8}", "fell into", "flips", "lost", "damaged");
    for (part, [flips, lost, damaged]) in &tally {
        println!("{:<24}{flips:>8}{lost:>8}{damaged:>8}", part.to_string());
    }
    assert_eq!(tally.values().map(|counts| counts[0]).sum::<u64>(), FLIPS);
    for part in Part::ALL {
        assert!(
            tally.get(&part).is_some_and(|counts| counts[0] > 300),
            "{part} was hit too rarely"
        );
    }
    let cost = |part| tally[&part][1] + tally[&part][2];
    assert!(cost(Part::Text) > 300 && cost(Part::Record(Kind::Delivery)) > 300);
}

fn run(flips: Range<u64>, tally: &Mutex<Tally>) {
    for first in flips.clone().step_by(BATCH as usize) {
        let written = Written::new(SEED);
        let areas = written.areas();
        for flip in first..(first + BATCH).min(flips.end) {
            let mut dice = Dice(flip);
            let (area, at) = pick(&areas, &mut dice);
            let bit = dice.below(8) as u8;
            let opened = written.open_with_flip(area, at, bit);
            let what = format!(
                "flip {flip}: bit {bit} of byte {at} of segment {}, in {area:?}",
                area.segment
            );
            let [lost, damaged] = judge(&written, area, &areas, &opened, &what);
            let counts = &mut *tally.lock().expect("no thread has panicked");
            let counts = counts.entry(area.part).or_default();
            *counts = [counts[0] + 1, counts[1] + lost, counts[2] + damaged];
        }
    }
}

/// A byte, each part of a log as likely as the other.
fn pick<'a>(areas: &'a [Area], dice: &mut Dice) -> (&'a Area, usize) {
    let part = Part::ALL[dice.below(Part::ALL.len() as u64) as usize];
    let bytes = |area: &&Area| area.part == part;
    let all: usize = areas.iter().filter(bytes).map(|area| area.range.len()).sum();
    let mut at = dice.below(all as u64) as usize;
    for area in areas.iter().filter(bytes) {
        match at.checked_sub(area.range.len()) {
            None => return (area, area.range.start + at),
            Some(rest) => at = rest,
        }
    }
    unreachable!("a number below their sum is in one of them")
}

/// Compares what is found after a flip in `area` with what was there. How many messages are lost,
/// and how many texts damaged.
fn judge(written: &Written, area: &Area, areas: &[Area], opened: &Opened, what: &str) -> [u64; 2] {
    let loose = loosened(area, areas);
    let (mut lost, mut damaged) = (0, 0);
    for (id, standings) in &written.live {
        let hit = area.message == Some(*id);
        let Some(found) = opened.found.get(id) else {
            assert!(hit, "{what}: {id} is gone, and was not hit");
            assert!(opened.named.contains(id), "{what}: {id} is gone, and nobody says so");
            lost += 1;
            continue;
        };
        let same = found.standings == *standings;
        assert!(
            same || loose.contains(id) && is_older(&found.standings, standings),
            "{what}: {id} stands elsewhere"
        );
        assert_eq!(
            found.envelope, written.messages[id].envelope,
            "{what}: {id} has another envelope"
        );
        if let Some(text) = &found.text {
            assert!(*text == written.messages[id].text, "{what}: {id} has another text");
            continue;
        }
        assert!(hit, "{what}: the text of {id} is damaged, and was not hit");
        damaged += 1;
    }
    for (id, found) in opened.found.iter().filter(|(id, _)| !written.live.contains_key(*id)) {
        assert!(loose.contains(id), "{what}: {id} was through, and comes back");
        let message = written.messages.get(id).expect("nothing comes from nowhere");
        assert_eq!(found.envelope, message.envelope, "{what}: {id} has another envelope");
        assert!(found.text.as_ref().is_none_or(|text| *text == message.text), "{what}: {id}");
    }
    [lost, damaged]
}

/// Messages some recipients of which may be open again: a record of what became of them was hit,
/// or one that holds only if the whole of its block does.
fn loosened(area: &Area, areas: &[Area]) -> BTreeSet<MessageId> {
    let bound = areas.iter().filter(|other| {
        other.bound
            && other.block.is_some()
            && (other.segment, other.block) == (area.segment, area.block)
    });
    let hit = matches!(area.part, Part::Record(Kind::Verdict)).then_some(area);
    bound.chain(hit).filter_map(|area| area.message).collect()
}

/// Whether all that is open in truth is, and nothing was tried more often.
fn is_older(found: &Standings, truth: &Standings) -> bool {
    truth.iter().all(|(recipient, (attempt, _))| {
        found.get(recipient).is_some_and(|(found, _)| found <= attempt)
    })
}

/// Numbers that look random, the same every time (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
