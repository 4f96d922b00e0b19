use super::{Draft, ENVELOPE_MAX, Envelope, RECIPIENTS_MAX};
use crate::desk::draft;
use event::Wall;

fn encoded(draft: &Draft<'_>) -> Vec<u8> {
    let mut bytes = vec![0xEE; draft.envelope_len().expect("within the limits")];
    draft.encode(&mut bytes);
    bytes
}

#[test]
fn an_envelope_says_what_its_draft_said() {
    let envelope = Envelope::decode(&encoded(&draft())).expect("whole");
    assert_eq!(envelope.sender(), b"a@example.com");
    assert_eq!(envelope.prefix(), b"Received: by us\r\n");
    assert_eq!(envelope.accepted(), Wall(1_000));
    assert!(envelope.recipients().eq([&b"b@example.net"[..], b"c@example.org"]));
    let flags = (envelope.eight_bit(), envelope.utf8(), envelope.dotted());
    assert_eq!(flags, (true, false, true));
}

#[test]
fn the_null_sender_and_no_prefix_are_empty() {
    let bare = Draft { sender: b"", prefix: b"", recipients: &[b"b"], utf8: true, ..draft() };
    let envelope = Envelope::decode(&encoded(&bare)).expect("whole");
    assert_eq!((envelope.sender(), envelope.prefix()), (&b""[..], &b""[..]));
    assert_eq!((envelope.recipient_count(), envelope.recipient(0)), (1, &b"b"[..]));
    assert!(envelope.utf8());
}

#[test]
fn a_cut_or_bent_envelope_is_none() {
    let bytes = encoded(&draft());
    for len in 0..bytes.len() {
        assert_eq!(Envelope::decode(&bytes[..len]), None, "cut to {len}");
    }
    for at in 10..32 {
        let mut bent = bytes.clone();
        bent[at] ^= 0x80;
        assert_eq!(Envelope::decode(&bent), None, "bent at {at}");
    }
}

#[test]
fn the_limits_are_kept() {
    let path = [b'x'; 320];
    let many = vec![&path[..]; RECIPIENTS_MAX + 1];
    let long = vec![b'x'; ENVELOPE_MAX];
    assert_eq!(Draft { recipients: &many, ..draft() }.envelope_len(), None);
    assert_eq!(Draft { prefix: &long, ..draft() }.envelope_len(), None);
    assert!(Draft { recipients: &many[..1_000], ..draft() }.envelope_len().is_some());
}
