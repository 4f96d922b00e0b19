use super::*;
use crate::SEGMENT_MIN;
use crate::desk::Desk;

/// One segment of four blocks, each with a message of 5,000 bytes.
fn segment() -> (SegmentHeader, Vec<u8>) {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.put(&[b'x'; 5_000]);
        desk.commit();
    }
    let (id, ..) = desk.put(&[b'y'; 5_000]);
    desk.defer(id, &[1], 2);
    desk.done(id, &[0]);
    desk.commit();
    let bytes = desk.segments.remove(&1).unwrap();
    (SegmentHeader::decode(&bytes).unwrap(), bytes)
}

fn walk(header: &SegmentHeader, bytes: &[u8]) -> Vec<Stretch> {
    Walk::new(header, bytes, None, Depth::Texts).collect()
}

fn faults(stretches: &[Stretch]) -> Vec<Fault> {
    let faults = |stretch: &Stretch| stretch.faults.iter().map(|fault| fault.1).collect::<Vec<_>>();
    stretches.iter().flat_map(faults).collect()
}

#[test]
fn a_sound_segment_is_shown_whole_and_without_fault() {
    let (header, bytes) = segment();
    let stretches = walk(&header, &bytes);
    assert_eq!(faults(&stretches), []);
    let numbers: Vec<_> = stretches.iter().map(|one| one.block.unwrap().number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let said = |seen: &Seen| match &seen.what {
        What::Text => "text",
        What::Delivery(message) if message.envelope.recipient_count() == 2 => "delivery",
        What::Done(done) if done.recipients == [0] => "done",
        What::Defer(defer) if (defer.attempt, &defer.recipients[..]) == (2, &[1]) => "defer",
        _ => "other",
    };
    let last: Vec<_> = stretches[3].records.iter().map(said).collect();
    assert_eq!(last, ["text", "delivery", "defer", "done"]);
}

/// Whatever bit of a durable block flips, the walk says so, inside that block.
#[test]
fn every_flipped_bit_of_a_durable_block_is_found() {
    let (header, bytes) = segment();
    let mut flipped = bytes[..64 * 1_024].to_vec();
    for at in (4_096..4_096 + 3 * 8_192).step_by(3) {
        flipped[at] ^= 1 << (at % 8);
        let stretches = walk(&header, &flipped);
        flipped[at] = bytes[at];
        let hit: Vec<_> = stretches.iter().filter(|one| !one.faults.is_empty()).collect();
        let first = hit.first().unwrap_or_else(|| panic!("byte {at} flipped unnoticed"));
        assert!(first.range.contains(&(at as u64)), "byte {at}: {:?}", first.range);
        assert!(!first.torn && stretches.last().unwrap().block.unwrap().number == 4, "byte {at}");
    }
}

#[test]
fn a_text_is_compared_only_if_asked() {
    let (header, mut bytes) = segment();
    bytes[4_096 + 96 + 32 + 100] ^= 1;
    let shallow: Vec<_> = Walk::new(&header, &bytes, None, Depth::Structure).collect();
    assert_eq!(faults(&shallow), []);
    assert!(matches!(faults(&walk(&header, &bytes))[..], [Fault::Payload(_)]));
}

#[test]
fn a_block_cut_off_at_the_end_is_torn_unless_the_next_segment_counts_it() {
    let (header, mut bytes) = segment();
    let last = 4_096 + 3 * 8_192;
    bytes[last + 4_096..last + 8_192].fill(0xAB);
    let next = SegmentHeader { segment: 2, first_block: 5, ..header };
    let torn = |next: Option<&SegmentHeader>| {
        let stretches: Vec<_> = Walk::new(&header, &bytes, next, Depth::Texts).collect();
        stretches.last().unwrap().torn
    };
    assert!(torn(None));
    assert!(torn(Some(&SegmentHeader { torn_block: 4, ..next })));
    assert!(!torn(Some(&next)), "the next segment begins behind it");
}

#[test]
fn blocks_that_were_never_acknowledged_are_not_looked_at() {
    let (header, bytes) = segment();
    let next = SegmentHeader { segment: 2, first_block: 3, ..header };
    let mut walk = Walk::new(&header, &bytes, Some(&next), Depth::Texts);
    assert_eq!(walk.by_ref().count(), 2);
    assert_eq!((walk.block(), walk.offset(), walk.durable()), (3, 4_096 + 2 * 8_192, 1));
}

#[test]
fn claims_that_cannot_be_are_named() {
    let (header, bytes) = segment();
    let forge = |change: fn(&mut BlockHeader)| {
        let mut bytes = bytes.clone();
        let at = 4_096 + 8_192;
        let (mut block, _) = BlockHeader::decode(&bytes[at..], header.salt).unwrap();
        change(&mut block);
        block.encode(&mut bytes[at..]);
        faults(&walk(&header, &bytes))
    };
    // A changed header changes the check the next block names.
    assert_eq!(
        forge(|block| block.durable_upto = 2),
        [Fault::DurableUpto { claim: 2, block: 2 }, Fault::Chain]
    );
    assert_eq!(forge(|block| block.previous ^= 1), [Fault::Chain, Fault::Chain]);
    assert_eq!(forge(|block| block.boot = 0), [Fault::Boot { before: 1, found: 0 }, Fault::Chain]);
    assert_eq!(forge(|block| block.records = 1), [Fault::Records, Fault::Chain]);
}

#[test]
fn an_empty_segment_has_nothing_to_show() {
    let (header, bytes) = segment();
    let mut empty = vec![0xAB; SEGMENT_MIN];
    empty[..4_096].copy_from_slice(&bytes[..4_096]);
    assert_eq!(walk(&header, &empty).len(), 0);
}
