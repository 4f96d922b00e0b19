use super::{BLOCK_HEADER, BlockHeader, HeaderFault, SEGMENT_HEADER, SegmentHeader, crc};

const SEGMENT: SegmentHeader = SegmentHeader {
    log_uuid: *b"0123456789abcdef",
    log: 4,
    boot: 5,
    segment: 6,
    salt: 7,
    first_block: 8,
    torn_block: 9,
    segment_len: 1 << 26,
};

fn page() -> Vec<u8> {
    let mut page = vec![0xEE; SEGMENT_HEADER];
    SEGMENT.encode(&mut page);
    page
}

#[test]
fn the_check_is_crc_32c() {
    assert_eq!(crc(b"123456789"), 0xE306_9283);
}

#[test]
fn a_segment_header_bears_damage_to_either_copy() {
    assert_eq!(SegmentHeader::decode(&page()), Ok(SEGMENT));
    for at in 0..SEGMENT_HEADER {
        let mut bent = page();
        bent[at] ^= 4;
        assert_eq!(SegmentHeader::decode(&bent), Ok(SEGMENT), "bent at {at}");
        bent[SEGMENT_HEADER - 1 - at] ^= 4;
        assert_eq!(SegmentHeader::decode(&bent), Err(HeaderFault::Unreadable), "bent at {at}, too");
    }
}

#[test]
fn a_later_version_is_not_an_unreadable_one() {
    for (version, read) in [(1, true), (2, true), (0, false), (3, false)] {
        let mut page = page();
        assert_eq!(page[8], 2, "what is written cannot be read by who knows of no raw texts");
        for copy in page.chunks_exact_mut(SEGMENT_HEADER / 2) {
            copy[8] = version;
            let (covered, check) = copy.split_at_mut(SEGMENT_HEADER / 2 - 4);
            check.copy_from_slice(&crc(covered).to_le_bytes());
        }
        let expected = if read { Ok(SEGMENT) } else { Err(HeaderFault::Version) };
        assert_eq!(SegmentHeader::decode(&page), expected, "{version}");
    }
}

#[test]
fn a_block_header_is_whole_and_of_its_salt_or_nothing() {
    let header = BlockHeader {
        salt: 7,
        number: 12,
        durable_upto: 11,
        payload_len: 5_000,
        records: 3,
        records_check: 1,
        previous: 2,
        boot: 5,
        wall: 6,
    };
    let mut bytes = [0xEE; BLOCK_HEADER];
    let check = header.encode(&mut bytes);
    assert_eq!(BlockHeader::decode(&bytes, 7), Some((header, check)));
    assert_eq!(BlockHeader::decode(&bytes, 8), None);
    assert_eq!(header.block_len(), 8_192);
    for bit in 0..BLOCK_HEADER * 8 {
        let mut bent = bytes;
        bent[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(BlockHeader::decode(&bent, 7), None, "bit {bit}");
    }
}
