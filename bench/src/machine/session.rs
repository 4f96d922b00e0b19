//! One message through each session, without a network.

use crate::inputs;
use event::MessageId;
use smtp::client::{self, Body, Envelope, Heard, Recipient, Say};
use smtp::server::{self, Door, Rights, Step};
use std::hint::black_box;
use std::sync::Arc;

const ID: MessageId = MessageId { log: 0, boot: 1, count: 1 };
const EHLO: &[u8] = b"EHLO client.test\r\n";

pub(super) fn receive(bytes: usize) -> Box<dyn FnMut()> {
    let text = [inputs::text(bytes), b".\r\n".to_vec()].concat();
    let mut config = server::Config::new("mx.test");
    config.transactions_max = u32::MAX;
    let mut session =
        server::Session::new(Arc::new(config), Rights { relay: true, xclient: false });
    let mut replies = Vec::new();
    assert_eq!(converse(&mut session, EHLO, &mut replies), 0);
    Box::new(move || {
        replies.clear();
        converse(&mut session, black_box(inputs::ENVELOPE), &mut replies);
        assert_eq!(converse(&mut session, black_box(&text), &mut replies), 1);
    })
}

/// Gives all of `input` to the session; how many messages came of it.
fn converse(session: &mut server::Session, input: &[u8], replies: &mut Vec<u8>) -> usize {
    let (mut used, mut messages) = (0, 0);
    while let Some((taken, step)) = session.step(&input[used..], Door::Open, replies) {
        used += taken;
        if let Step::Commit(_) = step {
            messages += 1;
            session.committed(ID, replies);
        }
        assert!(step != Step::Close, "{}", String::from_utf8_lossy(replies));
    }
    assert_eq!(used, input.len(), "all of it is used");
    messages
}

pub(super) fn send() -> Box<dyn FnMut()> {
    let mut session = client::Session::new(client::Config::new("relay.test"));
    let mut out = Vec::new();
    hear(&mut session, b"220 mx.test\r\n");
    assert!(session.say(&mut out).is_none());
    hear(&mut session, b"250-mx.test\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 PIPELINING\r\n");
    Box::new(move || {
        out.clear();
        let sender = b"news@shop.test".as_slice();
        let recipients = &[Recipient::from(b"ann@mail.test".as_slice())];
        let (size, counted, body) = (4_096, true, Body::EightBit);
        let (utf8, requiretls, ret, envid) = (false, false, None, b"".as_slice());
        let envelope =
            Envelope { sender, recipients, size, counted, body, utf8, requiretls, ret, envid };
        assert!(session.begin((), black_box(envelope)).is_none());
        assert!(session.say(&mut out).is_none());
        assert_eq!(hear(&mut session, b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n"), 0);
        assert!(matches!(session.say(&mut out), Some(Say::Text(()))));
        assert!(session.say(&mut out).is_none());
        assert_eq!(hear(&mut session, b"250 2.0.0 taken\r\n"), 1);
    })
}

/// Gives the replies to the session; how many transactions they ended.
fn hear(session: &mut client::Session<()>, mut replies: &[u8]) -> usize {
    let mut done = 0;
    while !replies.is_empty() {
        let (used, heard) = session.hear(replies).expect("a proper reply");
        done += usize::from(matches!(heard, Some(Heard::Done(..))));
        replies = &replies[used..];
    }
    done
}
