use super::Flaw;
use crate::desk::{
    Desk, Dice, Found, Segments, Survivor, Write, bytes_at, headers, recover, recover_sealed,
    sealed, spot_bytes,
};
use crate::{Place, Spot, Text};
use event::{MessageId, Tick};
use std::collections::{BTreeMap, BTreeSet};

const SECTOR: usize = 512;

/// What each message is, and which recipients are open: what must be found.
type Truth = BTreeMap<MessageId, (Vec<u8>, Vec<u16>)>;

/// A history: the writes, and the truth after each.
struct History {
    writes: Vec<(Write, Truth)>,
    places: BTreeMap<MessageId, Vec<Place>>,
}

impl History {
    fn new(seed: u64, commits: usize, size: u64) -> Self {
        let (mut desk, mut dice) = (Desk::new(), Dice(seed));
        let (mut truth, mut places) = (Truth::new(), BTreeMap::new());
        let mut writes = vec![(desk.commit(), Truth::new())];
        for _ in 0..commits {
            for _ in 0..=dice.roll(5) {
                act(&mut desk, &mut dice, &mut truth, &mut places, size);
            }
            writes.push((desk.commit(), truth.clone()));
        }
        Self { writes, places }
    }

    /// The disk after `count` writes.
    fn disk(&self, count: usize) -> Segments {
        let mut segments = Segments::new();
        for (write, _) in &self.writes[..count] {
            write.land(&mut segments);
        }
        segments
    }
}

fn act(
    desk: &mut Desk,
    dice: &mut Dice,
    truth: &mut Truth,
    places: &mut BTreeMap<MessageId, Vec<Place>>,
    size: u64,
) {
    let live: Vec<MessageId> = truth.keys().copied().collect();
    let chosen = live.get(dice.roll(live.len().max(1) as u64) as usize).copied();
    let recipient = dice.roll(2) as u16;
    match (dice.roll(5), chosen) {
        (0, Some(id)) => {
            desk.done(id, &[recipient]);
            let open = &mut truth.get_mut(&id).unwrap().1;
            open.retain(|open| *open != recipient);
            if open.is_empty() {
                truth.remove(&id);
            }
        }
        (1, Some(id)) => desk.defer(id, &[recipient], 1),
        (2, Some(id)) if dice.roll(3) == 0 => {
            desk.writer.abort(id, Tick::ZERO);
            truth.remove(&id);
        }
        _ => {
            let text: Vec<u8> = (0..dice.roll(size)).map(|_| dice.roll(256) as u8).collect();
            let (id, place, staged) = desk.put(&text);
            places.insert(id, vec![place[0], place_of(&staged.spot)]);
            truth.insert(id, (text, vec![0, 1]));
        }
    }
}

/// The spot as a place, its check left out.
fn place_of(spot: &Spot) -> Place {
    Place { segment: spot.segment(), offset: spot.offset(), len: spot.len(), crc: 0 }
}

fn found(segments: &Segments, found: &Found) -> Truth {
    let entry = |survivor: &Survivor| {
        let text = survivor.text.iter().flat_map(|place| bytes_at(segments, place)).copied();
        let open = survivor.open.iter().map(|open| open.recipient).collect();
        (survivor.id, (text.collect(), open))
    };
    found.survivors.iter().map(entry).collect()
}

#[test]
fn after_every_prefix_of_writes_everything_is_there() {
    let history = History::new(1, 60, 200_000);
    assert!(history.writes.iter().any(|(write, _)| write.segment > 1), "segments end");
    for count in 1..=history.writes.len() {
        let disk = history.disk(count);
        let recovered = recover(&disk, 5);
        assert_eq!(found(&disk, &recovered), history.writes[count - 1].1, "after {count} writes");
        assert_eq!(recovered.damage, [], "after {count} writes");
        assert!(recovered.position.begun || recovered.position.offset == 4_096);
        let quickly = recover_sealed(&disk, 5);
        assert_eq!(found(&disk, &quickly), history.writes[count - 1].1, "after {count} writes");
    }
}

/// A footer says what a scan of the blocks would say, byte for byte.
#[test]
fn a_footer_is_what_a_scan_gives() {
    let history = History::new(8, 120, 90_000);
    let disk = history.disk(history.writes.len());
    let segments = headers(&disk);
    assert!(segments.len() > 2, "segments end");
    for pair in segments.windows(2) {
        let [(header, bytes), (next, _)] = pair else { unreachable!("windows of two") };
        let sealed = sealed(header, bytes, next).expect("a full segment has a footer");
        let (scanned, _) = super::scan(header, bytes, Some(next));
        assert_eq!(sealed.index, scanned.index, "segment {}", header.segment);
        assert_eq!(sealed.end, scanned.end);
    }
}

/// The last write arrives with some of its sectors only: what was there before is there, and
/// what is new is whole; and it stays so when the log goes on.
#[test]
fn a_torn_write_takes_nothing_with_it() {
    let history = History::new(2, 7, 9_000);
    let mut dice = Dice(3);
    for last in 1..history.writes.len() {
        let before = history.disk(last);
        let sectors = history.writes[last].0.bytes.len() / SECTOR;
        for kind in 0..3 * sectors {
            let keep: Vec<bool> = (0..sectors)
                .map(|sector| match kind / sectors {
                    0 => sector < kind,
                    1 => sector != kind % sectors,
                    _ => dice.roll(2) == 0,
                })
                .collect();
            let mut torn = before.clone();
            tear(&history.writes[last].0, &keep, &mut torn);
            check_torn(&history, last, &torn, &format!("write {last}, sectors {keep:?}"));
        }
    }
}

fn tear(write: &Write, keep: &[bool], segments: &mut Segments) {
    write.begin(segments);
    let file = segments.get_mut(&write.segment).unwrap();
    for (sector, bytes) in write.bytes.chunks(SECTOR).enumerate() {
        if keep[sector] {
            let at = write.offset + sector * SECTOR;
            file[at..at + SECTOR].copy_from_slice(bytes);
        }
    }
}

fn check_torn(history: &History, last: usize, torn: &Segments, what: &str) {
    let (old, new) = (&history.writes[last - 1].1, &history.writes[last].1);
    let recovered = recover(torn, 5);
    let there = found(torn, &recovered);
    assert!(recovered.damage.iter().all(|damage| damage.flaw == Flaw::Torn), "{what}");
    check_between(old, new, &there, what);
    // The log goes on, and what was found once is found again.
    let (mut desk, _) = Desk::open(torn.clone());
    desk.commit();
    let (id, ..) = desk.put(b"after");
    desk.commit();
    let again = recover(&desk.segments, 6);
    assert!(again.damage.iter().all(|damage| damage.flaw == Flaw::Torn), "{what}, again");
    let mut again = found(&desk.segments, &again);
    assert_eq!(again.remove(&id), Some((b"after".to_vec(), vec![0, 1])), "{what}");
    assert_eq!(again, there, "{what}, again");
}

/// What is there has all that both have, and nothing that neither has.
fn check_between(old: &Truth, new: &Truth, there: &Truth, what: &str) {
    for (id, (text, open)) in there {
        let known = new.get(id).or(old.get(id)).expect("nothing comes from nowhere");
        assert!(*text == known.0, "{what}: the text of {id}");
        let fits = |truth: &Truth| truth.get(id).is_some_and(|(_, sure)| sure == open);
        assert!(fits(old) || fits(new) || partly(old, new, *id, open), "{what}: {id} {open:?}");
    }
    for (id, (_, open)) in old {
        let still = new.get(id).map_or(&[][..], |(_, open)| open);
        let sure = open.iter().filter(|recipient| still.contains(recipient));
        for recipient in sure {
            let has = there.get(id).is_some_and(|(_, open)| open.contains(recipient));
            assert!(has, "{what}: {id}/{recipient} is lost");
        }
    }
}

/// Of several completions in a torn write some may count.
fn partly(old: &Truth, new: &Truth, id: MessageId, open: &[u16]) -> bool {
    let before = old.get(&id).map_or(&[0, 1][..], |(_, open)| open);
    let after = new.get(&id).map_or(&[][..], |(_, open)| open);
    open.iter().all(|one| before.contains(one)) && after.iter().all(|one| open.contains(one))
}

/// A flipped bit loses the message whose bytes it hit, and that one is named.
#[test]
fn a_flipped_bit_costs_what_it_hit() {
    let history = History::new(4, 25, 3_000);
    let truth = &history.writes.last().unwrap().1;
    let disk = history.disk(history.writes.len());
    let mut dice = Dice(5);
    let mut lost = 0;
    for _ in 0..600 {
        let (write, _) = &history.writes[dice.roll(history.writes.len() as u64) as usize];
        let at = write.offset + dice.roll(write.bytes.len() as u64) as usize;
        let mut bent = disk.clone();
        bent.get_mut(&write.segment).unwrap()[at] ^= 1 << dice.roll(8);
        let recovered = recover(&bent, 5);
        let there = found(&bent, &recovered);
        let named: BTreeSet<_> =
            recovered.damage.iter().flat_map(|damage| damage.messages.iter().copied()).collect();
        for id in truth.keys().filter(|id| !there.contains_key(id)) {
            let hit = history.places[id].iter().any(|place| is_near(place, write.segment, at));
            assert!(hit, "{id} is lost to a flip at {at} that did not hit it");
            assert!(named.contains(id), "{id} is lost to a flip at {at}, and not named");
            lost += 1;
        }
        for id in there.keys().filter(|id| !truth.contains_key(id)) {
            assert!(!recovered.damage.is_empty(), "{id} came back for no reason");
        }
    }
    assert!(lost > 30, "the flips hit something");
}

/// Whether `at` is in the record whose payload lies at `place`.
fn is_near(place: &Place, segment: u64, at: usize) -> bool {
    let start = place.offset as usize - 32;
    place.segment == segment && (start..(place.offset + place.len) as usize).contains(&at)
}

#[test]
fn a_block_that_was_durable_and_is_gone_is_damage() {
    let history = History::new(6, 10, 3_000);
    let mut disk = history.disk(history.writes.len());
    let (gone, _) = &history.writes[5];
    let file = disk.get_mut(&gone.segment).unwrap();
    file[gone.offset..gone.offset + gone.bytes.len()].fill(0);
    let recovered = recover(&disk, 5);
    let [damage] = &recovered.damage[..] else { panic!("one flaw") };
    assert_eq!(damage.flaw, Flaw::Damaged);
    assert_eq!(damage.range, gone.offset as u64..(gone.offset + gone.bytes.len()) as u64);
    let there = found(&disk, &recovered);
    let late = history.writes[10].1.keys().filter(|id| !history.writes[5].1.contains_key(id));
    assert!(late.clone().count() > 0);
    late.for_each(|id| assert!(there.contains_key(id), "{id} was written behind the hole"));
}

#[test]
fn the_last_block_of_a_segment_was_durable_if_there_is_another_segment() {
    let history = History::new(1, 60, 200_000);
    let mut disk = history.disk(history.writes.len());
    let (last, _) = history.writes.iter().rfind(|(write, _)| write.segment == 1).unwrap();
    disk.get_mut(&1).unwrap()[last.offset + 10] ^= 1;
    let recovered = recover(&disk, 5);
    assert_eq!(
        recovered.damage.iter().map(|damage| damage.flaw).collect::<Vec<_>>(),
        [Flaw::Damaged]
    );
    assert_eq!(
        found(&disk, &recovered),
        history.writes.last().unwrap().1,
        "records check by themselves"
    );
}

#[test]
fn a_missing_segment_is_named_and_so_is_what_it_held() {
    let mut desk = Desk::new();
    let (id, first, _) = desk.put(b"first");
    while desk.segments.len() < 4 {
        desk.put(&vec![b'x'; 200_000]);
        desk.commit();
    }
    // Its text is in the second segment, its envelope in the last.
    let split = desk.next_id();
    let text = Text::from_elem(Place { segment: 2, ..first[0] }, 1);
    desk.writer.delivery(split, &text, &crate::desk::draft(), Tick::ZERO);
    desk.commit();
    desk.segments.remove(&2);
    let recovered = recover(&desk.segments, 5);
    let [damage] = &recovered.damage[..] else { panic!("one flaw, not {:?}", recovered.damage) };
    assert_eq!(
        (damage.segment, damage.flaw, &damage.messages[..]),
        (2, Flaw::Missing, &[split][..])
    );
    assert!(recovered.catalog.get(id).is_some());
}

#[test]
fn a_copy_that_is_torn_leaves_the_original() {
    let mut desk = Desk::new();
    let (id, original, staged) = desk.put(b"a text of some length, so that it can be hit");
    desk.commit();
    let (envelope, _) = crate::envelope_of(spot_bytes(&desk.segments, &staged.spot)).unwrap();
    let open = [crate::Standing { recipient: 1, attempt: 1, due: event::Wall(1) }];
    let copied = desk.writer.text(id, b"a text of some length, so that it can be hit", Tick::ZERO);
    desk.writer.copy(id, &Text::from_elem(copied, 1), &open, &envelope, Tick::ZERO);
    desk.commit();
    let whole = recover(&desk.segments, 5);
    assert_eq!(whole.survivors[0].text[0], copied);
    desk.segments.get_mut(&1).unwrap()[copied.offset as usize] ^= 1;
    let torn = recover(&desk.segments, 5);
    assert_eq!((&torn.survivors[0].text, torn.survivors[0].id), (&original, id));
}

#[test]
fn a_copy_opens_nothing_again() {
    let mut desk = Desk::new();
    let (id, text, staged) = desk.put(b"text");
    desk.done(id, &[0]);
    desk.commit();
    let (envelope, _) = crate::envelope_of(spot_bytes(&desk.segments, &staged.spot)).unwrap();
    let open =
        [0, 1].map(|recipient| crate::Standing { recipient, attempt: 0, due: event::Wall(0) });
    desk.writer.copy(id, &text, &open, &envelope, Tick::ZERO);
    desk.commit();
    let recovered = recover(&desk.segments, 5);
    assert_eq!(
        recovered.survivors[0].open.iter().map(|open| open.recipient).collect::<Vec<_>>(),
        [1]
    );
}

/// Whatever of its block arrives: a bounce is there, or its recipients are open, never both.
#[test]
fn a_torn_bounce_settles_nothing_and_is_nothing() {
    let mut desk = Desk::new();
    let (original, ..) = desk.put(b"original");
    desk.commit();
    let before = desk.segments.clone();
    let bounce = desk.bounce(original, &[0, 1]);
    desk.put(&[b'x'; 3_000]);
    let write = desk.commit();
    let sectors = write.bytes.len() / SECTOR;
    let mut dice = Dice(11);
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let keep: Vec<bool> = (0..sectors).map(|_| dice.roll(4) > 0).collect();
        let mut torn = before.clone();
        tear(&write, &keep, &mut torn);
        let found = recover(&torn, 5);
        let live = |id| found.survivors.iter().any(|survivor| survivor.id == id);
        assert_ne!(live(original), live(bounce), "{keep:?}");
        seen.insert(live(bounce));
    }
    assert_eq!(seen.len(), 2, "it arrives now and then");
}

#[test]
fn each_start_is_a_boot_of_its_own() {
    let mut desk = Desk::new();
    desk.commit();
    for boot in 2..6 {
        let (next, found) = Desk::open(desk.segments);
        assert_eq!(found.boot, boot);
        desk = next;
        desk.commit();
    }
    assert_eq!(desk.segments.len(), 1, "a clean log goes on in its segment");
}
