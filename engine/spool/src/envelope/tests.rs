use super::{Draft, ENVELOPE_MAX, EXTRA_MAX, Envelope, Form, RECIPIENTS_MAX};
use crate::desk::draft;
use event::Wall;

const BINARY: Form = Form::Raw { ended: true, binary: true };

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
fn a_form_is_what_it_was() {
    let raw = |ended, binary| Form::Raw { ended, binary };
    let all =
        [Form::Stuffed, raw(true, true), raw(true, false), raw(false, true), raw(false, false)];
    for form in all {
        let envelope = Envelope::decode(&encoded(&Draft { form, ..draft() })).expect("whole");
        assert_eq!((envelope.form(), envelope.dotted()), (form, true));
        assert_eq!(envelope.binary(), matches!(form, Form::Raw { binary: true, .. }));
    }
}

/// As they were before there were forms and fields.
#[test]
fn an_envelope_of_the_first_version_is_read() {
    let fixed = [7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    let envelope = Envelope::decode(&[&fixed[..], &[3, 0, 0, 0], b"aP:b@c"].concat());
    let envelope = envelope.expect("whole");
    assert_eq!(
        (envelope.sender(), envelope.prefix(), envelope.recipient(0)),
        (&b"a"[..], &b"P:"[..], &b"b@c"[..])
    );
    assert_eq!((envelope.form(), envelope.extra()), (Form::Stuffed, &b""[..]));
    assert!(envelope.eight_bit() && envelope.dotted() && !envelope.binary());
    assert!(!envelope.requiretls(), "nobody could ask for it then");
}

#[test]
fn what_requires_tls_goes_on_doing_so() {
    for (requiretls, form) in [(true, Form::Stuffed), (true, BINARY), (false, BINARY)] {
        let draft = Draft { requiretls, form, ..draft() };
        let envelope = Envelope::decode(&encoded(&draft)).expect("whole");
        assert_eq!((envelope.requiretls(), envelope.form()), (requiretls, form));
        assert!(envelope.eight_bit() && envelope.dotted() && !envelope.utf8());
    }
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
    let full = vec![0; EXTRA_MAX];
    assert!(Draft { recipients: &many[..1_000], extra: &full, ..draft() }.envelope_len().is_some());
}
