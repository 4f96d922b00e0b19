use super::*;
use crate::desk::draft;
use std::net::Ipv4Addr;

#[test]
fn a_record_header_is_whole_and_of_its_salt_or_nothing() {
    let header = RecordHeader {
        kind: Kind::Done,
        bound: true,
        boot: 3,
        count: 4,
        payload_len: 42,
        payload_crc: 5,
    };
    let mut bytes = [0; RECORD_HEADER];
    let check = header.encode(77, &mut bytes);
    assert_eq!(RecordHeader::decode(77, &bytes), Some((header, check)));
    assert_eq!(RecordHeader::decode(78, &bytes), None);
    for bit in 0..RECORD_HEADER * 8 {
        let mut bent = bytes;
        bent[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(RecordHeader::decode(77, &bent), None, "bit {bit}");
    }
}

#[test]
fn a_kind_of_a_later_version_has_a_length() {
    let header = RecordHeader {
        kind: Kind::Later,
        bound: false,
        boot: 0,
        count: 0,
        payload_len: 9,
        payload_crc: 0,
    };
    let mut bytes = [0; RECORD_HEADER];
    header.encode(1, &mut bytes);
    let (read, _) = RecordHeader::decode(1, &bytes).expect("whole");
    assert_eq!((read.kind, read.record_len()), (Kind::Later, RECORD_HEADER + 16));
    assert_eq!(Record::decode(Kind::Later, b"something"), None);
    assert_eq!(RecordHeader::read(&[0; RECORD_HEADER]), None, "padding is no record");
}

#[test]
fn a_verdict_says_what_was_put_in() {
    let enhanced = Some(EnhancedCode { class: 4, subject: 7, detail: 28 });
    let peers =
        [None, Some(IpAddr::from(Ipv4Addr::LOCALHOST)), Some("2001:db8::1".parse().unwrap())];
    for peer in peers {
        let answer = Answer { code: 451, enhanced, peer };
        let (outcome, attempt, due) = (Outcome::Deferred, 3, Wall(99));
        let verdict = Verdict { outcome, answer, attempt, due, recipients: &[0, 7, 65_535][..] };
        let mut payload = vec![0xEE; verdict_len(3)];
        verdict.encode(&mut payload);
        let read = Verdict::decode(&payload).expect("whole");
        assert!(read.recipients.iter().eq([0, 7, 65_535]));
        let Verdict { outcome: o, answer: a, attempt: n, due: d, .. } = read;
        assert_eq!((o, a, n, d), (outcome, answer, attempt, due));
        for len in 0..payload.len() {
            assert_eq!(Verdict::decode(&payload[..len]), None, "cut to {len}");
        }
    }
}

#[test]
fn a_copy_keeps_places_and_standings() {
    let text: Vec<Place> =
        (1..4).map(|n| Place { segment: n, offset: 8, len: 9, crc: 10 }).collect();
    let open = [Standing { recipient: 4, attempt: 2, due: Wall(5) }];
    let mut envelope = vec![0; draft().envelope_len().unwrap()];
    draft().encode(&mut envelope);
    let mut payload = vec![0xEE; delivery_len(3, 1, envelope.len())];
    encode_copy(&mut payload, &text, &open, &envelope);
    let read = Delivery::decode(&payload).expect("whole");
    assert_eq!(
        (&read.text[..], &read.open[..], read.envelope),
        (&text[..], &open[..], &envelope[..])
    );
    let (read, text) = envelope_of(&payload).expect("whole");
    assert_eq!((read.bytes(), text.len()), (&envelope[..], 3));
    for len in 0..payload.len() {
        assert_eq!(Delivery::decode(&payload[..len]), None, "cut to {len}");
    }
}
