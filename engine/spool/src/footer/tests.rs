use crate::desk::{Desk, Dice, headers};
use crate::{Footer, SegmentHeader};

/// A log whose first segment is full.
fn full() -> Desk {
    let mut desk = Desk::new();
    while desk.segments.len() < 2 {
        desk.put(&[b'x'; 9_000]);
        desk.commit();
    }
    desk
}

/// The footer of the first segment, and whether its index checks.
fn read(desk: &Desk) -> Option<(Footer, bool)> {
    let segments = headers(&desk.segments);
    let [(first, bytes), (next, _)] = segments[..] else { panic!("two segments") };
    let footer = Footer::decode(&bytes[Footer::offset(&first) as usize..], &first, &next)?;
    let index = bytes.get(footer.index_offset as usize..)?.get(..footer.index_len as usize)?;
    Some((footer, footer.checks(index)))
}

#[test]
fn it_is_found_and_lies_behind_the_blocks() {
    let (footer, checks) = read(&full()).expect("a footer");
    assert!(checks && u64::from(footer.end.offset) <= footer.index_offset);
    assert!(footer.index_len > 100, "there are live messages");
}

#[test]
fn no_flipped_bit_passes() {
    let mut desk = full();
    let (footer, _) = read(&desk).expect("a footer");
    let mut dice = Dice(7);
    for _ in 0..2_000 {
        let index = footer.index_offset as usize
            ..(footer.index_offset + u64::from(footer.index_len)) as usize;
        let page = desk.segments[&1].len() - Footer::LEN..desk.segments[&1].len();
        let part = if dice.roll(2) == 0 { index } else { page };
        let at = part.start + dice.roll(part.len() as u64) as usize;
        let bit = 1 << dice.roll(8);
        desk.segments.get_mut(&1).unwrap()[at] ^= bit;
        assert!(read(&desk).is_none_or(|(_, checks)| !checks), "a flip at {at} passes");
        desk.segments.get_mut(&1).unwrap()[at] ^= bit;
    }
    assert!(read(&desk).expect("as before").1);
}

/// One that a file's earlier life left, or that the next segment contradicts, is none.
#[test]
fn it_belongs_to_its_segment_and_to_the_next() {
    let desk = full();
    let segments = headers(&desk.segments);
    let [(first, bytes), (next, _)] = segments[..] else { panic!("two segments") };
    let page = &bytes[Footer::offset(&first) as usize..];
    let decode =
        |segment: SegmentHeader, next: SegmentHeader| Footer::decode(page, &segment, &next);
    assert!(decode(first, next).is_some());
    assert!(decode(SegmentHeader { salt: 1, ..first }, next).is_none());
    assert!(decode(SegmentHeader { segment: 5, ..first }, next).is_none());
    let void = SegmentHeader { first_block: next.first_block - 1, ..next };
    assert!(decode(first, void).is_none(), "its last block is void");
    let torn = SegmentHeader { torn_block: next.first_block, ..next };
    assert!(decode(first, torn).is_none());
}
