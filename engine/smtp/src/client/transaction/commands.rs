//! The commands of a transaction, with the parameters that the peer offers to take.

use crate::client::flight::Carrier;
use crate::client::offers::Offers;
use crate::client::{Body, Envelope, Notify, Recipient, Ret};
use std::io::Write as _;

/// Everything before the text, for the first `asked` recipients.
pub(super) fn write(
    envelope: &Envelope<'_>,
    asked: usize,
    carrier: Carrier,
    offers: &Offers,
    reset: bool,
) -> Vec<u8> {
    let recipients = envelope.recipients.iter().take(asked);
    let len = |recipient: &Recipient<'_>| recipient.path.len() + recipient.original.len() + 12;
    let addresses: usize = recipients.clone().map(len).sum();
    let mut out = Vec::with_capacity(envelope.sender.len() + addresses + 96);
    if reset {
        out.extend_from_slice(b"RSET\r\n");
    }
    sender(envelope, offers, &mut out);
    for recipient in recipients {
        out.extend_from_slice(b"RCPT TO:<");
        out.extend_from_slice(recipient.path);
        out.push(b'>');
        if offers.dsn {
            report(recipient, &mut out);
        }
        out.extend_from_slice(b"\r\n");
    }
    match carrier {
        Carrier::Data => out.extend_from_slice(b"DATA\r\n"),
        Carrier::Bdat | Carrier::Flight => {
            say(&mut out, format_args!("BDAT {} LAST\r\n", envelope.size));
        }
    }
    out
}

fn sender(envelope: &Envelope<'_>, offers: &Offers, out: &mut Vec<u8>) {
    out.extend_from_slice(b"MAIL FROM:<");
    out.extend_from_slice(envelope.sender);
    out.push(b'>');
    if offers.size && envelope.counted {
        say(out, format_args!(" SIZE={}", envelope.size));
    }
    match envelope.body {
        Body::SevenBit => {}
        Body::EightBit => out.extend_from_slice(b" BODY=8BITMIME"),
        Body::Binary => out.extend_from_slice(b" BODY=BINARYMIME"),
    }
    if envelope.needs_utf8(offers) {
        out.extend_from_slice(b" SMTPUTF8");
    }
    if envelope.requiretls && offers.requiretls {
        out.extend_from_slice(b" REQUIRETLS");
    }
    // RFC 3461 §4.3, §4.4: they go on as they came, and not to a host that does not know them.
    if offers.dsn {
        match envelope.ret {
            None => {}
            Some(Ret::Full) => out.extend_from_slice(b" RET=FULL"),
            Some(Ret::Headers) => out.extend_from_slice(b" RET=HDRS"),
        }
        if let Some(envid) = envelope.name() {
            out.extend_from_slice(b" ENVID=");
            out.extend_from_slice(envid);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// [RFC 3461 §5.2.1](https://www.rfc-editor.org/rfc/rfc3461#section-5.2.1): what was not said to
/// us is not said by us.
fn report(recipient: &Recipient<'_>, out: &mut Vec<u8>) {
    if let Some(notify) = recipient.notify {
        out.extend_from_slice(b" NOTIFY=");
        let words =
            [(Notify::SUCCESS, "SUCCESS"), (Notify::FAILURE, "FAILURE"), (Notify::DELAY, "DELAY")];
        let words = words.into_iter().filter(|(bit, _)| notify.contains(*bit));
        let words: Vec<&str> = words.map(|(_, word)| word).collect();
        let words = if words.is_empty() { "NEVER".to_owned() } else { words.join(",") };
        out.extend_from_slice(words.as_bytes());
    }
    if !recipient.original.is_empty() {
        out.extend_from_slice(b" ORCPT=");
        out.extend_from_slice(recipient.original);
    }
}

fn say(out: &mut Vec<u8>, words: std::fmt::Arguments<'_>) {
    out.write_fmt(words).expect("a Vec takes every write");
}
